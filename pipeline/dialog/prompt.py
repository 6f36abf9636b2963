"""Builds what the model reads. Pure. The prefix is byte-stable: nothing in it depends on call, turn or time."""

from collections.abc import Sequence

from pipeline.core.stages import Message

VOICE_RULES = (
    "How you answer: you are speaking on the telephone, so answer the caller's question in one short, complete, "
    "friendly sentence. No lists, no headings, no symbols. Use only what you know from above. If you do not know it, "
    "say so."
)
"""What every agent is told, whatever its persona."""


def messages(persona: str, said: Sequence[Message]) -> list[Message]:
    """Return the system message followed by what has been said."""
    return [Message("system", f"{persona.strip()}\n\n{VOICE_RULES}"), *said]
