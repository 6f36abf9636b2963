"""Everything that happens in a call, as one closed union consumed with ``match``.

Each event is stamped once, by whoever creates it: ``turn`` says which turn it belongs to (and so what is stale),
``at`` is the instant on the call's clock in seconds. ``audio_at`` is an instant on the caller's audio clock: seconds of
sound since the first sample. Sound itself is never an event; it has channels of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NewType

from pipeline.core.actions import Action
from pipeline.core.errors import PipelineError
from pipeline.core.stages import Said, ToolUse, Usage

TurnId = NewType("TurnId", int)
"""Rises by one with each turn of the caller; 0 is the time before the caller first spoke."""

ReplyId = NewType("ReplyId", int)
"""Rises by one with each reply, prompts that answer no turn included; the first is 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What all events share."""

    turn: TurnId
    at: float


# Hearing


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechStarted(Event):
    """The caller began to speak, or went on after a pause within the turn."""

    audio_at: float
    onset_at: float
    """When the sound of its onset arrived."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechSustained(Event):
    """The caller has spoken long enough that it is no click or cough: reason enough for a barge-in."""

    audio_at: float
    """Where this speech began."""
    onset_at: float
    """When the sound of its onset arrived."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechEnded(Event):
    """The caller fell silent; the turn may or may not be over."""

    audio_at: float


class EndReason(StrEnum):
    """Why a turn was called over."""

    SILENCE = "silence"
    MAX_SPEECH = "max_speech"
    COMMIT = "commit"
    """The client said so (push to talk), or typed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnEnded(Event):
    """The turn is over: what the caller wanted to say has been said."""

    reason: EndReason
    audio_at: float
    """Where the speech ended."""
    speech_end_at: float
    """When the last sound of the speech arrived: the zero of the response gap."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartialTranscript(Event):
    """What the caller seems to be saying; the next one replaces it."""

    text: str
    """The words that are settled: they rarely change."""
    language: str
    guess: str
    """All that was recognized, its unsettled end included."""
    stability: float
    """Share of ``guess`` that is settled, 0 to 1."""
    duration: float
    """Seconds of speech that were recognized."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnDrafted(Event):
    """The caller fell silent, and this is what was said if the turn ends here; empty when it was nothing.

    Work may begin on it. A SpeechStarted of the same turn takes it back.
    """

    text: str
    language: str
    likelihood: float
    """How likely the turn is over, 0 to 1."""
    duration: float
    """Seconds from the beginning of its speech to the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FinalTranscript(Event):
    """What the caller said in this turn. Follows the turn's TurnEnded; empty when it was no speech after all."""

    text: str
    language: str
    confidence: float
    audio_start: float
    audio_end: float


