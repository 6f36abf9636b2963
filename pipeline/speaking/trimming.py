"""Trimming: speech without the silence that a synthesizer puts around it, piece by piece."""

import numpy as np
import numpy.typing as npt

from pipeline.audio.level import AUDIBLE_DBFS, FULL_SCALE

Samples = npt.NDArray[np.int16]

LEAD = 0.015
"""Seconds kept before the first audible sample: soft consonants begin below the threshold."""
FADE = 0.005
"""The kept silence fades out over so many seconds, so that its cut makes no click."""

_LOUD = FULL_SCALE * 10 ** (AUDIBLE_DBFS / 20)


class Trimmer:
    """Drops the silence before one stretch of speech and shortens the silence behind it.

    Silence is held back until speech follows it, so what comes out is the same however the input is cut.
    """

    def __init__(self, rate: int, tail: float) -> None:
        """Keep at most ``tail`` seconds of silence behind the speech; ``rate`` in hertz."""
        self._lead = round(LEAD * rate)
        self._tail = round(tail * rate)
        self._fade = round(FADE * rate)
        self._speaking = False
        self._held: Samples = np.empty(0, np.int16)
        self._dropped = 0

    @property
    def dropped(self) -> int:
        """Return how many samples were dropped before the first one that was kept."""
        return self._dropped

    def feed(self, samples: Samples) -> Samples:
        """Return what of the sound so far is known to be kept; may be empty."""
        loud = np.flatnonzero(np.abs(samples.astype(np.int32)) > _LOUD)
        sound = np.concatenate((self._held, samples))
        if not len(loud):
            self._held = sound if self._speaking else sound[-self._lead :]
            self._dropped += len(sound) - len(self._held)
            return sound[:0]
        before = len(self._held)
        begin = 0 if self._speaking else max(before + int(loud[0]) - self._lead, 0)
        end = before + int(loud[-1]) + 1
        self._speaking = True
        self._dropped += begin
        self._held = sound[end:]
        return sound[begin:end]

    def flush(self) -> Samples:
        """Return the shortened silence at the end; empty when there was no speech."""
        rest = self._held[: self._tail].copy() if self._speaking else self._held[:0]
        fade = min(self._fade, len(rest))
        if fade:
            rest[-fade:] = rest[-fade:] * np.linspace(1, 0, fade)
        return rest
