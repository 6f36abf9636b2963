"""Fakes: they implement the protocols from a script. No figure of any report comes from one."""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream

from pipeline.core.clock import LoopClock
from pipeline.core.errors import DialogError, HearingError, SpeakingError
from pipeline.core.events import CallEvent, ClientEvent, ReplyId, ReplyStopped
from pipeline.core.pcm import MicFrame, Pcm
from pipeline.core.stages import (
    Author,
    ChatDelta,
    ChatOptions,
    Message,
    Recognition,
    Recognizer,
    Speech,
    ToolUse,
    Usage,
    VoiceActivity,
)
from pipeline.hearing.scheduler import RecognitionQueue
from pipeline.session.line import ReplyAudio

RATE = 16_000
FRAME = 0.02
LOUD = b"\x00\x40"
"""One sample that FakeVoice takes for speech."""


class FakeVoice:
    """Takes a window for speech when at least half of it is loud."""

    def open(self) -> VoiceActivity:
        return self

    async def probability(self, window: Pcm) -> float:
        return 1.0 if window.data.count(LOUD) * 2 >= window.samples else 0.0


class FakeRecognizer:
    """Answers with the scripted texts in order, each after its delay in seconds; the last is repeated.

    An exception in place of a text is raised. ``heard`` keeps the utterances, ``languages`` the languages that were
    asked for. A text that begins with one of the other languages and a colon, such as "zh: 你好", was said in that one.
    """

    def __init__(self, script: Sequence[tuple[float, str | HearingError]]) -> None:
        self._script = list(script)
        self.heard: list[Pcm] = []
        self.languages: list[tuple[str | None, tuple[str, ...]]] = []

    async def transcribe(self, utterance: Pcm, language: str | None, others: Sequence[str] = ()) -> Recognition:
        delay, text = self._script.pop(0) if len(self._script) > 1 else self._script[0]
        self.heard.append(utterance)
        self.languages.append((language, tuple(others)))
        await anyio.sleep(delay)
        if isinstance(text, HearingError):
            raise text
        spoken, colon, words = text.partition(": ")
        if colon and spoken in (language, *others):
            language, text = spoken, words
        return Recognition(text, language or "en", 0.9 if text else 0.0, 0.0 if text else 0.9)


def recognitions(recognizer: Recognizer, workers: int = 8) -> RecognitionQueue:
    """Return a queue in front of a recognizer, with room for every test that is not about the queue."""
    return RecognitionQueue(recognizer, workers, LoopClock(), lambda: None)


class FakeTurnModel:
    """Answers with the scripted probabilities in order, each after its delay in seconds; the last is repeated."""

    def __init__(self, script: Sequence[tuple[float, float | HearingError]]) -> None:
        self._script = list(script)
        self.heard: list[Pcm] = []

    async def probability(self, sound: Pcm) -> float:
        delay, answer = self._script.pop(0) if len(self._script) > 1 else self._script[0]
        self.heard.append(sound)
        await anyio.sleep(delay)
        if isinstance(answer, HearingError):
            raise answer
        return answer


class FakeModel:
    """Writes scripted replies: lists of (delay in seconds, delta).

    A DialogError in place of a delta is raised, and for a ToolUse the model asks.
    """

    def __init__(self, *replies: Sequence[tuple[float, str | ToolUse | DialogError]]) -> None:
        self._replies = list(replies)
        self.asked: list[list[Message]] = []
        self.options: list[ChatOptions] = []
        self.warmed: list[list[Message]] = []
        self.open_streams = 0

    @property
    def digest(self) -> str:
        return "fake"

    async def stream(self, messages: Sequence[Message], options: ChatOptions) -> AsyncGenerator[ChatDelta, None]:
        self.asked.append(list(messages))
        self.options.append(options)
        reply = self._replies.pop(0) if len(self._replies) > 1 else self._replies[0]
        self.open_streams += 1
        try:
            for delay, delta in reply:
                await anyio.sleep(delay)
                if isinstance(delta, DialogError):
                    raise delta
                text, uses = (delta, ()) if isinstance(delta, str) else ("", (delta,))
                yield ChatDelta(text, uses=uses, author=Author("fake", "f4ke"))
            yield ChatDelta("", Usage(completion_tokens=len(reply), model="fake"))
        finally:
            self.open_streams -= 1

    async def warm(self, messages: Sequence[Message], options: ChatOptions) -> None:
        self.warmed.append(list(messages))


