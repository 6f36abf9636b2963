"""What a call is made of and how it is to be conducted."""

from dataclasses import dataclass, field

from pipeline.core.stages import TurnModel, VoiceActivityEngine
from pipeline.dialog.agents import Agent
from pipeline.dialog.responder import Responder
from pipeline.hearing.scheduler import RecognitionQueue
from pipeline.session.digits import DigitRules
from pipeline.session.headroom import Headroom
from pipeline.session.ladder import BudgetLadder
from pipeline.session.ledger import Ledger, NoLedger
from pipeline.session.shape import ReplyShape
from pipeline.settings import Call, Endpointing
from pipeline.speaking.phrases import PhraseBook


@dataclass(frozen=True, slots=True)
class Engines:
    """What all calls share, and the call's own ledger."""

    voice: VoiceActivityEngine
    recognitions: RecognitionQueue
    turn_model: TurnModel | None
    responder: Responder
    """The agent's own."""
    synthesizer: PhraseBook
    ladder: BudgetLadder
    headroom: Headroom
    ledger: Ledger = field(default_factory=NoLedger)


@dataclass(frozen=True, slots=True)
class CallPlan:
    """How one call is to be conducted."""

    agent: Agent
    call: Call
    endpointing: Endpointing
    digits_stop: bool
    """A key press may stop replies."""
    sustained: float
    """Speech, in seconds, that is enough to stop a reply."""
    partial_every: float
    """Speech, in seconds, between two partial transcripts; 0 for none."""
    digits: DigitRules
    language: str | None
    history_turns: int
    history_tokens: int
    """About how many tokens of the conversation the model is shown."""
    reply: ReplyShape

    pauses: bool
    """A reply pauses while it is open whether the caller's speech shall stop it; otherwise speech stops it at once."""
    echo_gate: bool = False
    """What comes back of the replies is not taken for the caller."""

    @property
    def speech_stops(self) -> bool:
        """Return whether the caller's speech may stop replies."""
        return self.reply.speech_stops
