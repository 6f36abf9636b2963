"""Library: the documents of all agents, open, and the models by which they are searched by meaning."""

from collections.abc import Collection, Sequence
from contextlib import suppress

from anyio import to_thread

from pipeline.core.cache import Tally
from pipeline.core.errors import DialogError, KnowledgeError
from pipeline.core.tags import plain
from pipeline.dialog.agents import Agent
from pipeline.dialog.knowledge.build import Built, Embedder
from pipeline.dialog.knowledge.database import Database
from pipeline.dialog.knowledge.folder import opened
from pipeline.dialog.knowledge.search import Knowledge
from pipeline.dialog.lookup import Lookup
from pipeline.models.store import Store
from pipeline.observe import Log, Metrics, logger
from pipeline.settings import Settings

KNOWLEDGE = "knowledge"
"""Folder of the cache in which files are built from agents' documents."""


class Library:
    """Opens documents. Embedders have clients of their own, one each for all agents."""

    def __init__(self, settings: Settings, store: Store, metrics: Metrics) -> None:
        """Open nothing and connect to nothing yet."""
        self._settings = settings
        self._store = store
        self._log = logger("assemble")
        self._embedders: dict[str, Watched] = {}
        self._searches = Tally()
        metrics.caches.watch("searches", self._searches)

    @property
    def embedders(self) -> Collection[Embedder]:
        """Return what the documents that were opened are searched with."""
        return tuple(self._embedders.values())

    async def lookup(self, agent: Agent) -> Lookup:
        """Return the documents of an agent, which has some. Raises KnowledgeError."""
        log = self._log.bind(agent=agent.id)

        def failed(error: KnowledgeError) -> None:
            log.warning("knowledge failed", code=error.code, reason=str(error))

        if agent.knowledge.folder:
            knowledge, built = await self._folder(agent)
            _tell_built(log, built)
        else:
            database = await to_thread.run_sync(Database, self._settings.agents / agent.knowledge.file)
            knowledge = Knowledge(database, self._embedder(database.about.get("embedding_model", "")))
        vectors = knowledge.about["embedding_model"] if knowledge.by_meaning else ""
        log.info("knowledge", version=knowledge.version, vectors=vectors)
        return Lookup(knowledge, agent.knowledge, agent.privacy.region, failed, self._searches)

    async def _folder(self, agent: Agent) -> tuple[Knowledge, Built | None]:
        """Return what an agent's folder holds, with vectors if it wants some and they can be had."""
        wanted, catalog, cache = agent.knowledge, self._store.catalog, self._store.cache / KNOWLEDGE
        folder, embedder = self._settings.agents / wanted.folder, self._embedder(wanted.embedding)
        if embedder is not None:
            known = catalog[wanted.embedding].languages if wanted.embedding in catalog else ()
            with suppress(DialogError):  # it is told, and tried again when the agents are read the next time
                return await opened(folder, cache, agent.language, embedder, wanted.embedding_languages or tuple(known))
        return await opened(folder, cache, agent.language)

    def _embedder(self, model: str) -> Embedder | None:
        """Return the embedder of this name; None without a name, and where no server is to be asked.

        Whether the server answers and has the model shows when it is used.
        """
        from pipeline.dialog.ollama import Ollama

        if not model or self._settings.dialog.engine == "llamacpp":
            return None
        if plain(model) not in self._embedders:
            self._embedders[plain(model)] = Watched(Ollama(self._settings.dialog, model))
        return self._embedders[plain(model)]


class Watched:
    """An embedder whose failing is told once in the log, until it has worked again."""

    def __init__(self, embedder: Embedder) -> None:
        """Ask ``embedder``."""
        self._embedder = embedder
        self._fails = False
        self._log = logger("dialog").bind(model=embedder.model)

    @property
    def model(self) -> str:
        """Return its name."""
        return self._embedder.model

    async def embed(self, texts: Sequence[str]) -> list[Sequence[float]]:
        """Return a vector for each text. Raises DialogError."""
        try:
            vectors = await self._embedder.embed(texts)
        except DialogError as error:
            if not self._fails:
                self._log.warning("no vectors, searching by words alone", code=error.code, reason=str(error))
            self._fails = True
            raise
        if self._fails:
            self._log.info("vectors are there again")
        self._fails = False
        return vectors


def _tell_built(log: Log, built: Built | None) -> None:
    if built is not None:
        log.info("knowledge built", documents=built.documents, passages=built.passages, vectors=built.embedding)
        for one in built.skipped:
            log.warning("document left out", code=one.code, reason=one.why, fix=one.fix)
