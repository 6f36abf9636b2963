"""Notes: what the model is shown beside what was said. Pure."""

from collections.abc import Sequence
from dataclasses import replace

from pipeline.core.stages import Message


def noted(said: Sequence[Message], notes: str) -> list[Message]:
    """Return what has been said with notes behind the caller's last words, where they change no prefix."""
    if not notes or not said or said[-1].role != "user":
        return list(said)
    last = said[-1]
    return [*said[:-1], replace(last, below=paragraphs(last.below, notes))]


def paragraphs(*texts: str) -> str:
    """Return texts with an empty line between them; those that are empty are left out."""
    return "\n\n".join(text for text in texts if text)
