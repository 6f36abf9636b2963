"""ClauseCutter: reply text in as it is written, clauses out as soon as they can be spoken."""

import re
from enum import IntEnum

from pipeline.speaking.words import is_east_asian

_SENTENCE_MARKS = frozenset(".!?…。！？؟।")
_SOFT_MARKS = frozenset(",;:–—،，；：、")
_PLAIN_MARKS = frozenset(",;，；、")
"""Marks that are a clause's end behind a letter, whatever follows."""
_NO_SPACE_MARKS = frozenset("—。！？，；：、")
"""Marks after which a new clause may follow without a space."""
_CLOSERS = frozenset("\"'”’»›)]}）】」』》")
_ABBREVIATIONS = frozenset(
    {"dr", "mr", "mrs", "ms", "prof", "sr", "jr", "st", "mt", "vs", "approx", "ca", "bzw", "inkl", "hr", "fr"}
    | {"sra", "srta", "dra", "ud", "uds", "sig", "dott", "mme", "mlle"}
)
_NUMBERED = frozenset({"no", "nr", "num", "núm", "vol", "fig", "art", "tel", "ext"})
"""Abbreviations in front of a figure; ``No.`` in front of a word is a sentence."""
_DOTTED = re.compile(r"(?:[^\W\d_]\.)+[^\W\d_]")
"""``e.g``, ``a.m``, ``U.S``, ``z.B``: the last dot is not part of the match."""
_LAST_WORD = re.compile(r"[^\s(\[{\"'“‘«]*\Z")
_LEAST_WORDS = 2
"""Words that a first clause needs: one alone is over before the next clause is ready."""


class Break(IntEnum):
    """How good a place between two speakable characters is for a cut."""

    NONE = 0
    SPACE = 1
    SOFT = 2
    SENTENCE = 3


class ClauseCutter:
    """Cuts a reply into clauses. The clauses joined are the input, and do not depend on how it was cut into deltas.

    The first clause ends at the first punctuation behind two words, or after ``first_words``: the caller waits for it.
    The second ends at punctuation behind ``first_words``, because a short first one is soon over. Later ones end at
    sentence ends. No clause is longer than ``limit`` characters, silent ones at its ends not counted. A character of an
    East Asian script counts as half a word.

    A cut is made when the next speakable character arrives; models write it in one token with the space before it. A
    comma or semicolon behind a letter, and the space behind ``first_words``, end the first clause at once: the caller
    does not wait for one more token, and the filters before this one hold back the word that comes next. Where only
    silent characters follow such a clause they are lost.
    """

    def __init__(self, first_words: int = 6, limit: int = 220) -> None:
        self._first_words = first_words
        self._limit = limit
        self._clauses = 0
        self._text = ""
        self._spoken_from: int | None = None
        self._spoken_to = 0
        self._soft_at = 0
        self._space_at = 0

    def feed(self, delta: str) -> list[str]:
        """Return the clauses that ``delta`` completes, in order."""
        return [clause for character in delta for clause in self._step(character)]

    def flush(self) -> list[str]:
        """Return what is left; the reply is over. Text without anything to speak gives no clause."""
        rest = [self._text] if self._spoken_from is not None else []
        self._text, self._spoken_from = "", None
        return rest

    def _step(self, character: str) -> list[str]:
        cut: list[str] = []
        if character.isalnum():
            if self._spoken_from is not None:
                cut += self._cut_before(character)
            # A long run of marks may leave too much behind the first cut.
            while self._spoken_from is not None and len(self._text) - self._spoken_from >= self._limit:
                cut.append(self._cut(self._soft_at or self._space_at or len(self._text)))
            if self._spoken_from is None:
                self._spoken_from = len(self._text)
            self._spoken_to = len(self._text) + 1
        self._text += character
        if self._is_early_end(character):
            cut.append(self._cut(len(self._text)))
        return cut

    def _is_early_end(self, character: str) -> bool:
        """Return whether the mark or space that has just arrived ends the first clause."""
        least = _LEAST_WORDS if character in _PLAIN_MARKS else self._first_words if character == " " else 0
        spoken = self._clauses == 0 and self._spoken_from is not None and self._spoken_to == len(self._text) - 1
        return bool(least) and spoken and self._text[-2].isalpha() and words(self._text) >= least

    def _cut_before(self, following: str) -> list[str]:
        """Return the clause that is over now that ``following`` has arrived, else take note of the place."""
        found, offset = boundary(self._text[: self._spoken_to], self._text[self._spoken_to :], following)
        here = self._spoken_to + offset
        if self._is_end(found):
            return [self._cut(here)]
        if found >= Break.SOFT:
            self._soft_at = here
        elif found is Break.SPACE:
            self._space_at = here
        return []

    def _is_end(self, found: Break) -> bool:
        if self._clauses > 1 or found is Break.NONE:
            return found is Break.SENTENCE
        count = words(self._text)
        if self._clauses == 1:
            return found is Break.SENTENCE or (found is Break.SOFT and count >= self._first_words)
        return count >= (self._first_words if found is Break.SPACE else _LEAST_WORDS)

    def _cut(self, at: int) -> str:
        clause, self._text = self._text[:at], self._text[at:]
        self._clauses += 1
        self._soft_at = max(0, self._soft_at - at)
        self._space_at = max(0, self._space_at - at)
        self._spoken_from = next((place for place, kept in enumerate(self._text) if kept.isalnum()), None)
        return clause


