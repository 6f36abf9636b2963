"""Builds what the model reads. Pure. The prefix is byte-stable: nothing in it depends on call, turn or time."""

from collections.abc import Sequence

from pipeline.core.stages import Message

VOICE_RULES = (
    "You are speaking on the telephone. Answer in one or two short spoken sentences, without lists, headings, emoji "
    "or symbols. Use only the facts above; if the answer is not there, say that you do not know."
)
"""What every agent is told, whatever its persona."""

CUT_OFF = " —"
"""Ends an assistant message that the caller cut off, so that the model sees that it did not finish."""


def messages(persona: str, said: Sequence[Message]) -> list[Message]:
    """Return the system message followed by what has been said."""
    return [Message("system", f"{persona.strip()}\n\n{VOICE_RULES}"), *said]
