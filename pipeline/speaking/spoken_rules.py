"""What the languages of SpokenForm share: rules, runs of figures, addresses and their marks."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from pipeline.speaking.words import is_east_asian

CURRENCY_SIGNS = "$€£¥￥₩₹"
NUMBER = r"(?:[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?(?![0-9])|[0-9]+(?:\.[0-9]+)?|\.[0-9]+)"
"""A number as English and Chinese write it, with or without thousands separators."""

Words = Callable[[re.Match[str], str], str | None]
"""Takes a match at the start of what is held and the text before it; None where the rule does not hold after all."""
Rule = tuple[re.Pattern[str], Words]

_RUN = re.compile(
    rf"(?:[{CURRENCY_SIGNS}] ?-?)?\.?[0-9]+(?:(?:[–~-][{CURRENCY_SIGNS}]?|[.,:：/x×]|\)[ -]?| )[0-9]+)*", re.ASCII
)
"""Figures and what may stand between them in a telephone number, a date, a time, a sum or a range."""
_RUN_OPENING = re.compile(rf"[{CURRENCY_SIGNS}] ?-?\.?|\.")
_RUN_MARK = re.compile(rf"[–~-][{CURRENCY_SIGNS}]?|[.,:：/x×]|\)[ -]?| ")
_ADDRESS_TOKEN = re.compile(r"[A-Za-z0-9._~%+&=?#/:@-]*\Z")
_HOST_AND_MORE = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]{2,})+[/:?#]", re.ASCII | re.IGNORECASE)
_HYPHENATED = re.compile(r"[-_][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]*)?")
_HYPHENATED_ADDRESS = re.compile(r"[-_][A-Za-z0-9_-]*(?:@|\.[a-z]{2})")
_DOTTED_LETTER = re.compile(r"(?:^|[^A-Za-z0-9])[A-Za-z](?:\.[A-Za-z])*\Z")


class Tongue(Protocol):
    """The rules of a language."""

    def may_grow(self, before: str, held: str) -> bool:
        """Return whether more text could change what is said for the beginning of ``held``."""
        ...

    def say(self, before: str, held: str) -> tuple[int, str]:
        """Return how much of ``held`` comes next, at least one character, and what is said for it."""
        ...


@dataclass(frozen=True, slots=True)
class Marks:
    """What is said for the marks of an address."""

    words: Mapping[str, str]
    """Mark to name, for every mark that is named in an address."""
    spaced: bool = True
    """Whether a name stands between spaces."""


@dataclass(frozen=True, slots=True)
class Written:
    """A language as rules. The first rule that matches and gives words is taken."""

    marks: Marks
    rules: Mapping[str, Sequence[Rule]]
    """Rules by the character that they begin with; ``0`` stands for every figure, ``a`` for every letter."""
    openings: frozenset[str] = frozenset()
    """Beginnings of what is looked for at the start of a word."""
    followers: frozenset[str] = frozenset()
    """Beginnings of what may follow a number and belong to it, without a space before it."""
    waiting: re.Pattern[str] = field(default_factory=lambda: re.compile(r"(?!)"))
    """Marks that wait for what follows them, beside those of addresses and numbers."""

    def may_grow(self, before: str, held: str) -> bool:
        """Return whether more text could change what is said for the beginning of ``held``."""
        first = held[0]
        if first.isalpha():
            return starts_word(before, held) and held in self.openings
        if first in "0123456789." or first in CURRENCY_SIGNS:
            return self._number_may_grow(before, held)
        if self.waiting.fullmatch(held):
            return True
        if first in "-_" and before[-1:].isalnum() and len(held) > 1 and _HYPHENATED.fullmatch(held):
            return held[1].isalpha() or in_address(before)
        return len(held) == 1 and (first in "-–_/@+=&#" or (first in "?:%~" and in_address(before)))

    def _number_may_grow(self, before: str, held: str) -> bool:
        if held[0] == "." and before[-1:].isalnum():
            return len(held) == 1 or (len(held) == 2 and held[1].isalpha() and bool(_DOTTED_LETTER.search(before)))
        run = _RUN.match(held)
        if run is None:
            return _RUN_OPENING.fullmatch(held) is not None
        rest = held[run.end() :]
        return not rest or _RUN_MARK.fullmatch(rest) is not None or rest.removeprefix(" ") in self.followers

    def say(self, before: str, held: str) -> tuple[int, str]:
        """Return how much of ``held`` comes next, at least one character, and what is said for it."""
        first = held[0]
        kind = "0" if first in "0123456789" else "a" if first.isalpha() else first
        if kind == "a" and not starts_word(before, held):
            return 1, first
        for pattern, words in self.rules.get(kind, ()):
            found = pattern.match(held)
            said = words(found, before) if found else None
            if found and said is not None:
                behind_sign = first in CURRENCY_SIGNS  # as in US$5, whose letters have been taken
                return found.end(), self._spaced(said, "" if behind_sign else before, held[found.end() :])
        if first in self.marks.words:
            return 1, self._mark(before, held)
        return 1, first

    def _spaced(self, said: str, before: str, following: str) -> str:
        """Return words with the spaces that part them from a letter or figure written directly beside them."""
        if not self.marks.spaced or not said:
            return said
        opening = " " if said[0].isalnum() and before[-1:].isalnum() else ""
        closing = " " if said[-1].isalnum() and following[:1].isalpha() else ""
        return opening + said + closing

    def _mark(self, before: str, held: str) -> str:
        """Return what is said for a mark: its name in an address, and the mark itself everywhere else."""
        mark, following = held[0], held[1:2]
        name = f" {self.marks.words[mark]} " if self.marks.spaced else self.marks.words[mark]
        inside = before[-1:].isascii() and following.isascii() and following.isalnum()
        if in_address(before + mark if mark == "/" else before):
            closing = mark == "/" and not inside
            return "" if closing else name if inside or (before[-1:] == "/" and following.strip()) else mark
        if not inside or not before[-1:].isalnum():
            return mark
        if mark == "@":
            return name
        if mark == ".":
            return self._dot(before, held, name)
        hyphenated = mark in "-_" and _HYPHENATED_ADDRESS.match(held)
        return name if hyphenated or mark in "_/" else mark

    def _dot(self, before: str, held: str, name: str) -> str:
        if not held[1].isalpha():
            return name if before[-1].isalpha() else "."
        dotted = _DOTTED_LETTER.search(before) and not held[2:3].isalpha() and held[2:3] not in ("@", "-", "_")
        missing_space = held[1].isupper() and not before[-1].isupper()
        return "." if dotted else ". " if missing_space else name


def address_marks(dot: str, at: str, slash: str, dash: str, underscore: str, **more: str) -> dict[str, str]:
    """Return the names of the marks of an address; ``more`` names those that addresses rarely have."""
    rare = {"question": "?", "equals": "=", "ampersand": "&", "hash": "#", "plus": "+", "colon": ":", "tilde": "~"}
    names = {".": dot, "@": at, "/": slash, "-": dash, "_": underscore}
    return names | {rare[key]: name for key, name in more.items()}


def in_address(before: str) -> bool:
    """Return whether the text goes on inside a web or e-mail address."""
    found = _ADDRESS_TOKEN.search(before)
    token = found.group() if found else ""
    return (
        "://" in token
        or "@" in token[1:]
        or token.startswith(("www.", "mailto:"))
        or _HOST_AND_MORE.match(token) is not None
    )


def starts_word(before: str, held: str) -> bool:
    """Return whether a word begins with ``held``: not behind a letter, a figure or a mark inside an address."""
    last = before[-1:]
    return (
        not (last.isalnum() and (last.isascii() or not is_east_asian(last)))
        and last not in ("'", "’", "@", "_")
        and (held[:1].isascii())
    )


def beginnings(texts: Iterable[str]) -> frozenset[str]:
    """Return every text and every beginning of one, without the empty one."""
    return frozenset(text[:length] for text in texts for length in range(1, len(text) + 1))


def alternatives(texts: Iterable[str]) -> str:
    """Return a pattern that matches the longest of ``texts``."""
    return "|".join(map(re.escape, sorted(texts, key=len, reverse=True)))


def rule(pattern: str, words: Words | str, *, ignore_case: bool = False) -> Rule:
    """Return a rule; ``words`` may be what is always said."""
    compiled = re.compile(pattern, re.IGNORECASE if ignore_case else 0)
    if not isinstance(words, str):
        return compiled, words
    always = words
    return compiled, lambda _found, _before: always


def group_digits(figures: str) -> list[str]:
    """Return the groups of figures in ``figures``, whatever stands between them."""
    return re.findall(r"[0-9]+", figures)
