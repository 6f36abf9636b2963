"""Finds personal data in a chain. Pure, and linear: what is looked at is bounded by the longest number of a kind.

Digits are read in groups. A number begins and ends at the edges of groups, so nothing is found inside a longer one that
was written in one piece. What is hardest to take for something else is looked for first; of several readings the
longest from the left is taken. A run of groups that looks like nothing but is governed by a word such as "card number"
counts as what that word says.
"""

from collections.abc import Callable, Iterator, Sequence
from enum import Enum, auto
from functools import partial
from itertools import pairwise
from string import ascii_uppercase

from pipeline.dialog import redact_context as context
from pipeline.dialog import redact_kinds as kinds
from pipeline.dialog.redact_chain import CONTEXT, Chain, Span
from pipeline.dialog.redact_groups import Group, groups
from pipeline.dialog.redact_kinds import Kind
from pipeline.dialog.redact_mail import mails
from pipeline.dialog.redact_spoken import Token

_LONGEST = 34
"""Characters of the longest number of all kinds: an IBAN."""
_SHORTEST = 7
"""Characters of the shortest: a telephone or a passport."""
_SHORTEST_CHECKED = 15
"""Characters of the shortest number with a check that is hard to meet: an account in Norway."""
_USUAL = ([3, 3, 4], [1, 3, 3, 4], [3, 4, 4], [10], [11], [4, 4, 4, 4], [16], [4, 6, 5])
"""Sizes of groups that are a number although only spaces set it apart from others."""
_MOST_INSIDE = max(map(len, _USUAL))
_CARD_LENGTHS = (15, 16, 19)
"""Digits of most cards; others are looked for later."""


def find(chain: Chain, region: str) -> list[Span]:
    """Return what is personal data in ``chain``, in order and without overlaps."""
    addresses = list(mails(chain))
    taken = {at for span in addresses for at in range(span.first, span.end)}
    spans = addresses
    for run in groups(chain.tokens, taken):
        spans = spans + [_widened(span, chain.tokens) for span in _numbers(chain, run, region)]
    return sorted(spans, key=lambda span: span.first)


def _widened(span: Span, tokens: Sequence[Token]) -> Span:
    """Return a span with the plus and the bracket before it."""
    first = span.first
    for at in range(span.first - 1, max(span.first - 4, -1), -1):
        if tokens[at].value == "+" or tokens[at].text == "(":
            first = at
        elif tokens[at].text != " ":
            break
    return span._replace(first=first)


def _numbers(chain: Chain, run: Sequence[Group], region: str) -> Iterator[Span]:
    """Yield the numbers of a run; when there are none, what the words before it say that it is."""
    while run and len(run[0].value) > 2 and run[0].value.isalpha() and not run[0].glued:
        run = run[1:]
    if sum(len(group.value) for group in run) < _SHORTEST or not any(group.digits for group in run):
        return
    before = (chain.before + "".join(token.text for token in chain.tokens[: run[0].first]))[-CONTEXT:]
    if context.is_price(before):
        run = run[1:]
    behind = "".join(token.text for token in chain.tokens[run[-1].end :]) if run else ""
    told = context.is_governed(Kind.PHONE, before) or context.is_governed(Kind.CARD, before)
    other = context.is_other(before) or (context.is_other_behind(behind) and not told)
    found = list(_read(run, partial(_Reader, before=before, region=region, other=other), list(_Look)))
    if run and not found and not other:
        found = list(_Reader(run, before=before, region=region, other=other).governed())
    yield from found


def _read(
    run: Sequence[Group], reader: Callable[[Sequence[Group]], "_Reader"], looks: Sequence["_Look"]
) -> Iterator[Span]:
    """Yield the numbers of a run: those that one look finds, and between them what the next ones find."""
    if not run or not looks:
        return
    rest = 0
    for first, end, span in reader(run).spans(looks[0]):
        yield from _read(run[rest:first], reader, looks[1:])
        yield span
        rest = end
    yield from _read(run[rest:], reader, looks[1:])


class _Look(Enum):
    """Looks at the same digits, in order: the first one sees what is least in doubt."""

    CHECKED = auto()
    """Accounts and identity cards: their checks hardly come true by chance."""
    CARDS = auto()
    """Cards of usual lengths, between marks that divide numbers."""
    CARDS_INSIDE = auto()
    """The same between spaces."""
    TO_THE_END = auto()
    """All others, up to the end of the run."""
    DIVIDED = auto()
    """The same between marks."""
    INSIDE = auto()
    """The same between spaces."""


def _is_count(groups: Sequence[Group]) -> bool:
    """Return whether someone counts, up or down."""
    numbers = [int(group.value) for group in groups]
    steps = {after - before for before, after in pairwise(numbers)}
    return len(numbers) > 4 and steps in ({1}, {-1})