class FakeTool:
    """Returns the same each time, after ``seconds``, and remembers what it was run with."""

    def __init__(self, seconds: float = 0.1) -> None:
        self.seconds = seconds
        self.ran: list[Mapping[str, Any]] = []
        self.finished = 0

    async def __call__(self, arguments: Mapping[str, Any]) -> str:
        self.ran.append(arguments)
        await anyio.sleep(self.seconds)
        self.finished += 1
        return "on its way"


class FakeSynthesizer:
    """Speaks at ``chars_per_second``; each clause's first piece comes after ``delay`` seconds, in pieces of 0.2 s.

    It does not know where its words end. A clause that holds ``fails_at`` raises.
    """

    def __init__(self, delay: float = 0.05, chars_per_second: float = 15.0, fails_at: str = "\0") -> None:
        self._delay = delay
        self._pace = chars_per_second
        self._fails_at = fails_at
        self.spoken: list[str] = []
        self.open_streams = 0

    @property
    def rate(self) -> int:
        return RATE

    async def speak(self, text: str) -> AsyncGenerator[Speech, None]:
        self.open_streams += 1
        try:
            await anyio.sleep(self._delay)
            if self._fails_at in text:
                raise SpeakingError("voice-broken", "the voice broke")
            self.spoken.append(text)
            total, piece = round(len(text) / self._pace * RATE), RATE // 5
            for start in range(0, total, piece):
                yield Speech(Pcm(LOUD * min(piece, total - start), RATE, start))
                await anyio.sleep(self._delay / 10)
        finally:
            self.open_streams -= 1


@dataclass
class Sent:
    """A frame that reached the fake client."""

    at: float
    audio: ReplyAudio


@dataclass
class FakeLine:
    """A client whose line never blocks. ``talk`` is what the caller says: loud stretches as (start, end) in seconds.

    The microphone sends for ``duration`` seconds in real time, then both halves end. ``on_event`` may script the
    client's behaviour. Sound of the stretches in ``lost`` never arrives.
    """

    talk: Sequence[tuple[float, float]]
    duration: float
    on_event: Callable[["FakeLine", CallEvent], None] | None = None
    events: list[CallEvent] = field(default_factory=list)
    audio: list[Sent] = field(default_factory=list)
    output_rate: int = RATE
    lost: Sequence[tuple[float, float]] = ()

    def __post_init__(self) -> None:
        self._clock = LoopClock()
        self._mic_in, self._mic = anyio.create_memory_object_stream[MicFrame](50)
        self._orders_in, self._orders = anyio.create_memory_object_stream[ClientEvent](64)
        self.stopped: set[ReplyId] = set()

    @property
    def microphone(self) -> MemoryObjectReceiveStream[MicFrame]:
        return self._mic

    @property
    def requests(self) -> MemoryObjectReceiveStream[ClientEvent]:
        return self._orders

    async def send(self, event: CallEvent) -> None:
        self.events.append(event)
        if isinstance(event, ReplyStopped):
            self.stopped.add(event.reply)
        if self.on_event is not None:
            self.on_event(self, event)

    async def play(self, audio: ReplyAudio) -> None:
        await anyio.lowlevel.checkpoint()
        self.audio.append(Sent(self._clock.now(), audio))

    def order(self, event: ClientEvent) -> None:
        """Ask for something; a client that has closed its half asks for nothing any more."""
        with suppress(anyio.ClosedResourceError):
            self._orders_in.send_nowait(event)

    async def run(self) -> None:
        """Be the caller: send sound in real time."""
        began = self._clock.now()
        samples = round(FRAME * RATE)
        with self._mic_in, self._orders_in:
            for number in range(round(self.duration / FRAME)):
                at = number * FRAME
                await anyio.sleep(max(0.0, began + at + FRAME - self._clock.now()))
                pcm = Pcm(self.sound(at, samples), RATE, number * samples)
                if not _within(at, self.lost):
                    self._mic_in.send_nowait(MicFrame(pcm, self._clock.now()))

    def sound(self, at: float, samples: int) -> bytes:
        """Return what the microphone hears from ``at`` seconds of the call on."""
        return (LOUD if _within(at, self.talk) else b"\0\0") * samples

    def of(self, kind: type[CallEvent]) -> list[CallEvent]:
        """Return the events of one kind."""
        return [event for event in self.events if isinstance(event, kind)]

    def close(self) -> None:
        """Close what a finished call leaves open."""
        for stream in (self._mic_in, self._mic, self._orders_in, self._orders):
            stream.close()


def _within(at: float, stretches: Sequence[tuple[float, float]]) -> bool:
    return any(start <= at < end for start, end in stretches)
