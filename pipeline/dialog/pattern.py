"""Patterns: regular expressions that an agent's file declares, of which none can take long. Pure."""

import re
from math import prod

TEXT = 500
"""Characters of a text that are looked at: half a minute of speech."""
WAYS = 10_000
"""In how many ways, at most, a pattern may try to match from one place. At 500 places that is 0.2 s on a slow core."""
LONGEST = 200
"""Characters of a pattern."""

_PIECE = re.compile(
    r"(?P<open>\((?:\?(?:P<\w+>|P=\w+|[aiLmsux-]+:|<?[=!]|[:>]|\(\w+\)|#|[aiLmsux]+))?)"
    r"|(?P<close>\))|(?P<bar>\|)"
    r"|(?P<repeat>(?:[*+?]|\{(?P<least>\d*)(?P<comma>,?)(?P<most>\d*)\})[?+]?)"
    r"|(?P<one>\[\^?\]?(?:\\.|[^\]\\])*\]|\\.|.)",
    re.DOTALL,
)


def checked(pattern: str) -> re.Pattern[str]:
    """Return the pattern, compiled; it ignores case. Raises ValueError when it is none, or could take long.

    Python's matcher tries one way after the other, as many as the counts of all repetitions multiplied: a repetition
    inside another one takes a minute for 40 figures. So the ways are counted beforehand, rather too many.
    """
    if len(pattern) > LONGEST:
        raise ValueError(f"the pattern has {len(pattern)} characters; allowed: {LONGEST}")
    try:
        compiled = re.compile(pattern, re.IGNORECASE)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"the pattern is no regular expression: {error}") from error
    if ways(pattern) > WAYS:
        raise ValueError(
            f"the pattern could try more than {WAYS} ways to match; write {{1,20}} in place of + and *, and no "
            "repetition inside another"
        )
    return compiled


def last(pattern: re.Pattern[str], text: str) -> str:
    """Return what the pattern finds last in the first ``TEXT`` characters, its first group if it has one, or ""."""
    found = ""
    for match in pattern.finditer(text[:TEXT]):
        found = (match.group(1) if pattern.groups else match.group()) or found
    return found


def ways(pattern: str) -> int:
    """Return in how many ways a pattern can match from one place, rather too many."""
    branches: list[list[list[int]]] = [[[]]]  # of each open group, of each alternative, of each piece
    for piece in _PIECE.finditer(pattern):
        if piece["open"]:
            branches.append([[]])
        elif piece["close"] and len(branches) > 1:
            closed = branches.pop()
            branches[-1][-1].append(sum(map(prod, closed)))
        elif piece["bar"]:
            branches[-1].append([])
        elif piece["repeat"] and branches[-1][-1]:
            branches[-1][-1][-1] = _repeated(branches[-1][-1][-1], piece)
        else:
            branches[-1][-1].append(1)
    return sum(map(prod, branches[0]))


def _repeated(ways: int, piece: re.Match[str]) -> int:
    least, most = _counts(piece)
    if ways == 1:
        return most - least + 1
    return min(sum(ways**count for count in range(least, min(most, WAYS.bit_length()) + 1)), WAYS + 1) or WAYS + 1


def _counts(piece: re.Match[str]) -> tuple[int, int]:
    """Return how often a repetition comes at least and at most, in ``TEXT`` characters."""
    sign = piece["repeat"][0]
    if sign != "{":
        return int(sign == "+"), 1 if sign == "?" else TEXT
    least = int(piece["least"] or 0)
    if not piece["comma"]:
        return least, least
    return least, min(int(piece["most"]), TEXT) if piece["most"] else TEXT
