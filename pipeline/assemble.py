"""The composition root: settings and model files in, warm engines out. Chat models come from ``chat_models``."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from anyio import to_thread

from pipeline.calls import Kit, Shared
from pipeline.chat_models import ChatModels
from pipeline.core.clock import Clock
from pipeline.core.errors import KnowledgeError
from pipeline.core.stages import Recognizer, TurnModel, VoiceActivityEngine
from pipeline.dialog.agents import Agent
from pipeline.dialog.knowledge.search import Knowledge
from pipeline.dialog.lookup import Lookup
from pipeline.dialog.prompt import room
from pipeline.dialog.responder import Responder
from pipeline.dialog.tools.toolbox import Toolbox
from pipeline.hearing.scheduler import RecognitionQueue
from pipeline.models.store import Store
from pipeline.observe import Metrics, logger
from pipeline.settings import Settings, SettingsError
from pipeline.speaking.phrases import PhraseBook

T = TypeVar("T")

LEAST_ROOM = 128
"""Tokens that a conversation needs: two short turns."""


class Assembly:
    """Builds each engine once, and imports it there: an engine that is not used costs nothing."""

    def __init__(
        self, settings: Settings, store: Store, metrics: Metrics, clock: Clock, secrets: Mapping[str, str]
    ) -> None:
        """Read model files from ``store``; report load times to ``metrics``.

        ``${NAME}`` in the headers of tools is taken from ``secrets``.
        """
        self._secrets = secrets
        self._settings = settings
        self._store = store
        self._metrics = metrics
        self._clock = clock
        self._log = logger("assemble")
        self._chat = ChatModels(settings, store, metrics, clock, self._folder)
        self._languages: frozenset[str] = frozenset()
        """What the recognizer knows, once it is loaded."""

    async def kits(self, agents: Collection[Agent]) -> dict[str, Kit]:
        """Return what the agents answer with, by the agents' ids. Raises KnowledgeError, SettingsError."""
        return {
            agent.id: Kit(
                await to_thread.run_sync(Toolbox.open, agent.tools, self._secrets),
                await _lookup(self._settings.agents, agent) if agent.knowledge.file else None,
            )
            for agent in agents
        }

    async def engines(self, agents: Collection[Agent], kits: Mapping[str, Kit]) -> Shared:
        """Load and warm everything; the model has read every agent's prompt. Raises PipelineError."""
        voice = await self._timed("silero-vad", self._voice)
        recognizer = await self._timed("recognizer", self._recognizer)
        self.check(agents)
        turn_model = await self._timed("turn-model", self._turn_model)
        synthesizer = await self._timed("synthesizer", self._synthesizer)
        workers, dropped = self._settings.recognition.workers, self._metrics.turns.partials_dropped.inc
        shared = Shared(
            voice=voice,
            recognitions=RecognitionQueue(recognizer, workers, self._clock, dropped),
            turn_model=turn_model,
            router=self._chat.router,
            synthesizer=synthesizer,
        )
        await self.welcome(shared, agents, kits)
        return shared

    async def welcome(self, shared: Shared, agents: Collection[Agent], kits: Mapping[str, Kit]) -> None:
        """Get the agents' models, and let the engines learn what they say and are told.

        Raises PipelineError; calls are not disturbed then.
        """
        await self._timed("chat-models", partial(self._chat.add, agents))
        await self._timed("phrases", partial(_learn, shared.synthesizer, agents))
        for agent in agents:
            tools = (*kits[agent.id].toolbox.specs, *agent.control.specs())
            options = replace(agent.writing.options(), tools=tools)
            responder = Responder(shared.router(agent), agent.persona, options)
            await self._timed(f"prompt-{agent.id}", responder.warm)

    def check(self, agents: Collection[Agent]) -> None:
        """Return if the engines can do what the agents want. Raises SettingsError."""
        for agent in agents:
            if room(agent, self._settings.dialog) < LEAST_ROOM:
                raise SettingsError(
                    "persona-too-long",
                    f"agent {agent.id}: its persona and writing.num_predict leave no room for a conversation: "
                    "shorten them, or raise dialog.num_ctx or the agent's writing.num_ctx",
                )
            language = self._settings.recognition.language or agent.language
            if language not in self._languages:
                name = self._store.first_present(self._settings.recognition.models)
                raise SettingsError(
                    "unknown-language",
                    f"agent {agent.id}: {name} does not know {language!r}; recognition.models names others",
                )

    async def _timed(self, name: str, build: Callable[[], Awaitable[T]]) -> T:
        began = self._clock.now()
        built = await build()
        seconds = self._clock.now() - began
        self._metrics.model_load.labels(name).set(seconds)
        self._log.info("loaded", what=name, seconds=round(seconds, 3))
        return built

    async def _voice(self) -> VoiceActivityEngine:
        from pipeline.hearing.silero import Silero

        return await to_thread.run_sync(Silero.load, await self._folder("silero-vad"))

    async def _recognizer(self) -> Recognizer:
        from pipeline.hearing.whisper import Whisper

        name = self._store.first_present(self._settings.recognition.models)
        recognizer = await to_thread.run_sync(Whisper.load, await self._folder(name), self._settings.recognition)
        self._languages = recognizer.languages
        await recognizer.warm()
        self._log.info("recognizer", model=name)
        return recognizer

    async def _turn_model(self) -> TurnModel | None:
        from pipeline.hearing.smart_turn import SmartTurn

        name = self._settings.endpointing.turn_model
        return await to_thread.run_sync(SmartTurn.load, await self._folder(name)) if name else None

    async def _synthesizer(self) -> PhraseBook:
        from pipeline.speaking.piper import Piper

        folder = await self._folder(self._settings.speaking.voice)
        piper = await to_thread.run_sync(Piper.load, folder, self._settings.speaking)
        return PhraseBook(piper, self._settings.speaking)

    async def _folder(self, name: str) -> Path:
        """Return a model's folder; its files are what the catalog says. Raises ModelError."""
        folder = self._store.path(name)
        if self._settings.models.verify:
            await to_thread.run_sync(self._store.verify, name)
        return folder


async def _learn(book: PhraseBook, agents: Collection[Agent]) -> None:
    for agent in agents:
        fillers = (tool.filler for tool in agent.tools if tool.filler)
        phrases = (agent.greeting, *agent.phrases.all(), *agent.control.phrases(), *fillers)
        await book.learn(phrases, agent.language)


async def _lookup(folder: Path, agent: Agent) -> Lookup:
    log = logger("assemble").bind(agent=agent.id)

    def failed(error: KnowledgeError) -> None:
        log.warning("knowledge failed", code=error.code, reason=str(error))

    knowledge = await to_thread.run_sync(Knowledge.open, folder / agent.knowledge.file)
    log.info("knowledge", version=knowledge.version)
    return Lookup(knowledge, agent.knowledge, agent.privacy.region, failed)
