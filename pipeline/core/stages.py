"""What each stage asks of an engine. Engines are process-wide and keep no call's state; a VoiceActivity is one call's.

Every method that computes runs in a worker thread behind the engine's limiter; cancelling one waits until the
thread has come back, so that a held limiter slot always means a busy processor.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from pipeline.core.pcm import Pcm

VAD_RATE = 16_000
"""Rate of all audio inside hearing, in hertz. Source: silero VAD and whisper model cards."""
VAD_WINDOW_SAMPLES = 512
"""Samples of one VAD window, 32 ms at 16 kHz. Source: silero VAD 5 and later accept no other length at 16 kHz."""


class VoiceActivity(Protocol):
    """Says how likely each window of one call is speech. Stateful: one per call, fed in order."""

    async def probability(self, window: Pcm) -> float:
        """Return the probability of speech, 0 to 1, for exactly 512 samples at 16 kHz."""
        ...


class VoiceActivityEngine(Protocol):
    """The shared model from which each call opens its own VoiceActivity."""

    def open(self) -> VoiceActivity:
        """Return a fresh VoiceActivity with no memory of other calls."""
        ...


class TurnModel(Protocol):
    """Says by its sound whether a turn is over."""

    async def probability(self, sound: Pcm) -> float:
        """Return how likely the turn is over, 0 to 1; ``sound`` is all of it at 16 kHz, with the pause at its end.

        Raises HearingError when the engine fails.
        """
        ...


@dataclass(frozen=True, slots=True)
class Recognition:
    """What was said in one utterance."""

    text: str
    """Trimmed text, empty when nothing was said."""
    language: str
    """BCP 47 primary tag, such as ``en``."""
    confidence: float
    """exp of the mean log probability of the tokens, 0 to 1."""
    no_speech: float
    """Probability that there was no speech, 0 to 1."""


class Recognizer(Protocol):
    """Turns one utterance into text."""

    async def transcribe(self, utterance: Pcm, language: str | None, others: Sequence[str] = ()) -> Recognition:
        """Return what was said in ``utterance`` (16 kHz, up to 30 s); ``language`` None lets the model detect it.

        One of ``others`` is taken in place of ``language`` only where the model is sure of it; without others nothing
        is detected. Raises HearingError when the engine fails.
        """
        ...


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool as a model is told of it."""

    name: str
    """A letter, then letters, digits and underscores; at most 64 characters."""
    description: str
    """What it does and when to use it."""
    parameters: Mapping[str, Any]
    """JSON Schema of its arguments, an object."""


@dataclass(frozen=True, slots=True)
class ToolUse:
    """A tool that a model wants to be run. Nothing of it is checked yet: the model may have made all of it up."""

    name: str
    arguments: Mapping[str, Any]


Role = Literal["system", "user", "assistant", "tool"]


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a chat, in the order in which the model reads them."""

    role: Role
    text: str
    uses: tuple[ToolUse, ...] = ()
    """What an assistant's message asked for."""
    tool: str = ""
    """Whose result a tool's message is."""
    above: str = ""
    """Quoted data that the model reads before the text, as part of this message. Nobody said it."""
    below: str = ""
    """The same, behind the text."""


@dataclass(frozen=True, slots=True)
class ChatOptions:
    """How a model writes. None leaves the engine's default."""

    temperature: float | None = None
    top_p: float | None = None
    num_predict: int | None = None
    """Most tokens of one reply."""
    num_ctx: int | None = None
    """Context in tokens, where the engine can choose it with each request."""
    stop: tuple[str, ...] = ()
    tools: tuple[ToolSpec, ...] = ()
    """What it may ask for. They stand at the beginning of the prompt, so a model is warmed with the same ones."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What one reply cost."""

    prompt_tokens: int = 0
    """Tokens of the prompt that the engine had to read anew; cached ones are not counted where the engine says so."""
    completion_tokens: int = 0
    model: str = ""
    digest: str = ""
    """Of the model's weights, as ``ChatModel.digest``."""


@dataclass(frozen=True, slots=True)
class Author:
    """The model that writes a reply, with the digest of its weights as ``ChatModel.digest``."""

    model: str
    digest: str = ""


@dataclass(frozen=True, slots=True)
class ChatDelta:
    """Text to append, never cumulative. The last delta of a reply may be empty and carries the usage."""

    text: str
    usage: Usage | None = None
    uses: tuple[ToolUse, ...] = ()
    """Tools that the model asks for, each once and complete."""
    repeatable: bool = False
    """The reply is whole, and holds nothing of this caller: it may be given to others, and so may its speech."""
    author: Author | None = None
    """Who writes, from the first delta on: a reply that is stopped has no usage, and is still somebody's."""


class ChatModel(Protocol):
    """Writes a reply token by token."""

    @property
    def digest(self) -> str:
        """Return what changes when the model's weights do; empty where that is not known."""
        ...

    def stream(self, messages: Sequence[Message], options: ChatOptions) -> AsyncGenerator[ChatDelta, None]:
        """Yield deltas in order. Closing the iterator ends the request at the engine.

        Raises DialogError: ``model-missing``, ``engine-unreachable``, ``engine-timeout``, ``engine-garbage``.
        """
        ...

    async def warm(self, messages: Sequence[Message], options: ChatOptions) -> None:
        """Load the model and read ``messages`` into its prompt cache, so that the next reply starts sooner."""
        ...


@dataclass(frozen=True, slots=True)
class Said:
    """A stretch of a text, and what is said for it: the same words, or "four dollars" for "$4"."""

    written: str
    spoken: str


@dataclass(frozen=True, slots=True)
class WordEnd:
    """Where a word of a text ends."""

    characters: int
    """Characters of the text up to there."""
    samples: int
    """Samples of the text's speech up to there, at the synthesizer's rate."""


@dataclass(frozen=True, slots=True)
class Speech:
    """A piece of a text's speech."""

    pcm: Pcm
    """Follows the piece before it; ``start`` counts from the first one."""
    words: tuple[WordEnd, ...] = ()
    """The words that are placed by this piece, which may lie in later ones; all words of the text in order. A word is
    placed no later than with its own sound. None at all from an engine that does not know."""


class Synthesizer(Protocol):
    """Speaks text."""

    @property
    def rate(self) -> int:
        """Return the rate of the audio in hertz."""
        ...

    def speak(self, text: str) -> AsyncGenerator[Speech, None]:
        """Yield the speech of ``text`` in order, the first piece as early as the engine can.

        Raises SpeakingError when the engine fails. Closing early discards the rest.
        """
        ...


@dataclass(frozen=True, slots=True)
class Turn:
    """What the dialog stage needs to know of a turn that is over."""

    text: str
    language: str
    parameters: Mapping[str, str] = field(default_factory=dict)