# Reply


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyEvent(Event):
    """What all events of a reply share."""

    reply: ReplyId


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyStarted(ReplyEvent):
    """Work on a reply began."""

    barge_in_allowed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TextDelta(ReplyEvent):
    """Reply text to append, cleaned for speech."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause(ReplyEvent):
    """The smallest text for synthesis; joined they are the reply, but perhaps for marks behind the last word."""

    index: int
    text: str
    said: tuple[Said, ...] = ()
    """What is said for it, stretch by stretch; none where that is the text itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechReady(ReplyEvent):
    """The first audio of a clause left the synthesizer."""

    index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FillerStarted(ReplyEvent):
    """The first audio of a filler was sent, because the reply itself takes long. It is no part of the reply's text."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaybackStarted(ReplyEvent):
    """The first audio of the reply itself was sent."""


class ReplyStatus(StrEnum):
    """How a reply ended."""

    COMPLETED = "completed"
    BARGE_IN = "barge_in"
    CANCELLED = "cancelled"
    """The client asked for it, or the caller went on before anything was said."""
    FAILED = "failed"
    DEGRADED = "degraded"
    """A stage failed and a prepared phrase was said instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyStopped(ReplyEvent):
    """A reply was cut off: what is queued for the client must not be heard any more."""

    status: ReplyStatus
    onset_at: float | None = None
    """When the sound of the barge-in began to arrive; None when no speech caused it."""
    silent_at: float | None = None
    """When its last frame had left, if it had paused before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backchannel(ReplyEvent):
    """What the caller said over a reply was no turn: an "mm-hm", a cough. The reply goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyEnded(ReplyEvent):
    """The reply is over: heard to its end, cut off, or given up."""

    status: ReplyStatus
    text: str
    """All that was written."""
    heard: str
    """The part that the caller heard."""
    heard_ms: int
    usage: Usage
    spans: Mapping[str, float]
    """Span name to seconds, as far as they are known."""
    degraded: tuple[str, ...] = ()
    """What was left out or replaced, empty when nothing was."""
    sources: tuple[str, ...] = ()
    """Documents that it goes back to, the best first."""
    knowledge: str = ""
    """Version of the file of knowledge that was asked; empty where there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionRequested(ReplyEvent):
    """The client's side shall do something with the call, after this reply unless it is ``immediate``."""

    action: Action
    immediate: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolRequested(ReplyEvent):
    """The client's side shall run one of its tools and report the result."""

    call: str
    """Unique within the call."""
    use: ToolUse


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolsCancelled(ReplyEvent):
    """The results of these tools are not wanted any more."""

    calls: tuple[str, ...]


# Speculation


class Speculated(StrEnum):
    """What became of work that was begun before its turn was known to be over."""

    COMMITTED = "committed"
    """The turn ended with the same words: the work became the reply."""
    REOPENED = "reopened"
    """The caller went on."""
    CHANGED = "changed"
    """Other words were understood in the end, or something else had been said meanwhile."""
    CROWDED = "crowded"
    """It gave way to a reply that a caller waited for."""
    ABANDONED = "abandoned"
    """The call went another way: a text, a hold, its end."""
    REFUSED = "refused"
    """It was not begun: the machine had no room for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeculationEnded(Event):
    """Speculative work came to an end. For metrics; clients are not told."""

    outcome: Speculated
    duration: float
    """Seconds of work, thrown away unless it was committed."""
    characters: int
    """How much the model had written."""


# Pictures


class PictureState(StrEnum):
    """How far the work on a picture is."""

    RECEIVED = "received"
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureNoted(Event):
    """What became of a picture that the caller sent."""

    media: str
    """Its id within the call."""
    state: PictureState
    note: str = ""
    """What was read in it, once it is READY."""
    took: float = 0.0
    """Seconds since all of it had arrived."""
    code: str = ""
    """Why it FAILED."""
    message: str = ""


# Call


class InputProblem(StrEnum):
    """Why there is nothing to answer."""

    NO_INPUT = "no_input"
    NO_MATCH = "no_match"
    MAX_SPEECH = "max_speech"


@dataclass(frozen=True, slots=True, kw_only=True)
class InputMissing(Event):
    """The caller said nothing in time, or nothing that could be understood."""

    problem: InputProblem


@dataclass(frozen=True, slots=True, kw_only=True)
class DigitsCollected(Event):
    """The caller's key presses, complete."""

    digits: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StageFailed(Event):
    """A stage failed; the call goes on."""

    stage: str
    code: str
    message: str
    retryable: bool
    field: str = ""
    """The part of a client's message that is to blame, empty otherwise."""
    refers_to: int = 0
    """``seq`` of the message that caused it, 0 for none."""

    @classmethod
    def by(cls, error: PipelineError, *, turn: TurnId, at: float) -> "StageFailed":
        """Return what clients are told of ``error``."""
        return cls(turn=turn, at=at, stage=error.stage, code=error.code, message=str(error), retryable=error.retryable)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEnding(Event):
    """The call will be ended by the service."""

    remaining: float
    """Seconds until then."""


