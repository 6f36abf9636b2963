"""Words that stand for digits and for the marks of an address, in English and Chinese, and the tokens made of them."""

import unicodedata
from enum import Enum, auto
from typing import NamedTuple


class Sort(Enum):
    """What a token can be in personal data."""

    WORD = auto()
    LETTERS = auto()
    """A single letter, or a run of capitals."""
    VALUE = auto()
    """Digits, or a word for one."""
    TIMES = auto()
    """``double``, ``triple``; the value is how often."""
    PIECES = auto()
    """个, between a number and the digit that comes so many times."""
    ZEROS = auto()
    """``hundred``, ``thousand``; the value is their zeros."""
    MARK = auto()
    """A sign of addresses or a word for one; the value is the sign."""
    FILLER = auto()
    """What is said between digits and means nothing."""
    TAIL = auto()
    """A word behind a number that leads to what it is: ``is``, ``my``."""
    NOUN = auto()
    """What the number is, behind such words."""
    GAP = auto()
    """A space, or a mark between groups of digits."""
    OTHER = auto()


class Token(NamedTuple):
    """A piece of the input."""

    sort: Sort
    text: str
    value: str = ""
    """Digits, capitals or the sign that the piece stands for."""
    said: bool = False
    """Whether it is a word for its value."""


_UNITS = "zero one two three four five six seven eight nine"
_TEENS = "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
UNITS = {
    **{word: str(digit) for digit, word in enumerate(_UNITS.split())},
    **dict.fromkeys(("oh", "nought", "naught", "aught", "nil"), "0"),
    "niner": "9",
    "fife": "5",
}
TEENS = {word: str(number) for number, word in enumerate(_TEENS.split(), 10)}
TENS = {word: f"{ten}0" for ten, word in enumerate(_TENS.split(), 2)} | {"fourty": "40"}
_TIMES = {"double": "2", "triple": "3", "treble": "3", "quadruple": "4"}
_ZEROS = {"hundred": "00", "thousand": "000"}
_MARKS = {
    "dot": ".",
    "point": ".",
    "period": ".",
    "at": "@",
    "underscore": "_",
    "dash": "-",
    "hyphen": "-",
    "minus": "-",
    "plus": "+",
}
_FILLERS = "uh um er erm ah hm hmm mm and then space slash pause so okay comma"

WORDS: dict[str, tuple[Sort, str]] = {
    **{word: (Sort.VALUE, value) for word, value in {**UNITS, **TEENS, **TENS}.items()},
    **{word: (Sort.TIMES, value) for word, value in _TIMES.items()},
    **{word: (Sort.ZEROS, value) for word, value in _ZEROS.items()},
    **{word: (Sort.MARK, value) for word, value in _MARKS.items()},
    **dict.fromkeys(_FILLERS.split(), (Sort.FILLER, "")),
}
BEGINNINGS = frozenset(word[:end] for word in WORDS for end in range(1, len(word) + 1))
"""What a word may still become one of the table from."""

_TAILS = "is was my the your our his her their as for"
TAIL_WORDS = frozenset(_TAILS.split())
_THINGS = (
    "bytes units views dollars euros pounds people users times items pieces rows records steps points hertz meters "
    "metres kilometers kilometres miles seconds milliseconds ms percent grams kilos tons copies"
)
THINGS = frozenset(_THINGS.split())
"""What is counted: a number before it is no telephone."""
TAIL_BEGINNINGS = frozenset(word[:end] for word in TAIL_WORDS | THINGS for end in range(1, len(word) + 1))

HAN_DIGITS = {
    **{sign: str(digit) for digit, sign in enumerate("零一二三四五六七八九")},
    **{sign: str(digit) for digit, sign in enumerate("〇壹贰叁肆伍陆柒捌玖")},
    "○": "0",
    "幺": "1",
    "两": "2",
}
HAN_WORDS: dict[str, tuple[Sort, str]] = {
    "点": (Sort.MARK, "."),
    "艾特": (Sort.MARK, "@"),
    "爱特": (Sort.MARK, "@"),
    "圈a": (Sort.MARK, "@"),
    "下划线": (Sort.MARK, "_"),
    "横杠": (Sort.MARK, "-"),
    "横线": (Sort.MARK, "-"),
    "中划线": (Sort.MARK, "-"),
    "减号": (Sort.MARK, "-"),
    "杠": (Sort.MARK, "-"),
    "加": (Sort.MARK, "+"),
    "个": (Sort.PIECES, ""),
    "叉": (Sort.LETTERS, "X"),
    "洞": (Sort.VALUE, "0"),
    "拐": (Sort.VALUE, "7"),
    "勾": (Sort.VALUE, "9"),
    **dict.fromkeys("件元块人次名吨米条字", (Sort.NOUN, "")),
    "然后": (Sort.FILLER, ""),
    "那个": (Sort.FILLER, ""),
    "空格": (Sort.FILLER, ""),
    "接着": (Sort.FILLER, ""),
    "嗯": (Sort.FILLER, ""),
    "呃": (Sort.FILLER, ""),
    "啊": (Sort.FILLER, ""),
    "再": (Sort.FILLER, ""),
}
"""No word of this table is the beginning of another, so a word is over with its last sign."""
HAN_BEGINNINGS = frozenset(word[:end] for word in HAN_WORDS for end in range(1, len(word) + 1))

LONGEST_CAPITALS = 8
"""Letters of a run of capitals at most that can be part of an account's number."""


def plain(character: str) -> str:
    """Return a character of usual width, a digit of any script as an ASCII digit."""
    if character < "\x80":
        return character
    if "\uff01" <= character <= "\uff5e":
        return chr(ord(character) - 0xFEE0)
    digit = unicodedata.digit(character, None)
    return character if digit is None else str(digit)


def word(text: str, plain: str) -> Token:
    """Return the token of a run of Latin letters; ``plain`` is the same in letters of usual width."""
    lower = plain.lower()
    if lower in WORDS and not (len(plain) == 2 and plain.isupper() and WORDS[lower][0] is Sort.FILLER):
        sort, value = WORDS[lower]
        return Token(sort, text, value, said=True)
    if plain.isascii() and (len(plain) == 1 or (len(plain) <= LONGEST_CAPITALS and plain.isupper())):
        return Token(Sort.LETTERS, text, plain.upper())
    return Token(Sort.WORD, text, lower)


def code(text: str, plain: str) -> Token:
    """Return the token of letters that stand at digits without a space."""
    if plain.isascii() and len(plain) <= LONGEST_CAPITALS:
        return Token(Sort.LETTERS, text, plain.upper())
    return Token(Sort.WORD, text, plain.lower())
