"""Words: where the words of a text lie, in its letters and in the phonemes that it is spoken with. Pure."""

import re
import sys
import unicodedata
from collections.abc import Sequence
from itertools import accumulate, pairwise

import numpy as np
import numpy.typing as npt

IDEOGRAPHS = 0x2E80
"""First character of the scripts that are written without spaces. Source: Unicode, CJK Radicals Supplement."""

_IDEOGRAPH = f"{chr(IDEOGRAPHS)}-{chr(sys.maxunicode)}"
_WORD = re.compile(rf"\s*(?:[{_IDEOGRAPH}]|[^\s{_IDEOGRAPH}]+)\s*")

_STRESS = frozenset("ˈˌ")
"""Marks that the same word has in one place and lacks in another."""
_GAP = " "
"""Stands for whatever parts two groups of sounds: a space, punctuation."""
_SKIP, _SKIP_GAP, _CHANGE, _NEVER = 2, 3, 3, 1 << 20
"""What it costs an alignment to leave out a sound or a gap, to take one sound for another, and a sound for a gap.

A change is cheaper than leaving out both sounds; two words run together are cheaper than a word in another's place.
"""


def is_east_asian(character: str) -> bool:
    """Return whether ``character`` belongs to a script without spaces: Chinese, Japanese."""
    return "\u3040" <= character <= "\u30ff" or "\u3400" <= character <= "\u9fff" or character >= "\U00020000"


def words(text: str) -> list[str]:
    """Return the words of ``text``, each with the space behind it; joined they are the text, unless that is all space.

    Any character in CJK is a word.
    """
    return _WORD.findall(text)


def whole_words(text: str, characters: int) -> str:
    """Return the words of ``text`` that lie wholly within its first ``characters``; any character in CJK is a word."""
    if characters >= len(text):
        return text
    return text[: max((end for end in range(1, characters + 1) if _word_ends(text, end)), default=0)]


def word_ends(alone: Sequence[Sequence[str]], sentences: Sequence[Sequence[str]]) -> list[list[int]]:
    """Return the words that end in each sentence, in order: how many of its phonemes are over when the word is.

    ``alone`` are the phonemes of each word of the text when nothing stands beside it, none for a word without a sound.
    In ``sentences``, the phonemes of the text, words run together ("of the"), change ("to" before a consonant) and come
    in several groups ("50"), so the two are aligned, sound to sound and gap to gap. A word ends with its last sound,
    one without any with the word before it, and the last one that has any with the last sound of all.
    """
    ends = _ends(alone, [phoneme for sentence in sentences for phoneme in (*sentence, _GAP)])
    begins = accumulate((len(sentence) + 1 for sentence in sentences), initial=0)
    return [[end - begin for end in ends if begin <= end < behind] for begin, behind in pairwise(begins)]


def _ends(alone: Sequence[Sequence[str]], spoken: Sequence[str]) -> list[int]:
    """Return for each word how many phonemes are over when it is."""
    expected: list[str] = []
    ends: list[int] = []
    for word in alone:
        sounds = [sound for sound, _ in _sounds(word)]
        expected += [_GAP, *sounds] if expected and sounds else sounds
        ends.append(len(expected))
    heard = _sounds(spoken)
    over = _aligned(expected, [sound for sound, _ in heard])
    return [heard[over[end] - 1][1] if over[end] else 0 for end in ends]


def _sounds(phonemes: Sequence[str]) -> list[tuple[str, int]]:
    """Return the sounds and the gaps between them, each with how many phonemes are over when the last sound is."""
    found: list[tuple[str, int]] = []
    gap = False
    for over, phoneme in enumerate(phonemes, 1):
        if any(sign not in _STRESS and unicodedata.category(sign)[0] not in "ZPC" for sign in phoneme):
            if gap and found:
                found.append((_GAP, found[-1][1]))
            found.append((phoneme, over))
            gap = False
        else:
            gap = gap or not _STRESS.issuperset(phoneme)
    return found


def _aligned(first: Sequence[str], second: Sequence[str]) -> list[int]:
    """Return for each number of elements of ``first``, from none to all, how many of ``second`` are over when they are.

    The alignment costs least; of several it is one in which they are over late, so that nothing counts as heard too
    early. Source: Needleman and Wunsch 1970.
    """
    costs = _costs(first, second)
    row, column = len(first), len(second)
    over = [column]
    while row:
        cost, above = costs[row][column], costs[row - 1]
        if cost == above[column] + _skip(first[row - 1]):
            row -= 1
        elif column and cost == above[column - 1] + _change(first[row - 1], second[column - 1]):
            row, column = row - 1, column - 1
        else:
            column -= 1
            continue
        over.append(column)
    return over[::-1]


def _costs(first: Sequence[str], second: Sequence[str]) -> list[npt.NDArray[np.int64]]:
    """Return what it costs to align each beginning of ``first``, a row, with each beginning of ``second``, a column."""
    skipped = np.concatenate(([0], np.cumsum([_skip(sound) for sound in second], dtype=np.int64)))
    changes = {kind: np.array([_change(kind, sound) for sound in second], np.int64) for kind in set(first)}
    costs = [skipped]
    for sound in first:
        before = costs[-1]
        best = before + _skip(sound)
        best[1:] = np.minimum(best[1:], before[:-1] + changes[sound])
        costs.append(np.minimum.accumulate(best - skipped) + skipped)
    return costs


def _skip(sound: str) -> int:
    return _SKIP_GAP if sound == _GAP else _SKIP


def _change(sound: str, other: str) -> int:
    if sound == other:
        return 0
    return _NEVER if _GAP in (sound, other) else _CHANGE


def _word_ends(text: str, end: int) -> bool:
    return any(letter.isspace() or ord(letter) >= IDEOGRAPHS for letter in text[end - 1 : end + 1])
