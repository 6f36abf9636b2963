"""How the replies of a call are made, and what one of them is for."""

from dataclasses import dataclass

from pipeline.dialog.agents import Phrases
from pipeline.dialog.responder import Effort
from pipeline.settings import Channels, Ladder, Playout, Speaking

CHEAPER = {Effort.SHORT: "short_answer", Effort.SMALL: "smaller_model"}
"""What clients are told of an answer that was to cost less."""


@dataclass(frozen=True, slots=True)
class ReplyShape:
    """How the replies of a call are made and sent."""

    speaking: Speaking
    playout: Playout
    channels: Channels
    paced: bool
    """Send at the pace of listening; otherwise as fast as the client takes it."""
    speech_stops: bool
    """The caller's speech may stop replies."""
    reports_playback: bool
    """The client says how far it has played, so its word is waited for."""
    protected_start: float
    """Seconds at the beginning of each reply that cannot be stopped."""
    primes: bool
    """The model reads what is known of a turn while the caller speaks."""
    ladder: Ladder
    phrases: Phrases
    """The agent's."""
    language: str
    """BCP 47 primary tag of what is said."""
    instruction: str = ""
    """What the model is told so that it answers in this language; empty where the agent has no other."""
    native: bool = True
    """It is the language of the agent's persona: the model has to be told only once another was spoken."""


@dataclass(frozen=True, slots=True)
class Purpose:
    """What a reply is for."""

    answers: bool = False
    """It answers the caller, who is kept company while it takes long; otherwise it is a phrase."""
    fallback: str = ""
    """Said when the model fails before it wrote anything."""
    effort: Effort = Effort.FULL
    """What it may cost."""
    protected: bool = False
    """Only the client's order stops it."""
