"""Answering: who answers calls, from the start of the service and through each change of agents' files."""

from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack

import anyio
from anyio import to_thread
from anyio.abc import ObjectReceiveStream, TaskGroup

from pipeline.archive import check_key
from pipeline.assemble import Assembly
from pipeline.calls import Calls, Shared
from pipeline.core.errors import PipelineError
from pipeline.dialog import agents
from pipeline.observe import logger
from pipeline.settings import Settings, SettingsError
from pipeline.store import keys
from pipeline.store.keys import Keys


def read_keys(settings: Settings) -> Keys | None:
    """Return the keys of pseudonyms, None where no file is named. Raises RecordsError."""
    path = settings.records.key
    return None if path is None else keys.read(path, settings.records.restorable)


def read_agents(settings: Settings) -> dict[str, agents.Agent]:
    """Return the agents by id.

    Raises SettingsError, also where that is missing which answers by default; and RecordsError for the key that they
    need.
    """
    found = agents.load(settings.agents)
    if settings.agent not in found:
        raise SettingsError(
            "unknown-agent", f"agent: {settings.agents} has no {settings.agent}.toml; there are: {', '.join(found)}"
        )
    check_key(found, read_keys(settings))
    return found


class Answering:
    """The agents that answer, with all that they need."""

    def __init__(
        self, settings: Settings, assembly: Assembly, calls: Calls, tasks: TaskGroup, idle: Callable[[], bool]
    ) -> None:
        """Answer nothing yet. What nobody waits for is done in ``tasks``, some of it only while it is ``idle``."""
        self._settings = settings
        self._assembly = assembly
        self._calls = calls
        self._tasks = tasks
        self._idle = idle
        self._shared: Shared
        self._rehearsing = anyio.CancelScope()

    async def open(self, found: Mapping[str, agents.Agent]) -> None:
        """Load what these agents need, and let calls be answered. Raises PipelineError."""
        served = await self._assembly.served(found)
        kits = await self._assembly.kits(served.values())
        self._shared = await self._assembly.engines(served.values(), kits)
        self._calls.answer_as(served, kits)
        self._calls.open(self._shared)
        self._rehearse()

    async def follow(self, changes: ObjectReceiveStream[None]) -> None:
        """Read the agents anew whenever asked to; those that cannot be used change nothing, and leave nothing open."""
        log = logger("serve")
        async for _ in changes:
            try:
                await self._renew()
            except PipelineError as error:
                log.warning("agents stay as they are", code=error.code, reason=str(error))
            else:
                log.info("agents read anew", agents=sorted(self._calls.answering))

    async def _renew(self) -> None:
        found = await self._assembly.served(await to_thread.run_sync(read_agents, self._settings))
        known = self._calls.answering.values()
        new = [agent for agent in found.values() if agent not in known]
        kits = await self._assembly.kits(found.values())
        async with AsyncExitStack() as unused:
            for kit in kits.values():
                unused.push_async_callback(kit.retire)
            await self._assembly.welcome(self._shared, new, kits)
            unused.pop_all()
        before = self._calls.answer_as(found, kits)
        self._rehearse()
        for kit in before.values():
            await kit.retire()

    def _rehearse(self) -> None:
        """Begin to rehearse what the agents say word for word, in place of what was being rehearsed.

        All of them, because documents change without their agent's file; what is known already costs nothing.
        """
        self._rehearsing.cancel()
        self._rehearsing = scope = anyio.CancelScope()
        self._tasks.start_soon(self._speak_ahead, scope)

    async def _speak_ahead(self, scope: anyio.CancelScope) -> None:
        with scope:
            served, kits = self._calls.answering, self._calls.kits
            await self._assembly.rehearse(self._shared, served.values(), kits, self._idle)
