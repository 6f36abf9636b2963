"""English rules for what begins with a figure or a currency sign: sums, dates, times, telephone numbers, units.

Where writing is ambiguous the United States decide: 3/4/2025 is March fourth, unless the first figure can be no month;
hours above twelve are said with "p.m."; there is no "and" inside a number. Four figures from 1900 to 2099 are a year
unless a unit follows. ``1,5`` is a decimal. More than six figures, or five and six that do not end in two zeros, are
read one by one; zero is "zero" there and "oh" in times, years and rooms.
"""

import re
from itertools import product

from pipeline.speaking.spoken_english_tables import CODES, FRACTIONS, MONTHS, SCALES, SHORT_MONTHS, SIGNS, UNITS
from pipeline.speaking.spoken_numbers import (
    cardinal,
    code,
    digits,
    is_one,
    ordinal,
    quantity,
    two_figures,
    year,
)
from pipeline.speaking.spoken_phones import PHONE_RULES
from pipeline.speaking.spoken_rules import CURRENCY_SIGNS, NUMBER, Rule, alternatives, beginnings, in_address, rule

_END = r"(?![A-Za-z0-9])"
_SCALE = rf"(?: (?P<long>thousand|million|billion|trillion)|(?P<scale> ?(?:{alternatives(SCALES)}))){_END}"
_MONTH_BEFORE = re.compile(rf"\b(?:{'|'.join(MONTHS)}|{'|'.join(SHORT_MONTHS)})\.? \Z")
_SIGN_BEFORE = re.compile(r"(?:US|CA?|AU?|NZ|HK|S)\Z")
_DECADE_BEFORE = re.compile(r"(?:\b(?:the|early|late|his|her|my|your|their|our) |mid-|['’])\Z", re.IGNORECASE)
_DATE_BEFORE = re.compile(r"\b(?:on|by|until|before|after|since|due|dated?) \Z", re.IGNORECASE)
_YEAR_BEFORE = re.compile(
    r"\b(?:in|since|year|of|from|until|before|after|around|circa|summer|winter) \Z", re.IGNORECASE
)
_PLACE_BEFORE = re.compile(
    r"\b(?:room|flight|route|highway|interstate|bus|apartment|suite|gate|unit|building|train|line|area code|boeing|"
    r"airbus)(?: #|(?: [A-Z0-9]{2})? )\Z",
    re.IGNORECASE,
)
_NAME_BEFORE = re.compile(
    r"\b(?:code|pin|passcode|password|extension|ext\.?|zip|confirmation|booking|reservation|invoice|tracking|ticket|"
    r"ending in|ends in|account|reference|ref\.?|serial|order|id)(?: (?:number|code|no\.|id))?(?: is|:)?(?: #|#| )\Z",
    re.IGNORECASE,
)
_CODE_BEFORE = re.compile(r"(?<![0-9])(?<!\bv)[A-Za-z]-?(?<!\bv)\Z")
_ITEM_BEFORE = re.compile(r"(?:\A|[.!?:;]\s)\Z")
_CALL_BEFORE = re.compile(r"\b(?:call|dial|text) \Z", re.IGNORECASE)


def _in_address(found: re.Match[str], before: str) -> str | None:
    figures = found.group()
    return (code(figures) if len(figures) <= 4 else digits(figures)) if in_address(before) else None


def _list_number(found: re.Match[str], before: str) -> str | None:
    """Say the number of an item with a comma: its full stop ends no sentence."""
    return f"{cardinal(int(found[1]))}," if _ITEM_BEFORE.search(before) else None


def _date(month: int, day: int, of_year: str) -> str | None:
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return None
    full = int(of_year) + (2000 if len(of_year) == 2 else 0)
    return f"{MONTHS[month - 1]} {ordinal(day)} {year(full)}"


def _year_first(found: re.Match[str], _before: str) -> str | None:
    return _date(int(found[2]), int(found[3]), found[1])


def _month_first(found: re.Match[str], _before: str) -> str | None:
    month, day = int(found[1]), int(found[2])
    return _date(month, day, found[3]) or _date(day, month, found[3])


def _day_first(found: re.Match[str], _before: str) -> str | None:
    return _date(int(found[2]), int(found[1]), found[3])


