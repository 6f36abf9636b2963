"""Resampler: one stream from one rate to another, 3 ms late.

libsoxr was measured first, in 20 ms pieces: its fixed-rate path filters in FFT blocks and holds 115 ms back from 8 to
16 kHz and 80 ms from 22.05 to 8 kHz (HQ; MQ and LQ 43-118 ms), its variable-rate path 30 and 27 ms; QQ holds nothing
back but does not filter, so that sounds over 4 kHz fold into a telephone's band at full strength. On a telephone line
both conversions lie inside the response gap. A short polyphase filter costs 3 ms instead.
"""

from functools import lru_cache
from math import ceil, gcd

import numpy as np
import numpy.typing as npt

from pipeline.core.pcm import Pcm

_CROSSINGS = 24
"""Zero crossings of the sinc on each side, counted at the lower rate: 3 ms at 8 kHz."""
_CENTRE = 0.925
"""Middle of the transition band, as a share of the lower rate's Nyquist frequency: 3.4 kHz pass at 8 kHz, 4 do not."""
_BETA = 5.65
"""Kaiser window for 60 dB of stopband. Source: Kaiser's formula 0.1102 (A - 8.7)."""
_UNIT = 1 << 24
"""Taps are whole multiples of 1 / _UNIT: sums are exact in float64 in any order, so no cut of the input shows."""
_BLOCK_SAMPLES = 8192
"""Output samples computed at once; bounds the memory of one feed."""

_Samples = npt.NDArray[np.float64]


class Resampler:
    """Converts one mono stream. Equal rates pass through untouched.

    Every cut of the same input gives the same output samples. The length is that of the input, to half a sample;
    ``start`` counts on from the first piece, and pieces are taken to follow one another.
    """

    def __init__(self, from_rate: int, to_rate: int) -> None:
        """Raises ValueError for a rate below 1 Hz."""
        if from_rate < 1 or to_rate < 1:
            raise ValueError(f"cannot resample from {from_rate} Hz to {to_rate} Hz")
        common = gcd(from_rate, to_rate)
        self._up, self._down = to_rate // common, from_rate // common
        self._from_rate, self._to_rate = from_rate, to_rate
        self._reach = ceil(_CROSSINGS * max(1.0, from_rate / to_rate))
        self._origin: int | None
        self._fed: int
        self._emitted: int
        self._kept: _Samples
        self._kept_from: int
        self._restart()

    @property
    def delay(self) -> float:
        """Return how far the output lags behind the input, in seconds."""
        return 0.0 if self._up == self._down else self._reach / self._from_rate

    def feed(self, pcm: Pcm) -> Pcm:
        """Return the output that ``pcm`` completes, possibly empty. Raises ValueError for sound of another rate."""
        if pcm.rate != self._from_rate:
            raise ValueError(f"a resampler from {self._from_rate} Hz was fed {pcm.rate} Hz")
        if self._up == self._down:
            return pcm
        if self._origin is None:
            self._origin = round(pcm.start * self._to_rate / self._from_rate)
        samples = np.frombuffer(pcm.data, dtype="<i2").astype(np.float64)
        self._fed += len(samples)
        self._kept = np.concatenate((self._kept, samples))
        return self._emit(-((self._reach - self._fed) * self._up // self._down))

    def flush(self) -> Pcm:
        """Return what was held back, and forget the stream."""
        if self._up == self._down:
            return Pcm(b"", self._to_rate)
        self._kept = np.concatenate((self._kept, np.zeros(self._reach + 1)))
        rest = self._emit((2 * self._fed * self._up + self._down) // (2 * self._down))
        self._restart()
        return rest

    def _restart(self) -> None:
        self._origin = None
        self._fed = 0
        self._emitted = 0
        self._kept = np.zeros(self._reach - 1)
        self._kept_from = 1 - self._reach

    def _emit(self, until: int) -> Pcm:
        """Return the output samples from the last one emitted up to ``until``, and drop the input behind them."""
        first = self._emitted
        blocks = [
            self._block(np.arange(at, min(at + _BLOCK_SAMPLES, until))) for at in range(first, until, _BLOCK_SAMPLES)
        ]
        self._emitted = max(first, until)
        needed_from = self._emitted * self._down // self._up - self._reach + 1
        self._kept = self._kept[max(0, needed_from - self._kept_from) :]
        self._kept_from = max(self._kept_from, needed_from)
        return Pcm(b"".join(blocks), self._to_rate, (self._origin or 0) + first)

    def _block(self, outputs: npt.NDArray[np.int64]) -> bytes:
        taps = _taps(self._up, self._down, self._reach)
        before, phase = np.divmod(outputs * self._down, self._up)
        windows = np.lib.stride_tricks.sliding_window_view(self._kept, taps.shape[1])
        sums = np.einsum("nk,nk->n", windows[before - self._reach + 1 - self._kept_from], taps[phase])
        samples: npt.NDArray[np.int16] = np.clip(np.rint(sums / _UNIT), -32768, 32767).astype("<i2")
        return samples.tobytes()


@lru_cache(maxsize=16)
def _taps(up: int, down: int, reach: int) -> _Samples:
    """Return the filter, shape (phases, 2 * reach), float64 holding whole numbers; each phase sums to _UNIT."""
    cutoff = _CENTRE * min(1.0, up / down)
    offsets = np.arange(1 - reach, reach + 1) - np.arange(up)[:, np.newaxis] / up
    window = np.i0(_BETA * np.sqrt(np.clip(1 - (offsets / reach) ** 2, 0, None)))
    taps: _Samples = np.sinc(cutoff * offsets) * window
    taps = np.rint(taps / taps.sum(axis=1, keepdims=True) * _UNIT)
    taps[np.arange(up), np.abs(taps).argmax(axis=1)] += _UNIT - taps.sum(axis=1)
    taps.flags.writeable = False
    return taps


def resampled(sound: Pcm, rate: int) -> Pcm:
    """Return a whole piece of sound at another rate, as a stream of its own. Pure."""
    resampler = Resampler(sound.rate, rate)
    whole = Pcm(sound.data, sound.rate)  # where it lay in another stream does not matter
    return Pcm(resampler.feed(whole).data + resampler.flush().data, rate)
