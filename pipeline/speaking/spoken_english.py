"""English as rules for SpokenForm: words, marks and names. Numbers have a file of their own."""

import re
from itertools import product

from pipeline.speaking.spoken_english_numbers import FOLLOWERS, NUMBER_RULES
from pipeline.speaking.spoken_english_tables import (
    CODES,
    FRACTIONS,
    LAST,
    MONTHS,
    NUMBERED,
    PHRASES,
    SHORT_DAYS,
    SHORT_MONTHS,
    SIGNS,
    STREETS,
    TITLES,
)
from pipeline.speaking.spoken_rules import (
    CURRENCY_SIGNS,
    Marks,
    Rule,
    Words,
    Written,
    address_marks,
    alternatives,
    beginnings,
    in_address,
    rule,
)

_RANGE_OPENING = re.compile(
    rf"(?:[0-9]|[0-9] ?(?:[ap]\.?m\.?|[AP]\.?M\.?|{alternatives(CODES)})|%|°[CF]?)\s?\Z", re.ASCII
)
_STREET_NAME = re.compile(
    r"(?:\b(?!(?:In|At|The|To|From|Near|Visit|And|Of|Is|On|For|See|Mount|Fort|Port) )[A-Z][a-z'’]+"
    r"|[0-9](?:st|nd|rd|th)) \Z"
)
_HOUSE = re.compile(r"[0-9] (?:[NSEW]\.? )?(?:[A-Z][a-z'’]+ ){1,3}\Z")
"""A house number and a name: what follows is a street, whatever begins behind it."""
_NUMBERED_THING = re.compile(
    r"\b(?:room|table|platform|bus|order|item|gate|flight|page|house|apartment|line|track|ticket|phone|serial|part) \Z",
    re.IGNORECASE,
)
_LETTER = "[A-Za-z]"


def _title(found: re.Match[str], before: str) -> str | None:
    return None if found["short"] in STREETS and _HOUSE.search(before) else TITLES[found["short"]]


def _saint(_found: re.Match[str], before: str) -> str | None:
    return None if _STREET_NAME.search(before) else "Saint"


def _street(found: re.Match[str], before: str) -> str | None:
    """Say ``St.`` behind a name; its full stop stays where it ends the sentence too."""
    if not _STREET_NAME.search(before) or (found["short"] in TITLES and not found["stop"]):
        return None
    following = found.string[found.end() :].lstrip()
    stays = found["stop"] and (not following or following[0].isupper())
    return STREETS[found["short"]] + ("." if stays else "")


def _last(found: re.Match[str], _before: str) -> str:
    following = found.string[found.end() :]
    stays = found["stop"] and (not following.strip() or following.lstrip()[0].isupper())
    return LAST[found["short"]] + ("." if stays else "")


def _numbered(found: re.Match[str], before: str) -> str | None:
    """Say ``No. 5``; "I said no. 5 people came" is two sentences."""
    short = found["short"]
    return None if short == "no" and not _NUMBERED_THING.search(before) else f"{NUMBERED[short]} "


def _month(found: re.Match[str], _before: str) -> str:
    return MONTHS[SHORT_MONTHS[found["short"]] - 1]


def _days(found: re.Match[str], _before: str) -> str:
    return f"{SHORT_DAYS[found['first']]} to {SHORT_DAYS[found['second']]}"


_DAY = alternatives(SHORT_DAYS)
_WORDS: list[Rule] = [
    rule(r"https?://", ""),
    rule(r"mailto:", ""),
    rule(r"www\.(?=[a-z0-9])", "www dot "),
    rule(rf"(?P<first>{_DAY}) ?[–-] ?(?P<second>{_DAY})(?!{_LETTER})\.?", _days),
    rule(rf"(?P<short>{_DAY})(?:(?=:)|\.?(?=,? [0-9]))", lambda found, _before: SHORT_DAYS[found["short"]]),
    rule(rf"(?P<short>{alternatives(SHORT_MONTHS)})\.?(?= [0-9])", _month),
    rule(rf"(?P<short>{alternatives(TITLES)})\.(?= ?[A-Z])", _title),
    rule(r"St\.?(?= [A-Z])", _saint),
    rule(rf"(?P<short>{alternatives(STREETS)})(?P<stop>\.?)(?!{_LETTER})", _street),
    rule(rf"(?P<short>{alternatives(NUMBERED)})\. ?(?=[0-9])", _numbered),
    rule(rf"(?P<phrase>{alternatives(PHRASES)})", lambda found, _before: PHRASES[found["phrase"]]),
    rule(r"vs(?![A-Za-z.])", "versus"),
    rule(rf"(?P<short>{alternatives(LAST)})(?P<stop>\.)(?!{_LETTER})", _last),
    rule(r"v(?=[0-9])", "version"),
    rule(rf"(?:{'|'.join(re.escape(sign[:-1]) for sign in SIGNS if len(sign) > 1)})(?=\$ ?[0-9])", ""),
]
_OPENINGS = [
    "http://", "https://", "mailto:", "www.", "vs.", "v", *PHRASES,
    *(f"{first}{dash}{second}" for first, second, dash in product(SHORT_DAYS, SHORT_DAYS, ("-", "–", " - ", " – "))),
    *(f"{day}, " for day in SHORT_DAYS),
    *(f"{day}. " for day in SHORT_DAYS),
    *(f"{month}. " for month in SHORT_MONTHS),
    *(f"{month} " for month in SHORT_MONTHS),
    *(f"{short}. " for short in {*TITLES, *STREETS, *LAST, *NUMBERED}),
    "St ",
    *(f"{sign} " for sign in SIGNS if len(sign) > 1),
]  # fmt: skip


