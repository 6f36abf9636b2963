"""What an entrance and the rest of the service say to each other: how a call starts, who conducts it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from pipeline.core.events import CallEnd, CallEnded, EndpointingChanged
from pipeline.core.stages import ToolSpec
from pipeline.session.line import Line
from pipeline.session.pictures import Pictures
from pipeline.store.rows import Feedback

Json = None | bool | float | str | Sequence["Json"] | Mapping[str, "Json"]
"""A JSON value; all numbers are floats."""


class Encoding(StrEnum):
    """How samples are written as bytes."""

    LINEAR16 = "linear16"
    MULAW = "mulaw"
    ALAW = "alaw"

    @property
    def sample_bytes(self) -> int:
        """Return the bytes of one sample."""
        return 2 if self is Encoding.LINEAR16 else 1


@dataclass(frozen=True, slots=True)
class AudioForm:
    """The form of the audio in one direction: headerless and mono."""

    encoding: Encoding
    rate: int
    """Samples per second, in hertz."""


class BargeInMode(StrEnum):
    """What stops a reply."""

    NONE = "none"
    SPEECH = "speech"
    DTMF = "dtmf"
    ANY = "any"


@dataclass(frozen=True, slots=True, kw_only=True)
class BargeInRules:
    """When the caller may stop a reply; None leaves it to the agent."""

    mode: BargeInMode | None = None
    min_speech: float | None = None
    """Speech needed, in seconds."""
    protected: float | None = None
    """Seconds at the beginning of each reply that cannot be stopped."""
    resume: bool | None = None
    """A reply that paused for what turned out to be no turn goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DigitRules:
    """How key presses become one input; None leaves it to the agent."""

    limit: int | None = None
    """Complete after so many keys."""
    terminators: str | None = None
    pause: float | None = None
    """Complete when no further key comes for so many seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputRules:
    """What the client wants to be sent."""

    interim_transcripts: bool = False
    response_text: bool = True
    spans: bool = True
    paced: bool = True
    """In real time; otherwise as fast as replies are made."""
    lead: float | None = None
    """Furthest ahead of real time, in seconds; None leaves it to the settings."""


class CallerChannel(StrEnum):
    """Over what the caller talks."""

    PHONE = "phone"
    BROWSER = "browser"
    KIOSK = "kiosk"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who calls, as the client says. Personal: never logged, and no ground for rights."""

    channel: CallerChannel = CallerChannel.PHONE
    ani: str = ""
    """Calling number."""
    dnis: str = ""
    """Called number."""
    training_consent: bool = False
    """What is said may, redacted, train and judge models."""
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallStart:
    """What a client asks for at the start of a call, checked."""

    conversation: str
    """The call's id, unique among live calls; empty lets the entrance choose."""
    agent: str = ""
    """Empty takes the default agent."""
    languages: tuple[str, ...] = ()
    """BCP 47, most likely first."""
    input: AudioForm
    output: AudioForm
    endpointing: EndpointingChanged = field(default_factory=EndpointingChanged)
    barge_in: BargeInRules = BargeInRules()
    digits: DigitRules = DigitRules()
    wants: OutputRules = OutputRules()
    caller: Caller = Caller()
    parameters: Mapping[str, Json] = field(default_factory=dict)
    tools: tuple[ToolSpec, ...] = ()
    """What the client runs for the agent."""
    can_clear: bool = False
    """The client can throw away sound that it has not played yet."""
    reports_playback: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What holds for a call once the agent's and the service's settings have been added; the client is told."""

    agent: str
    language: str
    """BCP 47; empty where each turn's is detected."""
    languages: tuple[str, ...] = ()
    """All that the call may be moved to, as primary tags."""
    max_duration: float
    endpointing: EndpointingChanged
    barge_in: BargeInRules
    digits: DigitRules
    lead: float
    frame: float
    """Length of one message of reply sound, in seconds."""
    image_bytes: int = 0
    """Largest picture; 0 when pictures are not served."""


class CutOff(StrEnum):
    """Why a call was cancelled."""

    VANISHED = "vanished"
    """The client went away."""
    STALLED = "stalled"
    """The client was given up because it took no message."""
    DRAINING = "draining"
    """The server stops."""


class PreparedCall(Protocol):
    """A call that can begin at once."""

    @property
    def terms(self) -> Terms:
        """Return what holds for it."""
        ...

    async def run(self, line: Line, cut_off: Callable[[], CutOff]) -> CallEnded:
        """Conduct the call to its end; the returned event has been sent on the line.

        Cancelling hangs up; ``cut_off`` is asked then for the reason. Raises PipelineError when the call cannot go on.
        """
        ...

    async def release(self) -> None:
        """Let go of what it holds, once: when the call is over, or will not be run."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentCard:
    """What clients are told of an agent."""

    id: str
    name: str
    description: str = ""
    languages: tuple[str, ...] = ()
    voice: str = ""
    default: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a call ended."""

    reason: CallEnd | CutOff
    turns: int
    duration: float
    """Seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """A call, for whoever has lost sight of it."""

    id: str
    agent: str
    began: float
    """Seconds since 1970, UTC."""
    outcome: Outcome | None
    """None while it goes on."""


class Switchboard(Protocol):
    """Finds who answers a call. Process-wide."""

    def agents(self) -> Sequence[AgentCard]:
        """Return all agents."""
        ...

    async def prepare(self, start: CallStart) -> PreparedCall:
        """Return the call, ready to run.

        Raises EntranceError for what cannot be had (``unknown-agent``, ``not-served``, ``not-ready``) and PipelineError
        for what is broken; neither leaves anything behind.
        """
        ...

    async def conversation(self, conversation: str) -> Conversation:
        """Return the last call that had this id. Raises EntranceError ``unknown-conversation``, and RecordsError."""
        ...

    def pictures(self, conversation: str) -> Pictures:
        """Return where the pictures of a live call go. Raises EntranceError ``unknown-conversation``, VisionError."""
        ...

    async def take_feedback(self, feedback: Feedback) -> str:
        """Keep a feedback and return its id.

        Raises EntranceError ``unknown-conversation``, ``unknown-turn``, ``no-records``; and RecordsError.
        """
        ...
