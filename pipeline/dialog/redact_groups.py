"""Reads the tokens of a chain as groups of digits and letters. Pure."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from pipeline.dialog.redact_spoken import TENS, UNITS, Sort, Token, plain

_BREAKING = frozenset((Sort.WORD, Sort.TAIL, Sort.NOUN))
_BETWEEN = frozenset((Sort.GAP, Sort.FILLER, Sort.MARK))
_NO_NUMBER = re.compile(
    r"(?<!\d)(?<!\d\.)(?:"
    r"(?:19|20)\d\d([-/.])(?:0?[1-9]|1[0-2])\1(?:0[1-9]|[12]\d|3[01]|[1-9])"  # a day, years first
    r"|(?:0?[1-9]|[12]\d|3[01])([-/.])(?:0?[1-9]|[12]\d|3[01])\2(?:19|20)\d\d"  # the same, years last
    r"|(?<!\d[ -])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)"  # an address of the Internet
    r"|[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?"  # thousands
    r"|\d{1,2}\.\d{5,}(?:_\d+)*"  # a fraction
    r")(?!\.?\d)"
    r"|(?<![\d -])(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?= \d\d\Z)"  # a day in one piece, an hour
)


@dataclass(frozen=True, slots=True)
class Group:
    """Digits or letters that stand together."""

    value: str
    first: int
    end: int
    """Its tokens."""
    said: bool
    glued: bool = False
    """Whether letters stand at it without a space: part of some other code."""
    hard: bool = False
    """Whether what stands before it divides numbers: a comma, a pause, a word."""
    plus: bool = False
    """Whether a plus stands before it."""

    @property
    def digits(self) -> bool:
        """Return whether it is all digits."""
        return self.value.isdigit()


def groups(tokens: Sequence[Token], taken: set[int]) -> Iterator[list[Group]]:
    """Yield the groups of digits and letters that may belong together."""
    taken = taken | _elsewhere(tokens)
    run: list[Group] = []
    hard = plus = False
    at = 0
    while at < len(tokens):
        token = tokens[at]
        if at in taken or token.sort in _BREAKING or (token.value == "@" and token.text != "AT"):
            if run:
                yield run
            run, hard, plus = [], False, False
            at += 1
            continue
        group = _group(tokens, at)
        if group is None:
            hard |= (token.sort is not Sort.GAP and token.value not in (".", "-", "+")) or token.text in ",、，。;\n"
            plus |= token.value == "+"
            at += 1
            continue
        run.append(replace(group, hard=hard, plus=plus))
        hard = plus = False
        at = group.end
    if run:
        yield run


def _elsewhere(tokens: Sequence[Token]) -> set[int]:
    """Return the tokens of days, thousands and network addresses."""
    if sum(token.sort is Sort.VALUE and not token.said for token in tokens) < 2:
        return set()
    pieces = ["".join(map(plain, token.text)) for token in tokens]
    ends = list(accumulate(map(len, pieces), initial=0))
    found = [match.span() for match in _NO_NUMBER.finditer("".join(pieces))]
    return {at for at in range(len(tokens)) for start, end in found if start <= ends[at] < end}


def _group(tokens: Sequence[Token], at: int) -> Group | None:
    """Return the group that begins with a token."""
    token = tokens[at]
    if token.text == "AT":
        return Group("AT", at, at + 1, said=False)
    if _is_oh(tokens, at):
        return Group("0", at, at + 1, said=True)
    if token.sort is Sort.TIMES:
        return _repeated(tokens, at)
    if token.sort is Sort.VALUE and token.said:
        return _said(tokens, at)
    if token.sort is Sort.LETTERS or token.sort is Sort.VALUE:
        return Group(token.value, at, at + 1, said=token.said, glued=_is_glued(tokens, at))
    return None


def _repeated(tokens: Sequence[Token], at: int) -> Group | None:
    """Return the digits of "double" and the like."""
    after = _after_gaps(tokens, at + 1)
    if after is None or tokens[after].sort not in (Sort.VALUE, Sort.LETTERS):
        return None
    digit = "0" if tokens[after].value == "O" else tokens[after].value
    return Group(digit * int(tokens[at].value), at, after + 1, said=True) if len(digit) == 1 else None


def _said(tokens: Sequence[Token], at: int) -> Group:
    """Return the digits of a word, together with what belongs to it: "twenty one", "eight hundred", 三个零."""
    token = tokens[at]
    after = _after_gaps(tokens, at + 1)
    if after is not None:
        unit = UNITS.get(tokens[after].text.lower(), "0") if token.text.lower() in TENS else "0"
        if unit != "0":
            return Group(token.value[0] + unit, at, after + 1, said=True)
        if tokens[after].sort is Sort.ZEROS:
            return _hundreds(tokens, at, after)
    if len(tokens) > at + 2 and tokens[at + 1].sort is Sort.PIECES and token.value in "234":
        many = tokens[at + 2]
        if many.sort is Sort.VALUE and many.said:
            return Group(many.value * int(token.value), at, at + 3, said=True)
    return Group(token.value, at, at + 1, said=True)


def _hundreds(tokens: Sequence[Token], at: int, zeros: int) -> Group:
    """Return the digits of "eight hundred", or of "four hundred fifteen"."""
    value = tokens[at].value
    last = _after_gaps(tokens, zeros + 1)
    if last is not None and tokens[last].said and len(tokens[last].value) == len(tokens[zeros].value) == 2:
        rest = _said(tokens, last)
        if len(rest.value) == 2:
            return Group(value + rest.value, at, rest.end, said=True)
    return Group(value + tokens[zeros].value, at, zeros + 1, said=True)


def _is_oh(tokens: Sequence[Token], at: int) -> bool:
    """Return whether a token is the letter that people say for a zero: behind a digit, or first and before one."""
    if tokens[at].value != "O" or tokens[at].sort is not Sort.LETTERS:
        return False
    counted = (Sort.VALUE, Sort.ZEROS)
    for place in range(at - 1, -1, -1):
        if tokens[place].value != "O" and tokens[place].sort not in _BETWEEN:
            return tokens[place].sort in counted and (tokens[place].said or place < at - 1)
    after = _after_gaps(tokens, at + 1)
    return after is not None and tokens[after].sort in counted and after > at + 1


def _after_gaps(tokens: Sequence[Token], at: int) -> int | None:
    """Return the next token behind at most two spaces or hyphens."""
    for place in range(at, min(at + 3, len(tokens))):
        if tokens[place].text not in (" ", "-"):
            return place
    return None


def _is_glued(tokens: Sequence[Token], at: int) -> bool:
    """Return whether Latin letters stand at digits, or digits at letters; an extension behind ``x`` does not count."""
    letters = (Sort.WORD, Sort.LETTERS)
    before = tokens[at - 1] if at else None
    if before and before.sort in letters and not (before.value in ("x", "X", "ext") and at > 1):
        return True
    after = tokens[at + 1] if at + 1 < len(tokens) else None
    return bool(after and after.sort in letters and not after.said and after.value not in ("x", "X", "ext"))