def boundary(before: str, gap: str, following: str) -> tuple[Break, int]:
    """Return how good a place ``gap`` is for a cut, and how much of it belongs to the clause ``before`` it.

    ``before`` ends in a speakable character, ``gap`` holds none, and ``following`` is the one that comes next.
    """
    if not gap:
        return (Break.SPACE if is_east_asian(before[-1]) and is_east_asian(following) else Break.NONE), 0
    if "\n" in gap:
        return Break.SENTENCE, _behind_space(gap, gap.index("\n"))
    in_number = before[-1].isdigit() and following.isdigit()
    found, at = Break.NONE, 0
    for place, mark in enumerate(gap):
        kind = _mark(gap, place)
        if kind is Break.NONE or kind < found or (in_number and not any(map(str.isspace, gap))):
            continue
        behind = _behind_closers(gap, place + 1)
        if mark in _NO_SPACE_MARKS or (behind < len(gap) and gap[behind].isspace()):
            found, at = kind, _behind_space(gap, behind)
    if found is Break.SENTENCE and not _ends_sentence(before, gap[:at].rstrip(), following):
        if _is_abbreviation(before, following):
            return Break.NONE, 0
        found = Break.SOFT
    if found is Break.NONE and not in_number and any(map(str.isspace, gap)):
        space_at = next(place for place, mark in enumerate(gap) if mark.isspace())
        return Break.SPACE, _behind_space(gap, space_at)
    return found, at


def words(text: str) -> float:
    """Return how many words ``text`` has; an East Asian character counts as half of one."""
    east_asian = sum(map(is_east_asian, text))
    rest = "".join(" " if is_east_asian(character) else character for character in text)
    return east_asian / 2 + sum(any(map(str.isalnum, word)) for word in rest.split())


def _mark(gap: str, place: int) -> Break:
    if gap[place] in _SENTENCE_MARKS:
        return Break.SENTENCE
    spaced_hyphen = gap[place] == "-" and place > 0 and gap[place - 1].isspace()
    return Break.SOFT if gap[place] in _SOFT_MARKS or spaced_hyphen else Break.NONE


def _ends_sentence(before: str, marks: str, following: str) -> bool:
    """Return whether a sentence mark ends a sentence: ``Dr. Smith``, ``"Really?" she asked`` and ``1. Tea`` do not."""
    closed = marks[-1] in _CLOSERS
    if marks.rstrip("".join(_CLOSERS)).endswith((".", "…")):
        list_number = before.strip().isdecimal()
        return not (following.islower() or list_number or _is_abbreviation(before, following))
    return not (closed and following.islower())


def _is_abbreviation(before: str, following: str) -> bool:
    found = _LAST_WORD.search(before[-16:])
    word = found.group() if found else ""
    if word.lower() in _NUMBERED:
        return following.isdigit()
    initial = len(word) == 1 and word.isupper() and word != "I"
    return initial or word.lower() in _ABBREVIATIONS or _DOTTED.fullmatch(word) is not None


def _behind_closers(gap: str, at: int) -> int:
    while at < len(gap) and gap[at] in _CLOSERS:
        at += 1
    return at


def _behind_space(gap: str, at: int) -> int:
    while at < len(gap) and gap[at].isspace():
        at += 1
    return at
