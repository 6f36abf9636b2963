"""Script: reply text in as it is written, clauses out, each as it is written and as it is said."""

from collections import deque
from collections.abc import Iterable, Sequence

from pipeline.core.stages import Said
from pipeline.settings import Speaking
from pipeline.speaking.clauses import ClauseCutter
from pipeline.speaking.spoken_form import SpokenForm

Lines = tuple[Said, ...]
"""A clause: its stretches in order."""


class Script:
    """The clauses of one reply. It is cut as it is said, so that no cut falls into "$4.50" or between 3 and "km".

    The written forms joined are the input, but for silent characters behind the last clause.
    """

    def __init__(self, settings: Speaking, language: str) -> None:
        """Cut as the settings say; ``language`` is the BCP 47 primary tag of the reply."""
        self._form = SpokenForm(language)
        self._cutter = ClauseCutter(settings.first_clause_words, settings.clause_chars)
        self._ahead: deque[Said] = deque()

    def feed(self, delta: str) -> list[Lines]:
        """Return the clauses that ``delta`` completes, in order."""
        return self._clauses(self._form.feed(delta))

    def flush(self) -> list[Lines]:
        """Return what is left; the reply is over."""
        made = self._clauses(self._form.flush())
        return made + [self._taken(len(clause)) for clause in self._cutter.flush()]

    def _clauses(self, said: Iterable[Said]) -> list[Lines]:
        made = []
        for stretch in said:
            self._ahead.append(stretch)
            made += [self._taken(len(clause)) for clause in self._cutter.feed(stretch.spoken)]
        return made

    def _taken(self, characters: int) -> Lines:
        """Return the next stretches, of which so many characters are said. One that is cut counts for its beginning."""
        taken = []
        while self._ahead and (characters or not self._ahead[0].spoken):
            stretch = self._ahead.popleft()
            if len(stretch.spoken) > characters:
                kept, rest = stretch.spoken[:characters], stretch.spoken[characters:]
                plain = stretch.written == stretch.spoken
                stretch = Said(kept if plain else stretch.written, kept)
                self._ahead.appendleft(Said(rest if plain else "", rest))
            taken.append(stretch)
            characters -= len(stretch.spoken)
        return tuple(taken)


def written(said: Sequence[Said]) -> str:
    """Return the text of a clause as it is written."""
    return "".join(stretch.written for stretch in said)


def spoken(said: Sequence[Said]) -> str:
    """Return the text of a clause as it is said."""
    return "".join(stretch.spoken for stretch in said)


def written_until(said: Sequence[Said], characters: int) -> int:
    """Return how many written characters have been said when so many spoken ones have."""
    count = 0
    for stretch in said:
        if characters >= len(stretch.spoken):
            count += len(stretch.written)
            characters -= len(stretch.spoken)
        else:
            return count + (characters if stretch.written == stretch.spoken else 0)
    return count
