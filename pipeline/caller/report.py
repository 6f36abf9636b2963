"""CallReport: what a call was like at the caller's end."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from pipeline.core.pcm import Pcm


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnReport:
    """One turn of the caller and the reply to it."""

    turn: int
    utterance: str
    """Name of what the caller said when the turn ended."""
    transcript: str
    language: str
    reply: str
    """All that was written."""
    heard: str
    """The part that the caller heard."""
    heard_ms: int
    status: str
    """How the reply ended: ``completed``, ``barge_in``, ``cancelled``, ``failed``, ``degraded``; ``none``: no reply."""
    gap_ms: float | None
    """From the last sample over -40 dBFS of what the caller said to the first one of the reply, as spoken and as heard.
    Negative when the service spoke before the caller had finished; None when nothing was heard."""
    filler_ms: float | None
    """The same to the first sound of a filler; None when none was heard. The gap goes to the answer itself."""
    stalled_ms: float
    """For how long the reply fell silent because its next sound had not come in time."""
    spans: Mapping[str, float]
    """Span name to milliseconds, as the service measured them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptReport:
    """Something that the service said without being asked: a greeting, a question whether the caller is still there."""

    text: str
    heard: str
    heard_ms: int
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeReport:
    """Something that could not be done."""

    code: str
    """Name of a gRPC status code."""
    reason: str
    """Stable code of the service, such as ``ENGINE_TIMEOUT``."""
    message: str
    retryable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class EndReport:
    """How the call ended."""

    reason: str
    status: str
    """Name of the stream's gRPC status code."""
    turns: int
    duration_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """What was to be heard at the telephone, both sides on one clock."""

    caller: Pcm
    service: Pcm


@dataclass(frozen=True, slots=True, kw_only=True)
class CallReport:
    """One call."""

    call_id: str
    turns: tuple[TurnReport, ...]
    prompts: tuple[PromptReport, ...]
    notices: tuple[NoticeReport, ...]
    ended: EndReport | None
    """None when the stream broke before the service said that the call was over."""
    recording: Recording = field(repr=False, compare=False)

    def to_json(self) -> dict[str, Any]:
        """Return everything but the sound, as JSON values."""
        report = {name: getattr(self, name) for name in ("turns", "prompts", "notices")}
        entries = {name: [asdict(entry) for entry in entries] for name, entries in report.items()}
        return {"call_id": self.call_id, **entries, "ended": asdict(self.ended) if self.ended else None}
