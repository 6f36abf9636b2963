"""What callers say in measurements: recordings of people, whole, and with the pauses of somebody who thinks. Pure."""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.audio.level import AUDIBLE_DBFS, FULL_SCALE, first_audible, last_audible
from pipeline.core.pcm import SAMPLE_BYTES, Pcm

SHORTEST_PAUSE, LONGEST_PAUSE = 0.3, 1.2
"""Seconds of the silences that are put in."""
_WINDOW = 0.1
"""Seconds that must be quiet where a recording is cut: longer than the closure of a stop consonant inside a word."""
_QUIET_DBFS = -55.0
"""And how quiet. Of 100 prompts 25 have such a place; by a recognizer's word times it was at a word's edge in all."""
_MIDDLE = (0.25, 0.75)
"""Where in its audible part a recording may be cut."""
_SHORT = 5.0
"""Seconds; longer sayings are not joined with others."""

_SENTENCE = re.compile(r"[A-Z][^.?!]*[.?!]")
_BREATH = 0.25
"""Seconds without an audible sample from which on there is a pause: longer than any consonant is closed."""

_Samples = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Saying:
    """One thing that a caller says."""

    name: str
    sound: Pcm
    text: str
    pauses: tuple[float, ...] = ()
    """Seconds of silence that were put in."""


def in_one_breath(saying: Saying) -> bool:
    """Return whether it is one whole sentence, said without a pause.

    Recordings hold pieces of sentences too ("the number I have is"), which nobody can tell from a caller who thinks,
    and several sentences with pauses between them.
    """
    sentence = _SENTENCE.fullmatch(saying.text.strip()) is not None
    return sentence and longest_silence(saying.sound) <= _BREATH


def longest_silence(sound: Pcm) -> float:
    """Return the longest stretch without an audible sample inside the audible part, in seconds."""
    loud = np.flatnonzero(np.abs(_samples(sound)) > FULL_SCALE * 10 ** (AUDIBLE_DBFS / 20))
    return float(np.diff(loud).max(initial=0)) / sound.rate


def hesitating(saying: Saying, pause: float) -> Saying | None:
    """Return ``saying`` with ``pause`` seconds of silence between two words; None when it has no place for it."""
    cut = between_words(saying.sound)
    if cut is None:
        return None
    before = Pcm(saying.sound.data[: cut * SAMPLE_BYTES], saying.sound.rate)
    after = Pcm(saying.sound.data[cut * SAMPLE_BYTES :], saying.sound.rate)
    return Saying(f"{saying.name}|", apart(before, after, pause), saying.text, (*saying.pauses, pause))


def joined(first: Saying, second: Saying, pause: float) -> Saying:
    """Return two sayings as one, ``pause`` seconds of silence between them. Raises ValueError for rates that differ."""
    return Saying(
        f"{first.name}+{second.name}",
        apart(first.sound, second.sound, pause),
        f"{first.text} {second.text}",
        (*first.pauses, pause, *second.pauses),
    )


def pausing(sayings: Sequence[Saying], count: int, seed: int) -> list[Saying]:
    """Return up to ``count`` sayings with a pause each, made of ``sayings``, the same ones for the same seed.

    By turns one that hesitates in its middle and two short ones that are said as one. The pauses are spread evenly from
    SHORTEST_PAUSE to LONGEST_PAUSE.
    """
    step = (LONGEST_PAUSE - SHORTEST_PAUSE) / max(1, count - 1)
    pauses = [round(SHORTEST_PAUSE + step * number, 3) for number in range(count)]
    random.Random(seed).shuffle(pauses)
    whole = [saying for saying in sayings if between_words(saying.sound) is not None]
    short = [saying for saying in sayings if saying not in whole and saying.sound.duration <= _SHORT]
    made: list[Saying] = []
    for number, pause in enumerate(pauses):
        if number % 2 and len(short) > 1:
            made.append(joined(short.pop(0), short.pop(0), pause))
        elif whole and (hesitant := hesitating(whole.pop(0), pause)):
            made.append(hesitant)
    return made


def apart(before: Pcm, after: Pcm, pause: float) -> Pcm:
    """Return two sounds with ``pause`` seconds from the last audible sample of one to the first of the other.

    Of what is inaudible at their ends as much is kept as fits. Raises ValueError for rates that differ.
    """
    if before.rate != after.rate:
        raise ValueError(f"sounds of {before.rate} Hz and {after.rate} Hz do not join")
    last, first = last_audible(Pcm(before.data, before.rate)), first_audible(Pcm(after.data, after.rate))
    ends, begins = before.samples if last is None else last + 1, 0 if first is None else first
    silent = round(pause * before.rate)
    head = before.data[: (ends + silent // 2) * SAMPLE_BYTES]
    tail = after.data[max(0, begins - silent // 2) * SAMPLE_BYTES :]
    silent -= len(head) // SAMPLE_BYTES - ends + begins - (after.samples - len(tail) // SAMPLE_BYTES)
    return Pcm(head + bytes(silent * SAMPLE_BYTES) + tail, before.rate)


def between_words(sound: Pcm) -> int | None:
    """Return the middle of the quietest stretch inside the audible part, in samples; None when it is not quiet."""
    plain = Pcm(sound.data, sound.rate)
    first, last = first_audible(plain), last_audible(plain)
    window = round(_WINDOW * sound.rate)
    if first is None or last is None or last - first < 4 * window:
        return None
    begin, end = (first + round(share * (last - first)) for share in _MIDDLE)
    energy = np.concatenate(([0.0], np.cumsum(_samples(plain) ** 2)))
    starts = np.arange(begin, end - window)
    means = (energy[starts + window] - energy[starts]) / window
    loudest = FULL_SCALE**2 * 10 ** (_QUIET_DBFS / 10)
    return int(starts[np.argmin(means)]) + window // 2 if means.min() < loudest else None


def _samples(pcm: Pcm) -> _Samples:
    return np.frombuffer(pcm.data, dtype="<i2").astype(np.float64)
