"""What counts as the same word when a transcript is compared with what was said. Pure."""

import re

_ONES = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS = ("zero", "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_SAME = {
    "voicemail": "voice mail",
    "email": "e mail",
    "goodbye": "good bye",
    "cannot": "can not",
    "ok": "okay",
    "callback": "call back",
    "login": "log in",
    "cancelled": "canceled",
    "blacklist": "black list",
    "filename": "file name",
    "rerecord": "re record",
    "#": "pound",
    "*": "star",
    "&": "and",
    "%": "percent",
}
_NUMBER = re.compile(r"\d+")
_ORDINAL = re.compile(r"\b(\d+)(st|nd|rd|th)\b")
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?|[#*&%]")
_CONTRACTIONS = (
    (re.compile(r"\bwon't\b"), "will not"),
    (re.compile(r"\bcan't\b"), "can not"),
    (re.compile(r"n't\b"), " not"),
    (re.compile(r"'m\b"), " am"),
    (re.compile(r"'re\b"), " are"),
    (re.compile(r"'ve\b"), " have"),
    (re.compile(r"'ll\b"), " will"),
    (re.compile(r"\b(that|it|what|there|here|he|she)'s\b"), r"\1 is"),
)


def normalized(text: str) -> str:
    """Return ``text`` as bare words: lower case, no punctuation, figures and contractions in full."""
    plain = text.lower().replace("’", "'")
    for contraction, full in _CONTRACTIONS:
        plain = contraction.sub(full, plain)
    plain = _ORDINAL.sub(r"\1", plain)
    plain = _NUMBER.sub(lambda found: f" {in_words(found.group())} ", plain)
    return " ".join(_SAME.get(word, word) for word in _WORD.findall(plain))


def in_words(figure: str) -> str:
    """Return a whole number as it is said: up to 99 as a number, longer ones digit by digit."""
    number = int(figure)
    if len(figure) > 2:
        return " ".join(_ONES[int(digit)] for digit in figure)
    if number < len(_ONES):
        return _ONES[number]
    ones = f" {_ONES[number % 10]}" if number % 10 else ""
    return _TENS[number // 10] + ones
