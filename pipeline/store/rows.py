"""Rows: what is kept of a call, of a turn, and of what somebody thought of it.

Words are redacted before they are written. Instants are seconds since 1970, UTC.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRow:
    """One call."""

    id: str
    """Of this call alone, given by the service."""
    conversation: str
    """The id that clients know. It may come again once the call has ended."""
    agent: str
    tenant: str
    channel: str = ""
    """Over what the caller talked."""
    language: str = ""
    consent: bool = False
    """The redacted turns may be used to train and judge models."""
    began: float
    ended: float | None = None
    """None while it goes on, and for ever where the service died with it."""
    reason: str = ""
    """Why it ended."""
    turns: int = 0
    seconds: float = 0.0

    @property
    def key(self) -> tuple[str, int]:
        """Return what two states of one call share."""
        return self.id, -1


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnRow:
    """One turn of the caller that was answered."""

    call: CallRow
    turn: int
    language: str
    question: str
    asked: float
    answer: str = ""
    heard: str = ""
    """The part of the answer that the caller heard."""
    status: str = ""
    """How the answer ended; empty while it goes on, and for ever where the call broke off with it."""
    model: str = ""
    digest: str = ""
    """Of the model's weights."""
    knowledge: str = ""
    """Version of the documents."""
    sources: tuple[str, ...] = ()
    degraded: tuple[str, ...] = ()
    spans: Mapping[str, float] = field(default_factory=dict)
    """Seconds."""
    ended: float | None = None
    picture: str = ""
    """What was read in the pictures that its answer was the first to know."""
    sealed: Mapping[str, bytes] = field(default_factory=dict)
    """Originals of pseudonyms in its words, encrypted, by name; see ``Keys``."""

    @property
    def key(self) -> tuple[str, int]:
        """Return what two states of one turn share."""
        return self.call.id, self.turn


Row = CallRow | TurnRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """What somebody thought of a call or a turn."""

    conversation: str
    turn: int | None = None
    """None for the whole call."""
    rating: str = ""
    """``up``, ``down`` or empty."""
    correction: str = ""
    """What should have been said."""
    comment: str = ""
    key: str
    """Chosen by the client: the same one twice counts once."""
    sealed: Mapping[str, bytes] = field(default_factory=dict)
    """As that of a turn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptFeedback:
    """A feedback as it is kept."""

    id: str
    call: str
    turn: int | None
    rating: str
    correction: str
    comment: str
    at: float
