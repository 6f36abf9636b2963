"""Brevity: a reply that ends with its first sentence. Pure."""

import re

_END = re.compile(r"[.!?。！？][\"'”’»)]*(?=\s+[^\sa-z])|[。！？]")
"""A mark that ends a sentence, told by what follows: ``8 a.m. on`` goes on."""
LEAST = 20
"""Characters that a sentence needs to be an answer: "Yes, we do." alone is none."""


class FirstSentence:
    """Passes text until its first sentence is over, however it is cut into deltas."""

    def __init__(self) -> None:
        """Begin with nothing passed."""
        self._text = ""
        self._passed = 0
        self.over = False
        """The sentence is over; nothing more will come."""

    def feed(self, delta: str) -> str:
        """Return what of the text so far is known to belong to the sentence and was not returned yet."""
        if self.over:
            return ""
        self._text += delta
        for found in _END.finditer(self._text):
            if found.end() >= LEAST:
                self.over = True
                return self._until(found.end())
        return self._until(len(self._text.rstrip()))

    def _until(self, end: int) -> str:
        passed, self._passed = self._text[self._passed : end], max(self._passed, end)
        return passed