def _parts(found: re.Match[str], _before: str) -> str:
    return " point ".join(map(quantity, found.group().split(".")))


def _network_address(found: re.Match[str], _before: str) -> str:
    return " dot ".join(map(quantity, found.group().split(".")))


def _half_day(found: re.Match[str], _before: str) -> str | None:
    hour = int(found["hour"])
    minutes = "" if found["minutes"] in (None, "00") else f" {two_figures(int(found['minutes']))}"
    return f"{cardinal(hour)}{minutes} {found['half'].lower()}.m." if hour <= 24 else None


def _clock(found: re.Match[str], before: str) -> str | None:
    """Say a time. Hours above twelve are said as people in the United States do: 17:30 is "five thirty p.m."."""
    hour, minute = int(found["hour"]), int(found["minute"])
    if hour > 24 or before.endswith(":"):
        return None
    half = " p.m" if 12 < hour < 24 else " a.m" if hour in (0, 24) else ""
    half += "." if half and found.string[found.end() : found.end() + 1] != "." else ""
    in_range = re.match(r" ?[–-]", found.string[found.end() :]) or re.search(r"[–-] ?\Z", before)
    if minute == 0:
        return cardinal((hour - 1) % 12 + 1) + (half or ("" if in_range else " o'clock"))
    return f"{cardinal((hour - 1) % 12 + 1)} {two_figures(minute)}{half}"


def _amount(figures: str, currency: tuple[str, str, str, str]) -> str:
    singular, plural, minor, minors = currency
    if re.fullmatch(_COMMA_SUM, figures):
        figures = figures.replace(".", "").replace(",", ".")
    whole, _, hundredths = figures.replace(",", "").partition(".")
    if not minor or len(hundredths) > 2 or not hundredths:
        return f"{quantity(figures)} {singular if is_one(figures.replace(',', '')) else plural}"
    cents = int(hundredths.ljust(2, "0"))
    units = int(whole or "0")
    parts = [f"{cardinal(units)} {singular if units == 1 else plural}"] if units or not cents else []
    parts += [f"{cardinal(cents)} {minor if cents == 1 else minors}"] if cents else []
    return " and ".join(parts)


def _money(found: re.Match[str], before: str) -> str | None:
    """Say a sum: ``$4.50``, ``$3 million``, ``$5-10``."""
    country = _SIGN_BEFORE.search(before)
    currency = SIGNS.get((country.group() if country else "") + found["sign"], SIGNS[found["sign"]])
    parts = found.groupdict()
    scale = SCALES.get((parts.get("long") or parts.get("scale") or "").strip())
    last = found["to"] or found["number"]
    opening = "minus " if found["minus"] else ""
    opening += f"{quantity(found['number'])} to " if found["to"] else ""
    return opening + (f"{quantity(last)} {scale} {currency[1]}" if scale else _amount(last, currency))


def _sum(found: re.Match[str], _before: str) -> str | None:
    currency = CODES[found["code"]]
    scale = SCALES.get((found["long"] or "").strip())
    return f"{quantity(found['number'])} {scale} {currency[1]}" if scale else _amount(found["number"], currency)


def _measure(found: re.Match[str], before: str) -> str | None:
    unit = found["unit"]
    if unit == "s" and _DECADE_BEFORE.search(before):
        return None
    singular, plural = UNITS[unit]
    return f"{quantity(found['number'])} {singular if is_one(found['number']) else plural}"


def _decade(found: re.Match[str], before: str) -> str | None:
    if not (_DECADE_BEFORE.search(before) or len(found[1]) == 4):
        return None
    words = year(int(found[1])) if len(found[1]) == 4 else cardinal(int(found[1]))
    return f"{words[:-1]}ies" if words.endswith("y") else f"{words}s"


def _part(numerator: int, denominator: int) -> str:
    name = {2: "half", 4: "quarter"}.get(denominator) or ordinal(denominator)
    plural = "halves" if denominator == 2 else f"{name}s"
    return f"{cardinal(numerator)} {name if numerator == 1 else plural}"


