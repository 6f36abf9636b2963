"""Cleaner: the filters between what a model writes and what is said, in one. One of each reply."""

from pipeline.dialog.brevity import FirstSentence
from pipeline.dialog.guards import Guards
from pipeline.dialog.redact import Redactor
from pipeline.dialog.sanitize import Sanitizer


class Cleaner:
    """Passes what may be said, however it is cut into deltas."""

    def __init__(self, redactor: Redactor, *, short: bool) -> None:
        """Begin a reply; a ``short`` one ends with its first sentence."""
        self._redactor = redactor
        self._sanitizer = Sanitizer()
        self._guards = Guards()
        self._sentence = FirstSentence() if short else None
        self.begun = False
        """A word of the model has come, though it may be held back still."""

    @property
    def over(self) -> bool:
        """Return whether nothing more will pass."""
        wild = self._sanitizer.over or self._guards.over
        return wild or (self._sentence is not None and self._sentence.over)

    def feed(self, delta: str) -> str:
        """Return what may be said now."""
        clean = self._sanitizer.feed(delta)
        self.begun = self.begun or bool(clean)
        text = self._redactor.feed(self._guards.feed(clean))
        if self._sanitizer.over or self._guards.over:
            text += self._redactor.feed(self._guards.flush()) + self._redactor.flush()
        return self._short(text)

    def pause(self) -> str:
        """Return what was held back: the model has stopped for now, and what it writes next is a new beginning."""
        rest = self.flush()
        self._sanitizer = Sanitizer()
        return rest

    def flush(self) -> str:
        """Return what was held back, at the end."""
        clean = self._guards.feed(self._sanitizer.flush()) + self._guards.flush()
        return self._short(self._redactor.feed(clean) + self._redactor.flush())

    def give_up(self) -> str:
        """Return what of the held-back text may be said of a reply that broke off."""
        return self._redactor.give_up()

    def _short(self, text: str) -> str:
        return text if self._sentence is None else self._sentence.feed(text)
