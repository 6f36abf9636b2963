"""Personal data as it is said, in the spelling of recognizers: words for digits, pauses, fillers, doubled digits."""

from random import Random

from benchmarks.redaction_values import VALUES, cn_phone, grouped, us_phone
from pipeline.dialog.redact import Kind

_UNITS = "zero one two three four five six seven eight nine"
_TEEN = "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
_TEN = "- - twenty thirty forty fifty sixty seventy eighty ninety"
_DIGITS, _TEENS, _TENS = _UNITS.split(), _TEEN.split(), _TEN.split()
_LETTERS = {".": "dot", "@": "at", "_": "underscore", "-": "dash", "+": "plus"}
_HAN = "零一二三四五六七八九"
_HAN_MARKS = {".": "点", "@": "艾特", "_": "下划线", "-": "横杠", "+": "加"}


def spoken(random: Random, kind: Kind, *, chinese: bool) -> str:
    """Return personal data of a kind in words."""
    if kind is Kind.EMAIL:
        return _mail(random, VALUES[kind](random), chinese=chinese)
    if kind is Kind.PHONE:
        value = cn_phone(random) if chinese or random.random() < 0.15 else us_phone(random)
    else:
        value = VALUES[kind](random)
    return _han(random, value) if chinese else _english(random, kind, value)


def _sizes(random: Random, value: str) -> tuple[int, ...]:
    if len(value) == 10 and value.isdigit():
        return random.choice(((3, 3, 4), (3, 3, 2, 2), (10,), (5, 5), (3, 7)))
    if len(value) == 11 and value.isdigit():
        return random.choice(((3, 4, 4), (11,), (3, 4), (4, 4, 3), (3, 2)))
    return random.choice(((4,), (4,), (len(value),), (3,), (6, 8, 4), (2,)))


def _english(random: Random, kind: Kind, value: str) -> str:
    style = random.random()
    zero = random.choice(("zero", "zero", "oh", "oh", "mixed"))
    prefix = ""
    if kind is Kind.PHONE and len(value) == 11:
        prefix = random.choice(("", "", "plus eight six ", "eight six "))
    elif kind is Kind.PHONE:
        prefix = random.choice(("", "", "", "", "one ", "plus one ", "area code ", "1 "))
    groups = [_group(random, group, style, zero) for group in grouped(value, _sizes(random, value))]
    return prefix + _joined(random, groups)


def _group(random: Random, group: str, style: float, zero: str) -> str:
    """Return the words of a group: digit by digit, with doubles, in pairs, or in digits."""
    if style < 0.1 and random.random() < 0.5:
        return random.choice((group, group, " ".join(group), "-".join(group), ", ".join(group)))
    if style > 0.88 and len(group) % 2 == 0 and group.isdigit():
        return " ".join(_pair(pair, zero) for pair in grouped(group, (2,)))
    words: list[str] = []
    at = 0
    while at < len(group):
        same = 1
        while at + same < len(group) and group[at + same] == group[at] and same < 3:
            same += 1
        word = _sign(random, group[at], zero)
        if 0.1 < style < 0.5 and same > 1 and group[at].isdigit():
            words.append(f"{('double', 'triple')[same - 2]} {word}")
            at += same
        else:
            words.append(word)
            at += 1
    return random.choice((" ", " ", " ", "-")).join(words)


def _sign(random: Random, sign: str, zero: str) -> str:
    if sign == "0":
        return random.choice(("zero", "oh", "O")) if zero == "mixed" else zero
    return _DIGITS[int(sign)] if sign.isdigit() else sign


def _pair(pair: str, zero: str) -> str:
    ten, unit = int(pair[0]), int(pair[1])
    if ten == 0:
        return f"{'zero' if zero == 'mixed' else zero} {_DIGITS[unit]}"
    if ten == 1:
        return _TEENS[unit]
    return _TENS[ten] + (f"{'-' if unit % 2 else ' '}{_DIGITS[unit]}" if unit else "")


def _joined(random: Random, groups: list[str]) -> str:
    """Return groups with the marks of pauses between them, and at times a filler."""
    between = random.choice((" ", ", ", ", ", " ", " - ", "... ", ". ", "; ", ", and then ", ", uh, ", " um "))
    said = groups[0]
    for group in groups[1:]:
        said += random.choice((between, between, between, ", ")) + group
    return said[0].upper() + said[1:] if random.random() < 0.3 else said


def _han(random: Random, value: str) -> str:
    one = random.choice("幺幺一1")
    zero = random.choice("零零〇零")
    mixed = random.random() < 0.1
    groups = []
    for group in grouped(value, _sizes(random, value)):
        words = ""
        at = 0
        while at < len(group):
            sign = group[at]
            if group[at : at + 3] == sign * 3 and sign.isdigit() and random.random() < 0.4:
                words += f"三个{_HAN[int(sign)]}"
                at += 3
                continue
            han = {"1": one, "0": zero}.get(sign, _HAN[int(sign)] if sign.isdigit() else sign)
            words += sign if mixed and random.random() < 0.5 else han
            at += 1
        groups.append(words)
    return random.choice(("", "", "，", "、", " ", "，嗯，", "-", "。", "，然后")).join(groups)


def _mail(random: Random, value: str, *, chinese: bool) -> str:
    if chinese:
        value = "".join(_HAN_MARKS.get(sign, sign) for sign in value)
        if random.random() < 0.3:
            value = "".join(_HAN[int(sign)] if sign.isdigit() else sign for sign in value)
        return value
    marks = dict(_LETTERS)
    marks["-"] = random.choice(("dash", "hyphen", "minus"))
    local, _, site = value.partition("@")
    if random.random() < 0.2:
        local = " ".join(local)
    said = "".join(f" {marks[sign]} " if sign in marks else sign for sign in local)
    where = "".join(f" {marks[sign]} " if sign in marks else sign for sign in site)
    at = random.choice(("at", "at", "at", "at", "@", ", at", "at,"))
    whole = f"{said} {at} {where if random.random() < 0.8 else site}"
    if random.random() < 0.4:
        whole = "".join(f" {_DIGITS[int(sign)]} " if sign.isdigit() else sign for sign in whole)
    return " ".join(whole.split()).replace(" ,", ",")