def _fraction(found: re.Match[str], before: str) -> str | None:
    """Say a fraction where it can only be one: below one, with a denominator up to ten, or sixteen."""
    numerator, denominator = int(found["above"]), int(found["below"])
    if found["whole"] is None and _DATE_BEFORE.search(before) and 1 <= numerator <= 12 and 1 <= denominator <= 31:
        return f"{MONTHS[numerator - 1]} {ordinal(denominator)}"
    if (numerator, denominator) == (24, 7):
        return "twenty-four seven"
    if numerator < denominator and (2 <= denominator <= 10 or denominator == 16) and numerator:
        part = _part(numerator, denominator)
        if found["whole"] is None:
            return part
        return _with_part(found["whole"], part)
    if found["whole"] is not None:
        return None
    joint = "out of" if numerator == denominator else "slash"
    return f"{cardinal(numerator)} {joint} {cardinal(denominator)}"


def _mixed(found: re.Match[str], _before: str) -> str:
    return _with_part(found[1], FRACTIONS[found[2]])


def _with_part(whole: str, part: str) -> str:
    return f"{cardinal(int(whole))} and {part.replace('one half', 'a half').replace('one q', 'a q')}"


def _ratio(found: re.Match[str], _before: str) -> str:
    return f"{cardinal(int(found[1]))} to {cardinal(int(found[2]))}"


def _rating(found: re.Match[str], _before: str) -> str:
    return f"{quantity(found[1])} out of {cardinal(int(found[2]))}"


def _height(found: re.Match[str], _before: str) -> str:
    return f"{cardinal(int(found[1]))} foot {cardinal(int(found[2]))}"


def _day(found: re.Match[str], before: str) -> str | None:
    return ordinal(int(found[1])) if _MONTH_BEFORE.search(before) and 1 <= int(found[1]) <= 31 else None


def _day_of_month(found: re.Match[str], before: str) -> str | None:
    if not 1 <= int(found[1]) <= 31:
        return None
    return f"{'' if before.lower().endswith('the ') else 'the '}{ordinal(int(found[1]))} of"


def _name(found: re.Match[str], before: str) -> str | None:
    """Say figures that name something: a room, a flight, an order, a code such as ``A380``."""
    figures = found.group()
    if before[-1:] in "0123456789" and before:
        return digits(figures)
    if _CODE_BEFORE.search(before) or (_PLACE_BEFORE.search(before) and len(figures) > 2):
        # "A-three eighty" is one name for a voice; "A three eighty" begins with an article.
        return f"-{code(figures)}" if before[-1].isalpha() else code(figures)
    called = _CALL_BEFORE.search(before) and not figures.endswith("00")
    return digits(figures) if len(figures) > 2 and (called or _NAME_BEFORE.search(before)) else None


def _plain(found: re.Match[str], before: str) -> str:
    """Say figures that stand alone: few are a count or a year, many are read one by one."""
    figures = found.group()
    attached = found.string[found.end() : found.end() + 1].isalpha()
    if len(figures) > 1 and figures[0] == "0":
        return digits(figures)
    number = int(figures)
    if len(figures) > 6 or (len(figures) > 4 and number % 100):
        return cardinal(number) if number % 100_000 == 0 and len(figures) < 13 else digits(figures)
    known_year = _YEAR_BEFORE.search(before) or _MONTH_BEFORE.search(before)
    if 1900 <= number <= 2099 or (known_year and 1100 <= number < 3000) or (len(figures) == 4 and attached):
        return year(number)
    return cardinal(number)


def _scaled(found: re.Match[str], _before: str) -> str:
    return f"{quantity(found['number'])} {SCALES[found['short']]}"


