"""EchoPath: how much of each band of what was played comes back, and whether that explains what is heard. Pure."""

from collections import deque

import numpy as np
import numpy.typing as npt

from pipeline.hearing.played import FRAME, RATE, Sound

FRAMES = 6
"""Spectra over which waveforms are compared, 0.22 s."""
BINS, BANDS, FIRST_BIN = 14, 16, 16
"""Bins of a band, bands, and the first one's first bin: 219 Hz each, from 250 Hz to 3.75 kHz."""
REVERBERATION = 0.3
"""Share of a band's energy that is still heard 32 ms later: a room with 0.37 s of reverberation."""
MARGIN = 4.0
"""Energy of a band, as a multiple of what is expected, up to which it is explained: 6 dB, because levels scatter."""
NOISE = 3.0
"""Energy of a band, as a multiple of the line's noise, that needs no explanation."""
TRUST, LEFT = 0.15, -0.05
"""A window is explained when its unexplained share less ``TRUST`` times its coherence is below ``LEFT``."""
PACE = 0.1
"""Share of the distance, in log energy, by which a level follows a window."""
CERTAIN, STRONG = 0.6, 0.19
"""Coherence and correlation from which levels may rise in a window that they do not explain."""
FAINT = 1e-12
"""Energy that stands for none."""
SILENT = 1e-4
"""Energy of a frame of noise at -86 dBFS, below which nothing is judged nor learnt."""

Spectra = npt.NDArray[np.complex128]
"""Spectra of frames of ``FRAME`` samples, a row each, oldest first."""

_EDGES = np.arange(FIRST_BIN, FIRST_BIN + BINS * (BANDS + 1), BINS)
_HEIGHT: Sound = np.arange(1.0, BANDS + 1)
"""Weight of each band: voices have little energy in the high ones, and differ there."""
_BIN = np.arange(FRAME // 2 + 1)
_KEEN: Sound = np.where((_BIN >= FIRST_BIN) & (_BIN < 244), (_BIN * RATE / FRAME / 1000) ** 1.5, 0.0)
"""Weight of each bin where waveforms are compared."""


def _bands(power: Sound) -> Sound:
    """Return the energy of each band of a spectrum, or of each of several."""
    energy: Sound = np.add.reduceat(power, _EDGES, axis=-1)[..., :BANDS]
    return energy


def _power(spectra: Spectra) -> Sound:
    power: Sound = spectra.real**2 + spectra.imag**2
    return power


class EchoPath:
    """The way of one call's echo. The delay is known to others: what was played is given as it comes back."""

    def __init__(self) -> None:
        """Know nothing of the line."""
        self._gains: Sound = np.zeros(BANDS)
        self._lingering: Sound = np.zeros(BANDS)
        """Energy of what was played, with what reverberates of it."""
        self._loudest = 0.0
        self._noise: Sound | None = None
        self._smooth: Sound = np.zeros(BANDS)
        self._heard: deque[Spectra] = deque(maxlen=FRAMES)
        self._energy: Sound = np.zeros(BANDS)

    def hear(self, spectrum: Spectra) -> None:
        """Take the spectrum of what is heard now."""
        self._heard.append(spectrum)
        self._energy = _bands(_power(spectrum))
        if self._noise is None:
            self._noise = self._smooth = self._energy
        self._smooth = 0.7 * self._smooth + 0.3 * self._energy
        self._noise = np.minimum(1.01 * self._noise + 1e-9, self._smooth)

    def restart(self) -> None:
        """Forget what was heard, and keep what is known of the line."""
        self._heard.clear()

    def begin(self, played: Spectra) -> None:
        """Learn the levels anew from the last spectra, of which ``played`` are those that come back."""
        count = len(self._heard)
        total = self._lingering = np.zeros(BANDS)
        for energy in _bands(_power(played[-count:])):
            self._lingering = energy + REVERBERATION * self._lingering
            total = total + self._lingering
        heard = _bands(_power(np.array(self._heard))).sum(axis=0)
        self._gains = (heard + FAINT) / (total + 1e-9)

    def coherence(self, played: Spectra) -> float:
        """Return how far the last waveforms follow those that were played, 0 to 1; noise is left out."""
        heard = np.array(self._heard)
        played = played[-len(heard) :]
        energy = float(_power(heard).sum(axis=0) @ _KEEN)
        alike = _power((heard * played.conj()).sum(axis=0)) / (_power(played).sum(axis=0) + 1e-9)
        noise = np.repeat(self._quiet / BINS, BINS) @ _KEEN[FIRST_BIN : FIRST_BIN + BINS * BANDS]
        return float(alike @ _KEEN) / max(energy - 1.5 * len(heard) * float(noise), 0.2 * energy, FAINT)

    def explains(self, played: Spectra, correlation: float, *, seen: bool) -> bool:
        """Return whether what is heard is what was played, and learn from it; ``correlation`` is that at the delay.

        An echo that was not ``seen`` for long explains nothing.
        """
        energy, direct = self._energy, _bands(_power(played[-1]))
        self._lingering = direct + REVERBERATION * self._lingering
        if energy.sum() < SILENT:
            return False
        expected = self._gains * self._lingering
        rest = np.maximum(0.0, energy - MARGIN * expected - NOISE * self._quiet) @ _HEIGHT
        coherence = self.coherence(played)
        left = float(rest / (energy @ _HEIGHT + FAINT))
        explained = seen and left - TRUST * min(coherence, 1.0) < LEFT
        self._learn(direct, expected, rises=explained or (coherence > CERTAIN and correlation > STRONG))
        return explained

    def _learn(self, direct: Sound, expected: Sound, *, rises: bool) -> None:
        """Let the levels follow the bands in which something was played just now; ``rises``: upwards as well."""
        self._loudest = max(0.99 * self._loudest, float(direct.max()))
        told = (direct > 0.5 * self._lingering) & (direct > 1e-3 * self._loudest)
        energy = np.maximum(self._energy - 1.5 * self._quiet, 0.1 * self._energy)
        distance = np.log(energy + FAINT) - np.log(expected + FAINT)
        highest = 2.0 if rises else 0.0
        self._gains = self._gains * np.exp(PACE * np.clip(distance, -2.0, highest) * told)

    @property
    def _quiet(self) -> Sound:
        """Return the noise in each band."""
        return np.zeros(BANDS) if self._noise is None else self._noise
