"""ChatModels: every model that an agent may be answered by, built once for all agents."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from functools import partial
from pathlib import Path

from anyio import to_thread

from pipeline.core.clock import Clock
from pipeline.core.errors import DialogError, ModelError, PipelineError
from pipeline.core.tags import plain
from pipeline.dialog.agents import Agent
from pipeline.dialog.health import Health
from pipeline.dialog.routed import Candidate
from pipeline.dialog.routing import Candidates, Router
from pipeline.models.store import Store
from pipeline.observe import Metrics, logger
from pipeline.settings import Settings, SettingsError

EMBEDDED = " (embedded)"
"""Behind the name of the model that is held in reserve: the server's may be called alike."""


Get = Callable[[str], Awaitable[PipelineError | None]]
"""Returns None once the model of this name is there, or why it is missing."""


class ChatModels:
    """Asks the Ollama server or the store for models. An engine that is not used is not imported."""

    def __init__(
        self, settings: Settings, store: Store, metrics: Metrics, clock: Clock, folder: Callable[[str], Awaitable[Path]]
    ) -> None:
        """Hold no model yet. ``folder`` returns where a model of the store lies, once it is found to be whole."""
        self._settings = settings
        self._store = store
        self._clock = clock
        self._folder = folder
        self._watcher = Watching(metrics)
        self._log = logger("assemble")
        self._engine = ""
        """``ollama`` or ``llamacpp``, once that is known."""
        self._usual = ""
        """Name of the model of agents that name none, once it is known."""
        self._known: dict[str, Candidate] = {}
        self._reserve: Candidate | None = None
        self._contexts: dict[str, dict[str, int]] = {}
        """By the agents' ids: their models, and the context that each is asked for."""

    async def add(self, agents: Collection[Agent]) -> None:
        """Build what these agents name and is not there yet; the server is asked anew for the digest of what is.

        The first time decides on the engine: ``auto`` takes Ollama where a server answers that has a model for each
        agent. Raises PipelineError; what was there before is as it was then.
        """
        engine = self._engine or self._settings.dialog.engine
        if engine != "llamacpp":
            try:
                await self._gather(agents, self._served)
            except DialogError as error:
                if engine == "ollama":
                    raise
                self._log.info("no Ollama, taking the embedded model", code=error.code, reason=str(error))
                engine, self._usual, self._known = "llamacpp", "", {}
            else:
                engine = "ollama"
        if engine == "llamacpp":
            self._refuse_contexts(agents)
            await self._gather(agents, self._embedded)
        elif not self._engine and self._settings.dialog.reserve:
            await self._load_reserve()
        self._engine = engine
        self._compare_contexts(agents)

    def router(self, agent: Agent) -> Router:
        """Return who answers for an agent that has been added."""
        rules, small = agent.model, self._settings.ladder.smaller_model
        names = [plain(name) for name in rules.names or (self._usual,)]
        best = [self._known[name] for name in names if name in self._known]
        simple, smaller = (self._known.get(plain(name)) for name in (rules.simple, small))
        return Router(rules, Candidates(best, simple, smaller, self._reserve), self._clock, self._watcher)

    async def _gather(self, agents: Collection[Agent], get: Get) -> None:
        """Get all that the agents and the ladder name. Raises what ``get`` returns for who would have no model."""
        asked: dict[str, PipelineError | None] = {}

        async def once(name: str) -> PipelineError | None:
            if name not in asked:
                asked[name] = await get(name)
            return asked[name]

        for agent in agents:
            names = (*agent.model.names, *([agent.model.simple] if agent.model.simple else []))
            troubles = {name: trouble for name in names if (trouble := await once(name)) is not None}
            for name, trouble in troubles.items():
                self._log.warning("model missing", agent=agent.id, model=name, reason=str(trouble))
            if agent.model.names and troubles.keys() >= set(agent.model.names):
                raise troubles[agent.model.names[0]]
            if not agent.model.names and not self._usual:
                self._usual = await _first(self._settings.dialog.models, once)
        small = self._settings.ladder.smaller_model
        trouble = await once(small) if small and plain(small) not in self._known else None
        if trouble is not None:
            raise trouble
        for name in self._known.keys() - set(map(plain, asked)):
            with suppress(DialogError):  # what fails now is told when it is asked for an answer
                await get(name)

    async def _served(self, name: str) -> PipelineError | None:
        """Return None if the Ollama server has the model, or what it says. Raises DialogError when it does not answer.

        One that is missing is known, too: it answers from when it is there.
        """
        from pipeline.dialog.ollama import Ollama

        stuck = partial(self._log.warning, "model stuck, unloading it", model=name)
        toolless = partial(self._log.warning, "model without tools, asked without", model=name)
        known = self._known.get(plain(name))
        model = known.model if known is not None else Ollama(self._settings.dialog, name, stuck, toolless)
        assert isinstance(model, Ollama)  # noqa: S101  the engine is chosen once
        self._known[plain(name)] = known or Candidate(name, model, Health(self._clock))
        try:
            await model.check()
        except DialogError as error:
            if error.code != "model-missing":
                raise
            return error
        if known is None:
            self._log.info("chat model", engine="ollama", model=name, digest=model.digest)
        return None

    async def _embedded(self, name: str) -> PipelineError | None:
        """Return None when the model is loaded, or why it cannot be had."""
        if plain(name) in self._known:
            return None
        try:
            self._known[plain(name)] = await self._loaded(name, name)
        except ModelError as error:
            if error.code != "model-missing":
                raise
            return error
        return None

    async def _loaded(self, name: str, label: str) -> Candidate:
        """Return a model of the store, in this process. Raises ModelError."""
        from pipeline.dialog.llamacpp import LlamaCpp

        self._store.first_present((name,))
        await self._folder(name)
        (file,) = (file for file in self._store.catalog[name].files if file.path.endswith(".gguf"))
        path, digest = self._store.file(name, ".gguf"), self._store.digest(name, file)
        self._log.info("chat model", engine="llamacpp", model=name, digest=digest)
        model = await to_thread.run_sync(LlamaCpp.load, path, self._settings.dialog, digest)
        return Candidate(label, model, Health(self._clock))

    async def _load_reserve(self) -> None:
        """Load the embedded model beside the server's, if one is here."""
        try:
            name = self._store.first_present(self._settings.dialog.models)
        except ModelError as error:
            self._log.warning("no model in reserve", reason=str(error))
        else:
            self._reserve = await self._loaded(name, f"{name}{EMBEDDED}")

    def _refuse_contexts(self, agents: Collection[Agent]) -> None:
        """Raise SettingsError for an agent that wants a larger context than the embedded model is loaded with."""
        fixed = self._settings.dialog.num_ctx
        for agent in agents:
            if (agent.writing.num_ctx or 0) > fixed:
                raise SettingsError(
                    "context-fixed",
                    f"agent {agent.id}: writing.num_ctx is {agent.writing.num_ctx}, but the embedded model is loaded "
                    f"once, with dialog.num_ctx ({fixed}): raise that, or leave the agent's out",
                )

    def _compare_contexts(self, agents: Collection[Agent]) -> None:
        """Complain where agents ask one model for contexts of different sizes: Ollama loads it anew at each change."""
        for agent in agents:
            size = agent.writing.num_ctx or self._settings.dialog.num_ctx
            self._contexts[agent.id] = {one.name: size for one in self.router(agent).everybody}
        sizes: dict[str, set[int]] = defaultdict(set)
        for wanted in self._contexts.values():
            for name, size in wanted.items():
                sizes[name].add(size)
        for name, several in sizes.items():
            if len(several) > 1 and self._engine == "ollama":
                self._log.warning("agents want different contexts of a model", model=name, num_ctx=sorted(several))


class Watching:
    """A watcher that counts and logs."""

    def __init__(self, metrics: Metrics) -> None:
        """Count in ``metrics``."""
        self._models = metrics.models
        self._log = logger("dialog")

    def answers(self, model: str, first_token: float) -> None:
        """Count an answer and its wait."""
        self._models.answers.labels(model).inc()
        self._models.first_token.labels(model).observe(first_token)

    def writes(self, model: str, tokens_per_second: float) -> None:
        """Keep the speed."""
        self._models.speed.labels(model).set(tokens_per_second)

    def passed_over(self, model: str, reason: str) -> None:
        """Count it, and log it where it is news."""
        self._models.fallbacks.labels(model, reason).inc()
        if reason not in {"slow", "failing"}:
            self._log.warning("another model is asked", model=model, reason=reason)


async def _first(names: Collection[str], get: Get) -> str:
    """Return the first name that can be had. Raises what is said of one that can be mended, if none can be had."""
    troubles = []
    for name in names:
        trouble = await get(name)
        if trouble is None:
            return name
        troubles.append(trouble)
    raise next((trouble for trouble in troubles if getattr(trouble, "fix", "")), troubles[0])