class _Reader:
    """Reads the groups of one run."""

    def __init__(self, run: Sequence[Group], *, before: str, region: str, other: bool) -> None:
        self._run = run
        self._before = before
        self._region = region
        self._other = other
        """Whether the run is governed by a word such as "order"."""
        inner = [self._divides(at) for at in range(1, len(run))]
        self._edges = [True, *inner, True]
        """Whether a number can begin with a group, or end before it."""

    def spans(self, look: _Look) -> Iterator[tuple[int, int, Span]]:
        """Yield the first group of each number, the group behind it and what it is, the longest from the left."""
        at = 0
        inside = look in (_Look.CARDS_INSIDE, _Look.INSIDE)
        while at < len(self._run):
            if not inside and look is not _Look.CHECKED and not self._edges[at]:
                at += 1
                continue
            for end, read in reversed(self._readings(at, _MOST_INSIDE if inside else len(self._run))):
                kind = self._seen(read, at, end, look)
                if kind is not None:
                    yield at, end, Span(kind, self._run[at].first, self._run[end - 1].end, read)
                    at = end
                    break
            else:
                at += 1

    def _seen(self, value: str, first: int, end: int, look: _Look) -> Kind | None:
        """Return what groups together are as far as one look goes."""
        if look is _Look.CHECKED:
            return self._checked(value)
        cards = look is _Look.CARDS or look is _Look.CARDS_INSIDE
        fits = len(value) in _CARD_LENGTHS if cards else _SHORTEST <= len(value) <= kinds.LONGEST_CARD
        if not fits or (look is _Look.TO_THE_END and end < len(self._run)):
            return None
        if look not in (_Look.CARDS_INSIDE, _Look.INSIDE) and not self._edges[end]:
            return None
        if cards:
            return Kind.CARD if self._is_card(value, first, end) else None
        return self._likely(value, first, end)

    def _readings(self, first: int, most: int) -> list[tuple[int, str]]:
        """Return what begins with a group, of so many groups at most, none longer than the longest number."""
        readings: list[tuple[int, str]] = []
        value = ""
        for end in range(first, min(first + most, len(self._run))):
            value += self._run[end].value
            if len(value) > _LONGEST:
                break
            readings.append((end + 1, value))
        return readings

    def governed(self) -> Iterator[Span]:
        """Yield the digits of the run as what the words before it say."""
        run = [group for group in self._run if group.digits or group.value == "X"]
        value = "".join(group.value for group in run)
        if not run or any(group.glued for group in run if group.value != "X"):
            return
        limits = {Kind.CARD: (12, 19), Kind.CN_ID: (15, 19), Kind.PHONE: (7, 15)}
        for kind, (least, most) in limits.items():
            if least <= len(value) <= most and context.is_governed(kind, self._before):
                yield Span(kind, run[0].first, run[-1].end, value)
                return

    def _checked(self, value: str) -> Kind | None:
        if len(value) == 18 and kinds.is_id(value):
            return Kind.CN_ID
        if len(value) < _SHORTEST_CHECKED or value[:2] not in kinds.IBAN_LENGTHS:
            return None
        zeros = value[:2] + value[2:].replace("O", "0")
        read = (value, value[:2] + zeros[2:4] + value[4:], zeros)
        return Kind.IBAN if any(map(kinds.is_iban, read)) else None

    def _likely(self, value: str, first: int, end: int) -> Kind | None:
        """Return what groups together are, if anything."""
        if value[0].isalpha():
            return Kind.PASSPORT if first == 0 and self._is_passport(value, end) else None
        if not value.isdigit() or self._other or any(group.glued for group in self._run[first:end]):
            return None
        if self._is_card(value, first, end):
            return Kind.CARD
        if kinds.looks_like_id(value):
            return Kind.CN_ID
        return Kind.PHONE if self._is_phone(value, first, end) else None

    def _is_passport(self, value: str, end: int) -> bool:
        digits = (value[:2] + value[2:].replace("O", "0")).lstrip(ascii_uppercase)
        fits = 1 <= len(value) - len(digits) <= 2 and digits.isdigit() and 6 <= len(digits) <= 8
        whole = fits and end == len(self._run)
        return whole and context.is_governed(Kind.PASSPORT, self._before)

    def _is_card(self, value: str, first: int, end: int) -> bool:
        if self._other or not value.isdigit() or any(group.glued for group in self._run[first:end]):
            return False
        if not self._is_apart(first, end) or not kinds.is_card(value):
            return False
        return len(value) > 13 or context.is_governed(Kind.CARD, self._before)

    def _is_phone(self, value: str, first: int, end: int) -> bool:
        if not kinds.SHORTEST_PHONE <= len(value) <= kinds.LONGEST_PHONE + 3:
            return False
        plus = self._run[first].plus
        groups = self._run[first:end]
        if _is_count(groups):
            return False
        listed = any(group.hard for group in groups[1:]) and not any(group.said for group in groups)
        if listed and not plus and not self._is_dictated(groups):
            return False
        return (plus or self._is_apart(first, end)) and kinds.is_phone(value, self._region, international=plus)

    def _is_dictated(self, groups: Sequence[Group]) -> bool:
        """Return whether typed groups with commas are no list: digit by digit, in usual groups, or told to be one."""
        sizes = [len(group.value) for group in groups]
        return max(sizes) == 1 or sizes in _USUAL or context.is_governed(Kind.PHONE, self._before)

    def _is_apart(self, first: int, end: int) -> bool:
        """Return whether a reading is not a piece of a longer number, as far as its edges tell."""
        if self._edges[first] and self._edges[end]:
            return True
        return [len(group.value) for group in self._run[first:end]] in _USUAL

    def _divides(self, at: int) -> bool:
        """Return whether a number can begin with a group, or end before it."""
        before, group = self._run[at - 1], self._run[at]
        apart = group.first > before.end
        return group.hard or group.plus or (apart and group.said != before.said) or group.digits != before.digits
