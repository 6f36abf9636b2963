"""Builds what the model reads. Pure. The prefix is byte-stable: nothing in it depends on call, turn or time."""

from collections.abc import Sequence
from dataclasses import replace

from pipeline.core.stages import Message
from pipeline.dialog.agents import Agent
from pipeline.dialog.state import SHOWN
from pipeline.dialog.tokens import PER_MESSAGE, tokens
from pipeline.dialog.untrusted import untrusted
from pipeline.settings import Dialog

VOICE_RULES = (
    "How you answer: you are speaking on the telephone, so answer the caller's question in one short, complete, "
    "friendly sentence. No lists, no headings, no symbols. Use only what you know from above. If you do not know it, "
    "say so."
)
"""What every agent is told, whatever its persona."""


def messages(persona: str, said: Sequence[Message]) -> list[Message]:
    """Return the system message followed by what has been said, and what is quoted with it, as engines take it.

    Nothing is a control token but in the persona, which is the operator's.
    """
    return [_system(persona), *(untrusted(_whole(message)) for message in said)]


def room(agent: Agent, settings: Dialog) -> int:
    """Return about how many tokens of the context are left for what was said; negative when the persona fills it."""
    reply = agent.writing.num_predict or settings.num_predict
    quotes = agent.knowledge.characters // 2 if agent.knowledge.file else 0
    known = SHOWN if agent.slots or agent.parameters else 0
    context = agent.writing.num_ctx or settings.num_ctx
    return context - reply - quotes - known - tokens(_system(agent.persona).text) - 2 * PER_MESSAGE


def _whole(message: Message) -> Message:
    """Return a message with all that the model reads in its text."""
    parts = (message.above, message.text, message.below)
    return replace(message, text="\n\n".join(part for part in parts if part), above="", below="")


def _system(persona: str) -> Message:
    return Message("system", f"{persona.strip()}\n\n{VOICE_RULES}")
