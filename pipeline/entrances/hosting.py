"""Hosting: where the calls of the process run, each in a task of its own and none in that of a stream."""

from collections.abc import Callable, Coroutine
from typing import Any

import anyio
from anyio.abc import TaskGroup

from pipeline.core.errors import EntranceError
from pipeline.entrances.live_calls import LiveCalls


class Hosting:
    """The tasks of all calls. ``run`` must be running."""

    def __init__(self, live: LiveCalls) -> None:
        """Hold none yet; ``live`` are those that are hung up in the end."""
        self._live = live
        self._tasks: TaskGroup | None = None

    async def run(self) -> None:
        """Hold the calls until cancelled."""
        async with anyio.create_task_group() as tasks:
            self._tasks = tasks
            try:
                await anyio.sleep_forever()
            finally:
                self._tasks = None
                self._live.hang_up()

    async def begin(self, conduct: Callable[..., Coroutine[Any, Any, Any]], *args: object) -> Any:
        """Begin a call's task; return what it says by its ``task_status``, and raise what it raises before.

        Raises EntranceError ``not-ready`` where calls are not held (yet).
        """
        if self._tasks is None:
            raise EntranceError("not-ready", "calls are not taken yet", retryable=True)
        return await self._tasks.start(conduct, *args)