class CallEnd(StrEnum):
    """Why a call ended."""

    CLIENT = "client"
    """The client ended it, by message or by closing its half of the stream."""
    NO_INPUT = "no_input"
    MAX_DURATION = "max_duration"
    HANGUP = "hangup"
    """The agent asked for it."""
    DRAINING = "draining"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEnded(Event):
    """The last event of every call."""

    reason: CallEnd
    duration: float
    turns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CallSuspended(Event):
    """The client was lost, and the call waits for it. Nothing is played until it is resumed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallResumed(Event):
    """The client is back: sound that is played from now on is for its new connection."""


HearingEvent = (
    SpeechStarted
    | SpeechSustained
    | SpeechEnded
    | TurnEnded
    | PartialTranscript
    | TurnDrafted
    | FinalTranscript
    | StageFailed
)
"""What the hearing stage tells the session."""

CallEvent = (
    SpeechStarted
    | SpeechSustained
    | SpeechEnded
    | TurnEnded
    | PartialTranscript
    | TurnDrafted
    | FinalTranscript
    | ReplyStarted
    | TextDelta
    | Clause
    | SpeechReady
    | FillerStarted
    | PlaybackStarted
    | ReplyStopped
    | ReplyEnded
    | ActionRequested
    | ToolRequested
    | ToolsCancelled
    | Backchannel
    | SpeculationEnded
    | PictureNoted
    | InputMissing
    | DigitsCollected
    | StageFailed
    | CallEnding
    | CallSuspended
    | CallResumed
    | CallEnded
)
"""All that the session tells an entrance."""


# What a client asks


class PlaybackKind(StrEnum):
    """What the client's speaker did."""

    STARTED = "started"
    COMPLETED = "completed"
    CLEARED = "cleared"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaybackReported:
    """The client says how far a reply was played."""

    reply: ReplyId
    kind: PlaybackKind
    played_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DigitPressed:
    """One key of the caller's telephone."""

    digit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TextTyped:
    """A turn in writing."""

    text: str
    language: str


class ControlKind(StrEnum):
    """What a client may order."""

    START_INPUT_TIMERS = "start_input_timers"
    COMMIT_INPUT = "commit_input"
    CLEAR_INPUT = "clear_input"
    CANCEL_RESPONSE = "cancel_response"
    PAUSE = "pause"
    RESUME = "resume"
    END = "end"


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlRequested:
    """An order of the client."""

    kind: ControlKind


@dataclass(frozen=True, slots=True, kw_only=True)
class CallReported:
    """The outcome of something that the client was asked to do, or something that happened to the call."""

    kind: str
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolReported:
    """What became of a ToolRequested."""

    call: str
    result: Mapping[str, Any] | None
    """What the tool returned, as JSON; None when it failed."""
    error: str = ""
    """Why it failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureShown:
    """A picture for the turn that is going on, or the next."""

    media: str = ""
    """Id of one that was uploaded; empty where it comes along."""
    inline: bytes = b""
    wanted: str = ""
    """What to look for; empty for all."""
    refers_to: int = 0
    """``seq`` of the message, 0 for none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointingChanged:
    """New turn-taking settings for the rest of the call; None keeps what is set. Seconds."""

    no_input: float | None = None
    min_silence: float | None = None
    max_silence: float | None = None
    max_speech: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallChanged:
    """New settings for the rest of the call."""

    endpointing: EndpointingChanged = field(default_factory=EndpointingChanged)
    language: str = ""
    """BCP 47 primary tag of what the caller is going to speak, one of the call's; empty keeps the language."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientLost:
    """The client's connection broke; it may come back over another one."""

    heard_at: float
    """When anything came from it last: what was played since then is taken as not heard."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientBack:
    """The client is there again."""

    reports_playback: bool
    played: PlaybackReported | None = None
    """How far it has played the last reply that it heard, if it says so."""


ClientEvent = (
    PlaybackReported
    | DigitPressed
    | TextTyped
    | ControlRequested
    | CallReported
    | ToolReported
    | PictureShown
    | CallChanged
    | ClientLost
    | ClientBack
    | StageFailed
)
"""What an entrance tells the session, sound apart. StageFailed stands for a message that could not be honoured."""
