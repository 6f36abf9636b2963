"""Repetition: a reply that goes round in circles is stopped before its third round is said. Pure.

Small models fall into loops: a sentence, two sentences by turns, one character. Letters and digits are compared, so
that other spaces and marks do not hide a round. Each character is looked at by itself: no cut of the input can show.
"""

_SEED = 3
"""So many characters that came before begin a suspicion."""
_LEAST = 48
"""Letters that the rounds need together: "no, no, no, no" is an answer. Eight words, or twelve spoken zeros."""
_SURE = 20
"""Letters of the third round after which nobody is still singing "happy birthday to you"."""
_WORD = 12
"""Letters that are passed behind the second round to end a word that it does not end with."""
_SYLLABLES = "\u2e80"
_WIDE = 3
"""From where on characters are syllables, as in Chinese, and how many letters each counts."""


class Repetition:
    """Passes text until it repeats itself for the second time; what may be a third round is held back."""

    def __init__(self) -> None:
        """Begin with nothing passed."""
        self.over = False
        """The reply goes round in circles; nothing more will come."""
        self._letters = ""
        self._weights = [0]
        """What the first letters weigh together, for each number of them."""
        self._seen: dict[str, int] = {}
        """Where each run of ``_SEED`` letters ended last."""
        self._matched: dict[int, int] = {}
        """How many letters in a row are those of so many letters before, by that distance."""
        self._held: list[tuple[int, str]] = []
        """Characters that were not passed, each with the number of letters up to it."""
        self._last = ""
        """The last character that was passed."""

    def feed(self, delta: str) -> str:
        """Return what of the text so far is known to be no third round and was not returned yet."""
        return "".join(map(self._step, delta))

    def flush(self) -> str:
        """Return what was held back; the reply is over."""
        return "" if self.over else self._until(None)

    def _step(self, character: str) -> str:
        if self.over:
            return ""
        if character.isalnum():
            self._look(character.casefold()[0])
        self._held.append((len(self._letters), character))
        rounds = [(distance, matched) for distance, matched in self._matched.items() if matched > distance]
        self.over = any(self._circles(distance, matched) for distance, matched in rounds)
        # Two rounds may be heard: what matches beyond one distance belongs to a third.
        passed = min((len(self._letters) - matched + distance for distance, matched in rounds), default=None)
        return self._until(passed)

    def _look(self, letter: str) -> None:
        """Take the next letter, and see which distances it fits."""
        count = len(self._letters)
        self._matched = {
            distance: matched + 1
            for distance, matched in self._matched.items()
            if self._letters[count - distance] == letter
        }
        self._letters += letter
        self._weights.append(self._weights[-1] + (1 if letter < _SYLLABLES else _WIDE))
        seed = self._letters[-_SEED:]
        before = self._seen.get(seed)
        self._seen[seed] = count
        if before is not None and len(seed) == _SEED:
            self._matched.setdefault(count - before, _SEED)

    def _circles(self, distance: int, matched: int) -> bool:
        """Return whether two rounds and enough of a third have been written."""
        end = len(self._letters)
        whole = self._weights[end] - self._weights[end - matched - distance]
        third = self._weights[end] - self._weights[end - matched + distance]
        return whole >= _LEAST and (matched >= 2 * distance or third >= _SURE)

    def _until(self, letters: int | None) -> str:
        """Return the characters up to so many letters and the end of their word; all of them for None."""
        keep = len(self._held)
        if letters is not None:
            keep = sum(count <= letters for count, _ in self._held)
            most = sum(count <= letters + _WORD for count, _ in self._held)
            while keep < most and _in_a_word(self._held[keep - 1][1] if keep else self._last, self._held[keep][1]):
                keep += 1
        passed, self._held = self._held[:keep], self._held[keep:]
        self._last = passed[-1][1] if passed else self._last
        return "".join(character for _, character in passed)


def _in_a_word(before: str, character: str) -> bool:
    return before.isalnum() and character.isalnum() and before < _SYLLABLES and character < _SYLLABLES
