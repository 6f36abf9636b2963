"""Played: our own sound as the caller's line was given it, with its place in time. Pure: what an echo is made of."""

import numpy as np
import numpy.typing as npt

from pipeline.audio.resample import Resampler
from pipeline.core.pcm import Pcm

RATE = 8_000
"""Hertz at which echoes are looked for: a telephone's band, where the voice's energy lies on any line."""
BLOCK = 256
"""Samples of a voice detector's window at ``RATE``."""
FRAME = 2 * BLOCK
"""Samples of a spectrum, 64 ms: the block and the one before it."""
ORDER = 12
"""Coefficients of the linear prediction that whitens: five formants and the slope of a voice."""
BETA = 0.7
"""How far whitening evens out the level: at 1 the softest block would weigh as much as the loudest."""
SLACK = RATE // 50
"""Samples by which a frame may miss the end of the one before and still follow it: pacing is not that exact."""
MOST = 30 * RATE
"""Samples kept at most: a reply that is sent as fast as it is made lies ahead; what is further ahead is not kept."""

Sound = npt.NDArray[np.float64]
"""Samples, -1 to 1, at ``RATE``."""

HANN: Sound = np.hanning(FRAME + 1)[:FRAME]
_STEPS = np.abs(np.arange(ORDER)[:, np.newaxis] - np.arange(ORDER))


def whitened(sound: Sound) -> Sound:
    """Return the last ``BLOCK`` of ``FRAME + ORDER`` samples without their spectrum's shape, their level evened out."""
    power = np.abs(np.fft.rfft(sound[-FRAME:] * HANN)) ** 2
    correlation = np.fft.irfft(power)[: ORDER + 1]
    if correlation[0] < 1e-6:
        return np.zeros(BLOCK)
    correlation[0] *= 1.001  # keeps a pure tone solvable
    prediction = np.linalg.solve(correlation[_STEPS], correlation[1:])
    rest = np.convolve(sound[-BLOCK - ORDER :], np.concatenate(([1.0], -prediction)), "valid")
    white: Sound = rest / (np.sqrt(np.mean(rest * rest)) + 1e-5) ** BETA
    return white


class Played:
    """What one call was given to play. Places are samples at ``RATE`` since its first sound, on the call's clock."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._origin: float | None = None
        self._first = 0
        """Place of the first sample that is kept."""
        self._until = 0.0
        """Place behind the last sample that was given; the resampler holds the last few back."""
        self._sound: Sound = np.zeros(0)
        self._white: Sound = np.zeros(0)
        """Whole blocks, from the same place on."""
        self._resampler = Resampler(RATE, RATE)
        self._rate = RATE

    @property
    def samples(self) -> int:
        """Return how many samples are kept."""
        return len(self._sound)

    def place(self, at: float) -> int:
        """Return the place of an instant."""
        return round((at - (self._origin or 0.0)) * RATE)

    def add(self, pcm: Pcm, at: float) -> None:
        """Take sound that is played from the instant ``at`` on; it replaces what was to be played from there on."""
        if self._origin is None:
            self._origin = at
        place = self.place(at)
        if abs(place - self._until) > SLACK or pcm.rate != self._rate:
            self._append(self._resampler.flush())
            self._go_to(place)
            self._resampler, self._rate = Resampler(pcm.rate, RATE), pcm.rate
            self._until = place
        if len(self._sound) < MOST:
            self._append(self._resampler.feed(Pcm(pcm.data, pcm.rate)))
            self._until += pcm.samples * RATE / pcm.rate

    def sound(self, first: int, until: int) -> Sound:
        """Return what is played between two places; silence where nothing is."""
        return self._cut(self._sound, first, until)

    def white(self, first: int, until: int) -> Sound:
        """Return the same whitened. The last block may be missing, for want of its end."""
        blocks = min(until - self._first, len(self._sound)) // BLOCK
        missing = range(len(self._white), blocks * BLOCK, BLOCK)
        if missing:
            made = [self._whitened(start) for start in missing]
            self._white = np.concatenate((self._white, *made))
        return self._cut(self._white, first, until)

    def forget_before(self, place: int) -> None:
        """Drop what lies before a place, in whole blocks."""
        old = (place - self._first) // BLOCK * BLOCK
        if old <= 0:
            return
        self._sound, self._white = self._sound[old:], self._white[old:]
        self._first += old

    def _append(self, pcm: Pcm) -> None:
        if pcm.samples:
            self._sound = np.concatenate((self._sound, np.frombuffer(pcm.data, "<i2") / 32768))

    def _go_to(self, place: int) -> None:
        """Let the next sample lie at ``place``: drop what was to be played from there on, or fill up with silence."""
        gap = place - self._first - len(self._sound)
        if gap > RATE or place <= self._first:
            self._sound, self._white, self._first = np.zeros(0), np.zeros(0), place
        elif gap > 0:
            self._sound = np.concatenate((self._sound, np.zeros(gap)))
        elif gap < 0:
            self._sound = self._sound[:gap]
            self._white = self._white[: len(self._sound) // BLOCK * BLOCK]

    def _whitened(self, start: int) -> Sound:
        block = self._sound[max(0, start + BLOCK - FRAME - ORDER) : start + BLOCK]
        if not np.any(block[-BLOCK:]):
            return np.zeros(BLOCK)
        return whitened(np.concatenate((np.zeros(FRAME + ORDER - len(block)), block)))

    def _cut(self, kept: Sound, first: int, until: int) -> Sound:
        begin, end = first - self._first, until - self._first
        part = kept[max(0, begin) : max(0, end)]
        if len(part) == end - begin:
            return part
        before = min(max(0, -begin), end - begin)
        return np.concatenate((np.zeros(before), part, np.zeros(end - begin - before - len(part))))
