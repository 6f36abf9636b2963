"""EchoDelay: how far behind the played sound its echo is heard. Pure."""

import numpy as np

from pipeline.hearing.played import BLOCK, RATE, Sound

SPAN = 24 * BLOCK
"""Played samples that a block of the microphone is compared with, 0.77 s."""
AHEAD = RATE // 50
"""Samples that an echo may seem to come before its sound: instants of playing and of arrival are not exact."""
DELAYS = SPAN - BLOCK + 1
"""Delays looked at: from ``-AHEAD`` to 0.716 s."""
MEMORY = 0.82
"""What a window counts after the next: 0.16 s, long enough to tell, short enough to follow a change."""
FOUND = 0.19
"""Correlation from which a delay is one, where two windows in a row agree on it and the waveforms do as well: on lines
without echo 99 of 100 highest ones stay below 0.18 while a caller speaks (100 simulated calls), with echo half are over
0.34."""
LOST = 0.12
"""Correlation below which the known delay shows nothing."""
CLEAR = 0.7
"""Share of the highest correlation that the known delay's must reach, or another is looked at."""
NEAR = 12
"""Samples, 1.5 ms, within which a delay is the same: clocks drift, a room answers from several walls."""


class EchoDelay:
    """Follows one line's delay."""

    def __init__(self) -> None:
        """Know nothing."""
        self.samples: int | None = None
        """The delay at ``RATE``; None until there was an echo."""
        self.strength = 0.0
        """Correlation at the delay, 0 to 1."""
        self.unseen = 0
        """Windows since it was last to be seen."""
        self._cross: Sound
        self._energy: Sound
        self._own: float
        self._peak = 0.0
        self._candidate: int | None
        self.restart()

    def restart(self) -> None:
        """Forget what was heard, and keep the delay."""
        self._cross, self._energy, self._own = np.zeros(DELAYS), np.zeros(DELAYS), 0.0
        self._candidate = None

    def feed(self, heard: Sound, played: Sound) -> int | None:
        """Take a block of the microphone and ``SPAN`` played samples up to ``AHEAD`` behind it, both whitened.

        Returns another delay where one shows; it is followed once it has been accepted.
        """
        cross = np.fft.irfft(np.fft.rfft(played) * np.conj(np.fft.rfft(heard, SPAN)))
        sums = np.concatenate(([0.0], np.cumsum(played * played)))
        self._cross = MEMORY * self._cross + cross[:DELAYS]
        self._energy = MEMORY * self._energy + sums[BLOCK:] - sums[:-BLOCK]
        self._own = MEMORY * self._own + float(np.sum(heard * heard))
        floor = 0.02 * self._energy.max() + 1e-9
        strengths = np.abs(self._cross) / np.sqrt((self._energy + floor) * (self._own + 1e-9))
        best = int(np.argmax(strengths))
        peak, found = float(strengths[best]), DELAYS - 1 - AHEAD - best
        if self._goes_on(strengths, peak):
            self._candidate = found
            return None
        again = self._candidate is not None and abs(found - self._candidate) <= NEAR
        self._candidate = found
        self._peak = peak
        return found if again and peak > FOUND else None

    def accept(self, delay: int) -> None:
        """Follow another delay from now on."""
        self.samples, self.strength, self.unseen = delay, self._peak, 0

    def _goes_on(self, strengths: Sound, peak: float) -> bool:
        """Follow the known delay; return whether it still holds."""
        if self.samples is None:
            return False
        at = DELAYS - 1 - AHEAD - self.samples
        first = max(0, at - NEAR)
        near = strengths[first : at + NEAR + 1]
        best = int(np.argmax(near))
        self.strength = float(near[best])
        self.unseen = 0 if self.strength > LOST else self.unseen + 1
        if self.strength <= max(LOST, CLEAR * peak):
            return False
        self.samples = DELAYS - 1 - AHEAD - first - best
        return True
