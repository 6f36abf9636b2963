"""The composition root: settings and model files in, warm engines out. Chat models come from ``chat_models``."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import anyio
from anyio import to_thread

from pipeline.calls import Shared
from pipeline.chat_models import ChatModels
from pipeline.core.clock import Clock
from pipeline.core.errors import DialogError, SpeakingError
from pipeline.core.stages import Recognizer, TurnModel, VoiceActivityEngine
from pipeline.dialog.agents import Agent
from pipeline.dialog.prompt import room
from pipeline.dialog.responder import Responder
from pipeline.dialog.sanitize import Sanitizer
from pipeline.dialog.tools.toolbox import Toolbox
from pipeline.hearing.scheduler import RecognitionQueue
from pipeline.kits import Kit
from pipeline.library import Library
from pipeline.models.store import Store
from pipeline.observe import Metrics, logger
from pipeline.servable import Known
from pipeline.settings import Settings, SettingsError
from pipeline.speaking.mute import NONE, Mute
from pipeline.speaking.phrases import PhraseBook, SpeechCache

T = TypeVar("T")

LEAST_ROOM = 128
"""Tokens that a conversation needs: two short turns."""
REHEARSED = 100
"""Approved answers of an agent whose beginnings are spoken ahead: 0.3 s of a core and 0.1 MB each."""
REHEARSAL_PAUSE = 1.0
"""Seconds until it is looked again whether nobody calls."""

Idle = Callable[[], bool]


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
        self._library = Library(settings, store, metrics)
        self._known: Known | None = None
        """Set once the recognizer is loaded."""
        self._listening: VoiceActivityEngine
        self._hearing: Recognizer
        self._speech = SpeechCache(clock, settings.cache.speech_mib << 20)
        metrics.caches.watch("speech", self._speech.tally)
        self._voices: dict[str, PhraseBook] = {}

    async def kits(self, agents: Collection[Agent]) -> dict[str, Kit]:
        """Return what the agents answer with, by the agents' ids. Raises KnowledgeError, SettingsError.

        Of documents that are not built yet, or have changed, a file is built in the cache.
        """
        kits: dict[str, Kit] = {}
        async with AsyncExitStack() as unused:
            for agent in agents:
                toolbox = await to_thread.run_sync(Toolbox.open, agent.tools, self._secrets, agent.translations)
                kits[agent.id] = Kit(toolbox)
                unused.push_async_callback(kits[agent.id].retire)
                kits[agent.id].lookup = await self._library.lookup(agent) if agent.knowledge.any else None
            unused.pop_all()
        return kits

    async def engines(self, agents: Collection[Agent], kits: Mapping[str, Kit]) -> Shared:
        """Load and warm everything, after ``served``; the model has read every agent's prompt. Raises PipelineError."""
        turn_model = await self._timed("turn-model", self._turn_model)
        synthesizer = await self._timed("synthesizer", partial(self._synthesizer, self._settings.speaking.voice))
        self._voices[self._settings.speaking.voice] = synthesizer
        workers, dropped = self._settings.recognition.workers, self._metrics.turns.partials_dropped.inc
        shared = Shared(
            voice=self._listening,
            recognitions=RecognitionQueue(self._hearing, workers, self._clock, dropped),
            turn_model=turn_model,
            router=self._chat.router,
            synthesizer=synthesizer,
            voices=self._voices,
        )
        await self.welcome(shared, agents, kits)
        return shared

    async def welcome(self, shared: Shared, agents: Collection[Agent], kits: Mapping[str, Kit]) -> None:
        """Get the agents' models, and let the engines learn what they say and are told.

        Raises PipelineError; calls are not disturbed then.
        """
        await self._timed("chat-models", partial(self._chat.add, agents))
        for name in {idiom.voice for agent in agents for idiom in agent.idioms.values()} - self._voices.keys():
            self._voices[name] = await self._timed(f"voice-{name}", partial(self._synthesizer, name))
        await self._timed("phrases", partial(self._learn, agents))
        for agent in agents:
            tools = (*kits[agent.id].toolbox.specs, *agent.control.specs())
            options = replace(agent.writing.options(), tools=tools)
            responder = Responder(shared.router(agent), agent.persona, options, language=agent.language)
            await self._timed(f"prompt-{agent.id}", responder.warm)

    async def rehearse(self, shared: Shared, agents: Collection[Agent], kits: Mapping[str, Kit], idle: Idle) -> None:
        """Warm the embedders, and speak how the approved answers begin, one after the other while nobody calls.

        A server that is away slows no start so, and those answers come at once.
        """
        await self._warm_embedders()
        for agent in agents:
            lookup, voice = kits[agent.id].lookup, self._voices.get(agent.voice, shared.synthesizer)
            for answer in await lookup.answers(REHEARSED) if lookup is not None else ():
                while not idle():  # noqa: ASYNC110
                    await anyio.sleep(REHEARSAL_PAUSE)
                sanitizer = Sanitizer()
                with suppress(SpeakingError):  # whoever says it to a caller will hear of it
                    await voice.rehearse(sanitizer.feed(answer) + sanitizer.flush(), agent.language)

    async def _warm_embedders(self) -> None:
        """Let the server load the models that documents are searched with; the log tells of one that is away."""
        for embedder in self._library.embedders:
            with suppress(DialogError):
                await self._timed(f"embedding-{embedder.model}", partial(embedder.embed, ["hello"]))

    async def served(self, agents: Mapping[str, Agent]) -> dict[str, Agent]:
        """Return the agents as they can be served: without languages that are not recognized or have no voice.

        An agent whose first language is not recognized is left out, unless calls come to it by default. Loads what
        hears the first time. Raises PipelineError.
        """
        if self._known is None:
            self._listening = await self._timed("silero-vad", self._voice)
            self._known = await self._timed("recognizer", self._recognizer)
        for agent in agents.values():
            if room(agent, self._settings.dialog, picture=self._settings.vision.reserved) < LEAST_ROOM:
                raise SettingsError(
                    "persona-too-long",
                    f"agent {agent.id}: its persona and writing.num_predict leave no room for a conversation: "
                    "shorten them, or raise dialog.num_ctx or the agent's writing.num_ctx",
                )
        return self._known.served(agents, lambda text, fix: self._log.warning(text, fix=fix))

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

    async def _recognizer(self) -> Known:
        from pipeline.hearing.whisper import Whisper

        name = self._store.first_present(self._settings.recognition.models)
        recognizer = await to_thread.run_sync(Whisper.load, await self._folder(name), self._settings.recognition)
        await recognizer.warm()
        self._log.info("recognizer", model=name)
        self._hearing = recognizer
        return Known(recognizer.languages, self._settings, self._store)

    async def _turn_model(self) -> TurnModel | None:
        from pipeline.hearing.smart_turn import SmartTurn

        name = self._settings.endpointing.turn_model
        return await to_thread.run_sync(SmartTurn.load, await self._folder(name)) if name else None

    async def _synthesizer(self, name: str) -> PhraseBook:
        from pipeline.speaking.piper import Piper

        if name == NONE:
            return PhraseBook(Mute(), self._settings.speaking)
        folder = await self._folder(name)
        piper = await to_thread.run_sync(Piper.load, folder, self._settings.speaking)
        return PhraseBook(piper, self._settings.speaking.model_copy(update={"voice": name}), self._speech)

    async def _folder(self, name: str) -> Path:
        """Return a model's folder; its files are what the catalog says. Raises ModelError."""
        folder = self._store.path(name)
        if self._settings.models.verify:
            await to_thread.run_sync(self._store.verify, name)
        return folder

    async def _learn(self, agents: Collection[Agent]) -> None:
        """Let the voices speak once what agents say word for word."""
        for agent in agents:
            for idiom in agent.idioms.values():
                control, tools = agent.control_in(idiom.language), agent.tools_in(idiom.language)
                fillers = [tool.filler for tool in tools if tool.filler]
                if self._settings.vision.engine != "off" and idiom.phrases.looking:
                    fillers.append(idiom.phrases.looking)
                said = (idiom.greeting, *idiom.phrases.all(), *control.phrases().values(), *fillers)
                await self._voices[idiom.voice].learn(said, idiom.language)
