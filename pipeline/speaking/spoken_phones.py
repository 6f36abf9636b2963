"""Telephone numbers: figure by figure, in the groups in which they are written."""

import re

from pipeline.speaking.spoken_numbers import groups
from pipeline.speaking.spoken_rules import Rule, group_digits, rule

_PHONE_BEFORE = re.compile(
    r"(?:\b(?:call|phone|tel|telephone|dial|text|fax|number|line)\b[^.!?]{0,24}|\+)\Z", re.IGNORECASE
)


def _phone(found: re.Match[str], _before: str) -> str:
    return groups([part for group in group_digits(found.group()) for part in thirds(group)])


def _international(found: re.Match[str], before: str) -> str | None:
    parts = group_digits(found.group())
    return groups(parts if len(parts) > 1 else thirds(parts[0])) if before.endswith("+") else None


def _local(found: re.Match[str], before: str) -> str | None:
    """Say ``555-0199``; ``100-2000`` is a range, and without a hyphen it must be known to be a telephone number."""
    first, last = group_digits(found.group())
    if "-" in found.group() and not (first.endswith("00") and last.endswith("00")):
        return groups([first, last])
    return groups([first, last]) if _PHONE_BEFORE.search(before) else None


def _many_groups(found: re.Match[str], _before: str) -> str | None:
    parts = group_digits(found.group())
    total = sum(map(len, parts))
    return groups(parts) if len(parts) > 2 and 7 <= total <= 19 and not _looks_like_date(parts) else None


def _looks_like_date(parts: list[str]) -> bool:
    return len(parts) == 3 and (len(parts[0]) == 4 or len(parts[2]) == 4) and sum(map(len, parts)) <= 8


def _solid(found: re.Match[str], before: str) -> str | None:
    figures = found.group()
    return groups(thirds(figures)) if len(figures) == 10 or before.endswith("+") else None


def thirds(figures: str) -> list[str]:
    """Return figures in groups of three, the last of four: ``555``, ``010``, ``1234``; what is over comes first."""
    if len(figures) <= 5:
        return [figures]
    if len(figures) == 8:
        return [figures[:4], figures[4:]]
    head, last = figures[:-4], figures[-4:]
    over = len(head) % 3
    return [part for part in (head[:over], *(head[at : at + 3] for at in range(over, len(head), 3)), last) if part]


_END = r"(?![0-9]|[.,:/-][0-9]|[A-Za-z])"
PHONE_RULES: list[Rule] = [
    rule(rf"[0-9]{{1,4}}(?:(?:[ .-]|\) ?|\)-)[0-9]{{2,5}}){{1,6}}{_END}", _international),
    rule(rf"[0-9]{{7,15}}{_END}", _international),
    rule(rf"(?:1[-. ])?[0-9]{{3}}(?:[-. ]|\)[ -]?)[0-9]{{3}}[-. ][0-9]{{4}}{_END}", _phone),
    rule(rf"[0-9]{{3}}[-. ][0-9]{{4}}{_END}", _local),
    rule(rf"[0-9]{{1,4}}(?:[- ][0-9]{{2,4}}){{2,6}}{_END}", _many_groups),
    rule(rf"0[0-9]{{1,4}}[- ][0-9]{{3,8}}{_END}", _phone),
    rule(r"1-[0-9]{3}(?=-[A-Z])", _phone),
    rule(rf"[0-9]+(?:-[0-9]+){{3,}}{_END}", _phone),
    rule(rf"[0-9]{{7,15}}{_END}", _solid),
]