_COMMA_DECIMAL = r"[0-9]+,[0-9]{1,2}(?![0-9]|[.,][0-9])"
_HALF = r"(?P<half>[ap])(?:\.? ?m\.(?!\.)|\.?m)(?![A-Za-z])(?! I\b)"
_NUMBER = rf"(?P<number>{NUMBER})"
_COMMA_SUM = r"(?:[0-9]{1,3}(?:\.[0-9]{3})+|[0-9]+),[0-9]{2}(?![0-9])"
_SUM = rf"(?P<number>{_COMMA_SUM}|{NUMBER})"
_MONEY = rf"(?P<sign>[{CURRENCY_SIGNS}]) ?(?P<minus>-)?{_SUM}"
_CODE = rf"(?P<code>{alternatives(CODES)}){_END}"
NUMBER_RULES: list[Rule] = [
    rule("[0-9]+", _in_address),
    rule(r"([0-9]{4})[-/]([0-9]{1,2})[-/]([0-9]{1,2})(?![0-9]|[-/][0-9])", _year_first),
    *PHONE_RULES,
    rule(r"([0-9]{1,2})\.(?= )", _list_number),
    rule(r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{4}|[0-9]{2})(?![0-9]|/[0-9])", _month_first),
    rule(r"([0-9]{1,2})\.([0-9]{1,2})\.([12][0-9]{3})(?![0-9]|\.[0-9])", _day_first),
    rule(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?![0-9]|\.[0-9])", _network_address),
    rule(r"[0-9]+(?:\.[0-9]+){2,}", _parts),
    rule(rf"(?P<hour>[0-9]{{1,2}})(?:[:.](?P<minutes>[0-5][0-9]))? ?{_HALF}", _half_day, ignore_case=True),
    rule(r"(?P<hour>[0-9]{1,2}):(?P<minute>[0-5][0-9])(?::[0-5][0-9])?(?![0-9:])", _clock),
    rule(r"([0-9])['’′] ?([0-9]{1,2})[\"”″]", _height),
    rule(rf"{_MONEY}(?:[–-][{CURRENCY_SIGNS}]?(?P<to>{NUMBER}))?{_SCALE}", _money),
    rule(rf"{_MONEY}(?:[–-][{CURRENCY_SIGNS}]?(?P<to>{NUMBER}){_END})?", _money),
    rule(rf"{_SUM}(?P<long> (?:thousand|million|billion|trillion))? ?{_CODE}", _sum),
    rule(rf"{_NUMBER} ?(?P<unit>{alternatives(UNITS)}){_END}", _measure),
    rule(rf"{_NUMBER}(?P<short>k|M|bn|mn){_END}", _scaled),
    rule(rf"([0-9]+)(?:st|nd|rd|th){_END}", lambda found, _before: ordinal(int(found[1]))),
    rule(rf"((?:[12][0-9])?[0-9]0)['’]?s{_END}", _decade),
    rule(
        r"(?P<number>[0-9]+)(?P<by> ?[x×] ?)(?=[0-9])",
        lambda found, _before: f"{quantity(found['number'])} by{' ' if found['by'].endswith(' ') else ''}",
    ),
    rule(r"(?:(?P<whole>[0-9]+) )?(?P<above>[0-9]{1,3})/(?P<below>[0-9]{1,3})(?![0-9]|/[0-9])", _fraction),
    rule(r"([0-9]\.[0-9]+)/([0-9]{1,3})(?![0-9]|/[0-9])", _rating),
    rule(rf"([0-9]+) ?([{''.join(FRACTIONS)}])", _mixed),
    rule(r"([0-9]{1,3}):([0-9]{1,3})(?![0-9:])", _ratio),
    rule(r"([0-9]{1,2})(?![0-9]|[.,:][0-9])", _day),
    rule(rf"([0-9]{{1,2}})(?= (?:{'|'.join(MONTHS)}){_END})", _day_of_month),
    rule(r"[0-9]+(?![0-9]|[.,][0-9])", _name),
    rule(_COMMA_DECIMAL, lambda found, _before: quantity(found.group().replace(",", "."))),
    rule(r"[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?(?![0-9])", lambda found, _before: quantity(found.group())),
    rule(r"[0-9]*\.[0-9]+", lambda found, _before: quantity(found.group())),
    rule(r"[0-9]+", _plain),
]
_HALVES = [half + tail for half in "apAP" for tail in ("m", "M", ".m.", ".M.", ". m.")]
FOLLOWERS = beginnings(
    [
        *UNITS, *CODES, *SCALES, *_HALVES, *FRACTIONS, *MONTHS, "st", "nd", "rd", "th", "'s", "’s", "am I",
        *(f"{foot}{inches}{inch}" for foot, inch in ("'\"", "’”", "′″") for inches in range(12)),
        *(f"{scale} {code}" for scale, code in product(("thousand", "million", "billion", "trillion"), CODES)),
        *(mark + figure for mark, figure in product("x×", "0123456789")), "x ", "× ",
    ]
)  # fmt: skip
