"""Recital: a reply that reads its own instructions out is stopped. Pure.

Only for what the service itself puts into a prompt, word for word: the persona is what the agent knows and says, and in
other words a model tells anything. Letters and digits are compared, so that spaces and marks make no difference.
"""

from collections.abc import Sequence

_WORDS, _SUSPICIOUS = 4, 14
"""Letters of a text of ours after which only whole words are passed, and nothing: "you are speaking" is anybody's."""
_SYLLABLES = "\u2e80"
_WIDE = 3
"""From where on characters are syllables, as in Chinese, and how many letters each counts."""
_ENOUGH = 36
"""Letters after which it is a recital: "You are speaking on the telephone, so answer the"."""


class Recital:
    """Passes text until it recites one of ours; what may be a recital is held back."""

    def __init__(self, ours: Sequence[str]) -> None:
        """Take the texts that are not to be recited."""
        self.over = False
        """The reply recites; nothing more will come."""
        self._ours = "\n".join(map(_letters, ours))
        self._matched = ""
        self._begins = True
        """All of the reply so far is ours: nothing of it is said before it is told apart."""
        self._held = ""

    def feed(self, delta: str) -> str:
        """Return what of the text so far is known to be no recital and was not returned yet."""
        return "".join(map(self._step, delta))

    def flush(self) -> str:
        """Return what was held back; the reply is over."""
        held, self._held = self._held, ""
        return "" if self.over else held

    def _step(self, character: str) -> str:
        if self.over:
            return ""
        letter = _letters(character)
        if letter:
            self._matched += letter
            while self._matched not in self._ours:
                self._matched = self._matched[1:]
                self._begins = False
        self._held += character
        matched = len(self._matched) + (_WIDE - 1) * sum(sign >= _SYLLABLES for sign in self._matched)
        self.over = matched >= _ENOUGH
        if matched > _SUSPICIOUS or (self._begins and matched):
            return ""
        keep = len(self._held)
        while matched > _WORDS and keep and self._held[keep - 1].isalnum():
            keep -= 1
        passed, self._held = self._held[:keep], self._held[keep:]
        return passed


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text.casefold()))
