"""Guards: what stops a reply of a model that runs wild. Pure."""

from pipeline.dialog import pictures
from pipeline.dialog.knowledge.citing import INTRODUCTION
from pipeline.dialog.prompt import RULES_IN, VOICE_RULES
from pipeline.dialog.recital import Recital
from pipeline.dialog.repetition import Repetition

OURS = (VOICE_RULES, *RULES_IN.values(), INTRODUCTION, *pictures.INTRODUCTIONS.values())
"""What the service itself puts into a prompt, and no caller needs to hear."""


class Guards:
    """Passes the text of one reply through all guards. Every cut of the same input gives the same text."""

    def __init__(self) -> None:
        """Begin with nothing passed."""
        self._guards = (Recital(OURS), Repetition())

    @property
    def over(self) -> bool:
        """Return whether the reply is over although the model writes on: nothing more will come out of it."""
        return any(guard.over for guard in self._guards)

    def feed(self, delta: str) -> str:
        """Return what of the text so far may be said and was not returned yet."""
        for guard in self._guards:
            delta = guard.feed(delta)
        return delta

    def flush(self) -> str:
        """Return what was held back; the reply is over."""
        rest = ""
        for guard in self._guards:
            rest = guard.feed(rest) + guard.flush()
        return rest
