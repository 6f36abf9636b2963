"""English word stems. Source: M. F. Porter, "An algorithm for suffix stripping", Program 14(3), 1980. Pure."""

import re
from functools import lru_cache

_VOWEL = re.compile(r"[aeiou]|(?<=[^aeiou])y")
_STEP_2 = {
    "ational": "ate", "tional": "tion", "enci": "ence", "anci": "ance", "izer": "ize", "abli": "able", "alli": "al",
    "entli": "ent", "eli": "e", "ousli": "ous", "ization": "ize", "ation": "ate", "ator": "ate", "alism": "al",
    "iveness": "ive", "fulness": "ful", "ousness": "ous", "aliti": "al", "iviti": "ive", "biliti": "ble",
}  # fmt: skip
_STEP_3 = {"icate": "ic", "ative": "", "alize": "al", "iciti": "ic", "ical": "ic", "ful": "", "ness": ""}
_STEP_4 = (
    "ement", "ance", "ence", "able", "ible", "ment", "ant", "ent", "ism", "ate", "iti", "ous", "ive", "ize", "ion",
    "al", "er", "ic", "ou",
)  # fmt: skip
_REMEMBERED = 1 << 16
"""Words whose stem is not worked out again: more than a language's common ones."""


@lru_cache(_REMEMBERED)
def stem(word: str) -> str:
    """Return the stem of a word of the letters a-z; it need not be a word itself.

    In one thing it goes on where Porter stops: the i that a final y became goes, so that "delivery" meets "deliver".
    """
    if len(word) < 3:
        return word
    word = _plurals(word)
    word = _past(word)
    if word.endswith("y") and _VOWEL.search(word[:-1]):
        word = word[:-1] + "i"
    word = _swapped(word, _STEP_2)
    word = _swapped(word, _STEP_3)
    word = _tidy(_bare(word))
    return _bare(word[:-1]) if word.endswith("i") and len(word) > 4 else word


def _shape(word: str) -> str:
    """Return the word as c for consonants and v for vowels; y is a vowel behind a consonant."""
    shape = ""
    for letter in word:
        vowel = letter in "aeiou" or (letter == "y" and shape.endswith("c"))
        shape += "v" if vowel else "c"
    return shape


def _measure(word: str) -> int:
    return _shape(word).count("vc")


def _plurals(word: str) -> str:
    if word.endswith(("sses", "ies")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith("ss") else word


def _past(word: str) -> str:
    if word.endswith("eed"):
        return word[:-1] if _measure(word[:-3]) > 0 else word
    root = next((word.removesuffix(end) for end in ("ed", "ing") if word.endswith(end)), word)
    if root == word or "v" not in _shape(root):
        return word
    if root.endswith(("at", "bl", "iz")):
        return root + "e"
    if root[-1:] == root[-2:-1] and _shape(root).endswith("c") and root[-1] not in "lsz":
        return root[:-1]
    return root + "e" if _measure(root) == 1 and _ends_short(root) else root


def _swapped(word: str, endings: dict[str, str]) -> str:
    for ending, other in endings.items():
        if word.endswith(ending):
            root = word.removesuffix(ending)
            return root + other if _measure(root) > 0 else word
    return word


def _bare(word: str) -> str:
    for ending in _STEP_4:
        if word.endswith(ending):
            root = word.removesuffix(ending)
            fits = _measure(root) > 1 and (ending != "ion" or root.endswith(("s", "t")))
            return root if fits else word
    return word


def _tidy(word: str) -> str:
    if word.endswith("e"):
        root = word[:-1]
        measure = _measure(root)
        if measure > 1 or (measure == 1 and not _ends_short(root)):
            word = root
    return word[:-1] if word.endswith("ll") and _measure(word) > 1 else word


def _ends_short(word: str) -> bool:
    """Return whether the word ends in consonant, vowel, consonant, the last of them no w, x or y."""
    return _shape(word).endswith("cvc") and word[-1] not in "wxy"
