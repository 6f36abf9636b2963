"""What a call is made of and how it is to be conducted."""

from dataclasses import dataclass

from pipeline.core.stages import Recognizer, Synthesizer, VoiceActivityEngine
from pipeline.dialog.agents import Agent
from pipeline.dialog.responder import Responder
from pipeline.session.reply import ReplyShape
from pipeline.settings import Call, Endpointing


@dataclass(frozen=True, slots=True)
class Engines:
    """What all calls share."""

    voice: VoiceActivityEngine
    recognizer: Recognizer
    responder: Responder
    """The agent's own."""
    synthesizer: Synthesizer


@dataclass(frozen=True, slots=True)
class CallPlan:
    """How one call is to be conducted."""

    agent: Agent
    call: Call
    endpointing: Endpointing
    sustained: float | None
    """Speech, in seconds, that stops a reply; None never stops one."""
    language: str | None
    history_turns: int
    reply: ReplyShape