def _padded(word: str, *, leaning: bool = False) -> Words:
    """Say a mark as a word, with a space on each side; a leaning one goes with what follows only."""

    def words(found: re.Match[str], before: str) -> str | None:
        following = found.string[found.end() : found.end() + 1]
        if in_address(before) or (leaning and before[-1:].isalnum()):
            return None
        opening = " " if before[-1:].isalnum() or before[-1:] in (")", "%") else ""
        closing = " " if following.isalnum() or following in (*CURRENCY_SIGNS, "(", "-", "+", ".") else ""
        return f"{opening}{word}{closing if following else ''}"

    return words


def _dash(found: re.Match[str], before: str) -> str | None:
    """Say a dash in front of a figure: "to" behind another figure, else "minus"; a code keeps its hyphen."""
    if in_address(before):
        return None
    spaced = found.group().endswith(" ")
    if spaced == before.endswith(" ") and _RANGE_OPENING.search(before):
        return "to " if spaced else " to "
    return None if spaced or before[-1:].isalnum() else "minus "


def _plus(found: re.Match[str], before: str) -> str | None:
    following = found.string[found.end() : found.end() + 1]
    if before[-1:].isdigit() and not following.isalnum():
        return " plus" if following else None
    return _padded("plus")(found, before)


def _and(found: re.Match[str], before: str) -> str | None:
    """Say an ampersand; ``AT&T`` and ``Q&A`` are read well by every voice."""
    following = found.string[found.end() : found.end() + 1]
    return None if before[-1:].isupper() and following.isupper() else _padded("and")(found, before)


def _slash(found: re.Match[str], before: str) -> str | None:
    """Say ``/``: "per" behind an amount, nothing between capitals and in ``and/or``, else its name."""
    if in_address(before):
        return None
    if not before[-1:].strip():
        return "slash "
    if before.lower().endswith("and") or (before[-1:].isupper() and found.string[1:2].isupper()):
        return " "
    amount = re.search(rf"(?:[{CURRENCY_SIGNS}] ?[0-9.,]*|[0-9] ?(?:[A-Z]{{3}}|GB|MB|kg|lb)|[€£])\Z", before)
    return " per " if amount else None


def _at(found: re.Match[str], before: str) -> str | None:
    inside = before[-1:].isalnum() and found.string[1:2].isalnum()
    return None if inside else _padded("at")(found, before)


def _hash(found: re.Match[str], before: str) -> str | None:
    if before[-1:] in ("C", "F") and not before[-2:-1].isalnum():
        return " sharp"
    return _padded("hash")(found, before)


_SYMBOLS: dict[str, list[Rule]] = {
    "&": [rule("&", _and)],
    "+": [rule(r"\+(?!\+)", _plus), rule(r"\+\+", " plus plus")],
    "=": [rule("=+", _padded("equals"))],
    "@": [rule("@", _at)],
    "#": [rule("#(?=[0-9])", _padded("number", leaning=True)), rule("#", _hash)],
    "%": [rule("%", _padded("percent"))],
    "°": [rule("°", _padded("degrees"))],
    "×": [rule("×", _padded("times"))],
    "÷": [rule("÷", _padded("divided by"))],
    "≈": [rule("≈", _padded("about"))],
    "~": [rule(r"~(?=[0-9$€£])", _padded("about", leaning=True))],
    "<": [rule(r"<=? ?(?=[0-9$€£])", lambda found, _b: "at most " if "=" in found.group() else "less than ")],
    ">": [rule(r">=? ?(?=[0-9$€£])", lambda found, _b: "at least " if "=" in found.group() else "more than ")],
    "≤": [rule("≤", _padded("at most"))],
    "≥": [rule("≥", _padded("at least"))],
    "€": [rule("€", _padded("euros"))],
    "-": [rule(rf"- ?(?=[0-9.{CURRENCY_SIGNS}])", _dash)],
    "–": [rule(rf"– ?(?=[0-9.{CURRENCY_SIGNS}])", _dash)],
    "−": [rule(r"− ?(?=[0-9.])", _padded("minus"))],
    "/": [rule(rf"/(?={_LETTER})", _slash)],
    "(": [rule(r"\((?=[0-9]{3,4}\)[ -]?[0-9])", "")],
    "№": [rule("№ ?(?=[0-9])", "number ")],
    **{sign: [rule(sign, _padded(words))] for sign, words in FRACTIONS.items()},
}


ENGLISH = Written(
    marks=Marks(
        address_marks(
            "dot", "at", "slash", "dash", "underscore", question="question mark", equals="equals", ampersand="and",
            hash="hash", plus="plus", colon="colon", tilde="tilde",
        )
    ),
    rules={"a": _WORDS, "0": NUMBER_RULES}
    | _SYMBOLS
    | {sign: [*NUMBER_RULES, *_SYMBOLS.get(sign, ())] for sign in CURRENCY_SIGNS + "."},
    openings=beginnings(_OPENINGS),
    followers=FOLLOWERS,
    waiting=re.compile(r"\([0-9]{0,4}\)?[ -]?|[–-] ?|[<>]=?|[<>]=? |№ ?|[~×÷≈≤≥−°=+]|\++|=+"),
)  # fmt: skip
