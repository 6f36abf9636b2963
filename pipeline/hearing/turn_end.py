"""Is the turn over? Joins how it sounds, what was said and how this caller pauses into a silence to wait for. Pure."""

import re
from math import exp, log

from pipeline.hearing import words
from pipeline.settings import Endpointing

SOUND = 0.4
NO_MARK = -3.2
OPEN_WORD = -0.5
"""Weights of the log odds that Smart Turn gives 0.1 s into the pause, of a transcript without a mark at its end, and of
one whose last word asks for another. Fitted to 196 whole prompts and 460 pieces of prompts, cut at words and at pauses:
0.92 of the pairs in order, 0.88 by the sound alone, 0.84 by the sound 0.2 s into the pause."""
LEAST = 0.01
"""Smart Turn is never surer than this."""

SURE = 0.4
UNSURE = 0.2
CURVE = 3.0
"""At ``SURE`` and above the shortest silence ends a turn, at ``UNSURE`` and below the longest, in between this power of
the way. Of pieces cut at a word 33 % would be cut off in a pause of 0.3-1.2 s, where Smart Turn's own rule (0.5 at
0.2 s) cuts 41 %; of whole prompts 90 % wait 0.2 s and 95 % less than 0.6 s, where its rule lets 10 % wait for 3 s.
"""

DIGITS = 2
"""So many digits at the end may be the first group of a longer number."""
WHOLE_NUMBER = 10
"""A number of so many digits may be complete: a telephone number."""

PAUSE_SHARE = 0.3
"""Weight of the newest pause in the mean of this caller's pauses."""
REACH = 1.25
"""A caller who usually pauses for a second may pause for this much more."""

_ELLIPSIS = ("...", "…", "-", "–", "—", ",", "，", "、", ":")
_MARKS = frozenset(".?!。？！؟।")
_CLOSERS = "\"'”’»)]"
_SPACELESS = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u3040-\u30ff\u3400-\u9fff]")
"""Scripts for which whisper often writes no marks, so that a missing one says nothing."""
_OPEN_WORDS = words.of_all(words.OPEN)
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_CLOCK_OR_PRICE = re.compile(r"(?:\d{1,2}[:.]\d{2}|[$€£¥]\s?\d[\d.,]*)\W*(?:[ap]\.?m\.?)?\W*\Z", re.IGNORECASE)
_DIGIT_WORDS = words.of_all(words.DIGITS)


def likelihood(sound: float | None, text: str) -> float:
    """Return how likely the turn is over, 0 to 1.

    ``sound`` is the turn model's probability, None where there is none; ``text`` is what was said so far.
    """
    odds = 0.0
    if sound is not None:
        sure = min(max(sound, LEAST), 1 - LEAST)
        odds += SOUND * log(sure / (1 - sure))
    odds += NO_MARK * _is_unmarked(text) + OPEN_WORD * _asks_for_more(text)
    return 1 / (1 + exp(-odds))


def digits_at_end(text: str) -> int:
    """Return how many digits ``text`` ends in, written or spoken one by one; times and prices are none."""
    if _CLOCK_OR_PRICE.search(text):
        return 0
    count = 0
    for word in reversed(_WORD.findall(text.lower())):
        signs = [sign for sign in word if sign.isdigit() or sign in words.DIGIT_SIGNS]
        if len(signs) == len(word):
            count += len(signs)
        elif word in _DIGIT_WORDS:
            count += 1
        else:
            for sign in reversed(word):  # signs stand beside other signs without a space
                if not (_SPACELESS.match(sign) and sign in words.DIGIT_SIGNS):
                    break
                count += 1
            break
    return count


class Patience:
    """How long to wait for one caller to go on. Seconds."""

    def __init__(self) -> None:
        """Begin knowing nothing of the caller."""
        self._usual: float | None = None
        self._caution = 0.0

    def went_on(self, pause: float) -> None:
        """Take note that the caller went on after a pause within a turn."""
        self._usual = pause if self._usual is None else self._usual + PAUSE_SHARE * (pause - self._usual)

    def was_cut_off(self, pause: float) -> None:
        """Take note that the caller went on after a pause in which the turn had been called over."""
        self.went_on(pause)
        self._caution += PAUSE_SHARE * (1 - self._caution)

    def was_right(self) -> None:
        """Take note that a turn which was called over was over."""
        self._caution -= PAUSE_SHARE * self._caution

    def wait(self, over: float, text: str, settings: Endpointing) -> float:
        """Return the silence that ends the turn: the shortest of the settings when ``over``, its likelihood, is high.

        A caller who reads out digits in groups is given the longest one, until the number may be complete. Where
        nothing was recognized there is nothing to wait for.
        """
        low, high = settings.min_silence, settings.max_silence
        if not text:
            return low
        if DIGITS <= digits_at_end(text) < WHOLE_NUMBER:
            return high
        doubt: float = min(max((SURE - over) / (SURE - UNSURE), 0.0), 1.0) ** CURVE
        wait = low + (high - low) * doubt
        if self._usual is not None:
            reach = min(high, REACH * self._usual)
            wait += max(0.0, reach - wait) * max(1 - over, self._caution)
        return wait


def _is_unmarked(text: str) -> bool:
    """Return whether the recognizer, which sets marks, set none at the end, or one that says that more comes."""
    bare = text.rstrip().rstrip(_CLOSERS)
    if not bare:
        return False
    if bare.endswith(_ELLIPSIS):
        return True
    return bare[-1] not in _MARKS and not _SPACELESS.match(bare[-1])


def _asks_for_more(text: str) -> bool:
    said = _WORD.findall(text.lower())
    return bool(said) and (said[-1] in _OPEN_WORDS or said[-1].endswith(words.OPEN_ENDS))
