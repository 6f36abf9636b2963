"""Cuts a stream of text into what can be part of personal data and what cannot, one character at a time.

A *chain* is a run of tokens that may be, or become, personal data: digits and words for them with what stands between
groups, or the pieces of an address. It is closed by the first token that cannot go on with it, so that every cut of the
same input gives the same chains.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate, takewhile
from typing import NamedTuple
from unicodedata import category

from pipeline.dialog.redact_kinds import Kind
from pipeline.dialog.redact_place import Place
from pipeline.dialog.redact_spoken import (
    BEGINNINGS,
    HAN_BEGINNINGS,
    HAN_DIGITS,
    HAN_WORDS,
    LONGEST_CAPITALS,
    TAIL_BEGINNINGS,
    Sort,
    Token,
    code,
    plain,
    word,
)

LONGEST_HELD = 320
"""Characters held back at most. What is longer is decided while its last ``KEPT`` characters stay."""
KEPT = 208
"""Characters that stay: more than a bank account spoken digit by digit takes."""
CONTEXT = 64
"""Characters before a chain that tell what it is."""

HARMLESS = 3
"""Digits of a number that was broken off which may be told: as many as an hour or a price has."""

_SECRET = frozenset({Sort.VALUE, Sort.TIMES, Sort.PIECES, Sort.ZEROS, Sort.MARK})
_SIGNS = frozenset(".@_-+%'")
_BREAKS = frozenset(",()/–—‑−、，。．…·;\n\r\t \u00a0\u2009\u200b\u200c\u200d\u2060\u00ad\ufeff")
_INVISIBLE = frozenset("\u200b\u200c\u200d\u2060\u00ad\ufeff")
"""Signs that part nothing: within a word or a number they and accents belong to it."""


@dataclass(slots=True)
class Chain:
    """Tokens that follow one another in the input."""

    start: int
    """Of the first character, in the input."""
    before: str
    """The end of the input before it."""
    tokens: Sequence[Token]

    @property
    def text(self) -> str:
        """Return the input that it stands for."""
        return "".join(token.text for token in self.tokens)


class Span(NamedTuple):
    """Personal data in a chain."""

    kind: Kind
    first: int
    """Its first token."""
    end: int
    """The token behind it."""
    value: str
    """Digits, capitals or address, without what stands between them."""


@dataclass(frozen=True, slots=True)
class Decided:
    """A chain that is closed, and what was found in it."""

    chain: Chain
    spans: Sequence[Span]


Piece = str | Decided
"""What passes as it is, or what was held back."""


def _single(character: str, sign: str) -> Token:
    """Return the token of a character that is neither a Latin letter nor a digit."""
    if character in HAN_DIGITS:
        return Token(Sort.VALUE, character, HAN_DIGITS[character], said=True)
    if sign in _SIGNS:
        return Token(Sort.MARK, character, sign)
    return Token(Sort.GAP if sign in _BREAKS else Sort.OTHER, character)


class Chains:
    """Cuts one input. At most ``LONGEST_HELD`` characters are held back."""

    def __init__(self, find: Callable[[Chain], list[Span]]) -> None:
        self._find = find
        self._given = 0
        """Characters given out."""
        self._past = ""
        """The last of them."""
        self._tokens: list[Token] = []
        self._size = 0
        """Characters of the tokens."""
        self._place = Place()
        self._run = self._run_plain = ""
        """Letters or digits of a token that is not over."""
        self._settled = False
        """Whether it is known that they are no more than a word, and that the chain goes on with it."""
        self._han = ""
        """Signs that may become a word of the table."""

    @property
    def held(self) -> int:
        """Return how many characters are held back."""
        return self._size + len(self._run) + len(self._han)

    def step(self, character: str) -> list[Piece]:
        """Return what is known now that ``character`` has come, in the order of the input."""
        made: list[Piece] = []
        sign = plain(character)
        if not self._is_han(character, sign, made):
            self._take(character, sign, made)
        if self.held >= LONGEST_HELD:
            self._cut(made)
        return made

    def flush(self) -> list[Piece]:
        """Return the rest; the input is over."""
        made: list[Piece] = []
        self._end_run(made)
        self._end_han(made)
        self._close(made)
        return made

    def give_up(self) -> str:
        """Return what is held back, as far as it cannot be the beginning of personal data that tells anything."""
        sort = Sort.VALUE if self._run_plain.isdigit() else Sort.WORD
        held = [*self._tokens, Token(sort, self._run, self._run_plain)]
        digits = accumulate(len(token.value) for token in held if token.sort is Sort.VALUE)
        if max(digits, default=0) <= HARMLESS and not any(token.value == "@" for token in held):
            return "".join(token.text for token in held)
        return "".join(token.text for token in takewhile(lambda token: token.sort not in _SECRET, held))

    def _is_han(self, character: str, sign: str, made: list[Piece]) -> bool:
        """Return whether ``character`` belongs to a Chinese word of the table, which means something in chains only."""
        if not self._han and not ("\u3400" <= character <= "\u9fff" and (self._tokens or self._run)):
            return False
        self._end_run(made)
        grown = (self._han + sign).lower()
        if not (self._tokens and grown in HAN_BEGINNINGS):
            self._end_han(made)
            grown = sign
        if not (self._tokens and grown in HAN_BEGINNINGS):
            return False
        self._han += character
        if grown in HAN_WORDS:
            (sort, value), text, self._han = HAN_WORDS[grown], self._han, ""
            self._push(Token(sort, text, value, said=True), made)
        return True

    def _take(self, character: str, sign: str, made: list[Piece]) -> None:
        if self._run and sign >= "\x80" and (sign in _INVISIBLE or category(sign)[0] == "M"):
            self._run += character
            return
        letter = sign < "\u0250" and sign.isalpha()
        if not letter and not (sign.isascii() and sign.isdigit()):
            self._end_run(made)
            self._push(_single(character, sign), made)
            return
        if self._run and letter != self._run_plain[-1].isalpha():
            self._end_run(made, glued=True)
        self._run += character
        self._run_plain += sign
        if letter and not self._settled:
            self._settle(made)

    def _settle(self, made: list[Piece]) -> None:
        """Close the chain as soon as the letters cannot become anything that goes on with it."""
        run = self._run_plain
        if len(run) < 2 or run.lower() in BEGINNINGS:
            return
        if self._place.counts and len(run) <= LONGEST_CAPITALS and run.isupper():
            return
        if self._place.counts and run.lower() in TAIL_BEGINNINGS:
            return
        self._settled = True
        if self._tokens and self._place.fitted(Token(Sort.WORD, run)) is None:
            self._close(made)

    def _end_run(self, made: list[Piece], *, glued: bool = False) -> None:
        if not self._run:
            return
        text, usual = self._run, self._run_plain
        self._run = self._run_plain = ""
        self._settled = False
        if not usual[0].isalpha():
            self._push(Token(Sort.VALUE, text, usual), made)
            return
        glued |= bool(self._tokens and self._tokens[-1].sort is Sort.VALUE and not self._tokens[-1].said)
        self._push(code(text, usual) if glued else word(text, usual), made)

    def _end_han(self, made: list[Piece]) -> None:
        signs, self._han = self._han, ""
        for sign in signs:
            self._push(Token(Sort.OTHER, sign), made)

    def _push(self, token: Token, made: list[Piece]) -> None:
        fitted = self._place.fitted(token)
        if fitted is None and self._tokens:
            self._close(made)
            fitted = self._place.fitted(token)
        if fitted is None:
            self._tell(token.text)
            made.append(token.text)
            return
        self._tokens.append(fitted)
        self._size += len(fitted.text)
        self._place.take(fitted)

    def _close(self, made: list[Piece]) -> None:
        if self._tokens:
            chain = Chain(self._given, self._past, tuple(self._tokens))
            made.append(Decided(chain, self._find(chain)))
            self._tell(chain.text)
        self._tokens, self._size, self._place = [], 0, Place(self._past)

    def _cut(self, made: list[Piece]) -> None:
        """Decide a chain that is too long, and keep its end: data that may not be over stays together."""
        if len(self._run) > LONGEST_HELD - KEPT:
            self._end_run(made)
        chain = Chain(self._given, self._past, tuple(self._tokens))
        spans = self._find(chain)
        over, kept = 0, self.held
        while over < len(self._tokens) and kept > KEPT:
            kept -= len(self._tokens[over].text)
            over += 1
        over = max([over, *(span.end for span in spans if span.first < over)])
        done = [span for span in spans if span.end <= over]
        decided = Chain(chain.start, chain.before, chain.tokens[:over])
        made.append(Decided(decided, done))
        self._tell(decided.text)
        self._tokens = self._tokens[over:]
        self._size = sum(len(token.text) for token in self._tokens)
        if not self._tokens:
            self._place = Place()

    def _tell(self, text: str) -> None:
        self._past = (self._past + text)[-CONTEXT:]
        self._given += len(text)
