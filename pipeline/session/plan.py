"""What a call is made of and how it is to be conducted."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pipeline.core.clock import LoopClock
from pipeline.core.stages import ToolSpec, TurnModel, VoiceActivityEngine
from pipeline.dialog.agents import Agent
from pipeline.dialog.history import History
from pipeline.dialog.memory import Memory
from pipeline.dialog.responder import Responder
from pipeline.dialog.state import DialogState
from pipeline.dialog.tools.toolbox import Toolbox
from pipeline.hearing.scheduler import RecognitionQueue
from pipeline.session.digits import DigitRules
from pipeline.session.headroom import Headroom
from pipeline.session.ladder import BudgetLadder
from pipeline.session.ledger import Ledger, NoLedger
from pipeline.session.pictures import Pictures
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
    toolbox: Toolbox
    """The agent's own."""
    synthesizer: PhraseBook
    """Speaks the language in which the call begins."""
    ladder: BudgetLadder
    headroom: Headroom
    voices: Mapping[str, PhraseBook] = field(default_factory=dict)
    """What speaks the others, by their tags."""
    ledger: Ledger = field(default_factory=NoLedger)
    pictures: Pictures = field(default_factory=lambda: Pictures(None, LoopClock()))
    """The call's own."""


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
    summary_tokens: int
    """How many of these are kept for a summary of what it is no more shown; 0 for none."""
    reply: ReplyShape
    """In the language in which the call begins."""
    pauses: bool
    """A reply pauses while it is open whether the caller's speech shall stop it; otherwise speech stops it at once."""
    client_tools: tuple[ToolSpec, ...] = ()
    """What the client runs for the agent."""
    client_patience: float = 10.0
    """Seconds until the client is waited for no longer."""
    echo_gate: bool = False
    """What comes back of the replies is not taken for the caller."""
    picture_tokens: int = 0
    """About how many tokens of what is read in a picture the model is shown."""
    state: DialogState = field(default_factory=DialogState)
    """What is known in the call. It changes during the call."""
    others: tuple[ReplyShape, ...] = ()
    """How replies are made in the other languages that the caller may turn the call to."""
    beyond: tuple[ReplyShape, ...] = ()
    """And in those that only the client may move it to."""

    def memory(self) -> Memory:
        """Return the memory of a call that begins."""
        history = History(self.history_turns, self.history_tokens, self.summary_tokens)
        return Memory(history, self.state, self.picture_tokens)

    @property
    def other_languages(self) -> tuple[str, ...]:
        """Return what may be spoken in place of the language in which the call begins."""
        return tuple(shape.language for shape in self.others)

    @property
    def speech_stops(self) -> bool:
        """Return whether the caller's speech may stop replies."""
        return self.reply.speech_stops
