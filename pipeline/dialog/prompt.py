"""Builds what the model reads. Pure. The prefix is byte-stable: nothing in it depends on call, turn or time."""

from collections.abc import Sequence

from pipeline.core.stages import Message
from pipeline.dialog.agents import Agent
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
    """Return the system message followed by what has been said, in which nothing is a control token.

    The persona is the operator's and stays as it is.
    """
    return [_system(persona), *map(untrusted, said)]


def room(agent: Agent, settings: Dialog) -> int:
    """Return about how many tokens of the context are left for what was said; negative when the persona fills it."""
    reply = agent.writing.num_predict or settings.num_predict
    quotes = agent.knowledge.characters // 2 if agent.knowledge.file else 0
    return settings.num_ctx - reply - quotes - tokens(_system(agent.persona).text) - 2 * PER_MESSAGE


def _system(persona: str) -> Message:
    return Message("system", f"{persona.strip()}\n\n{VOICE_RULES}")
