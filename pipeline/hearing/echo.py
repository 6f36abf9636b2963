"""EchoGate: our own voice come back from a telephone line or a kiosk's speaker is not the caller. Pure.

The microphone is compared with what was played up to 0.7 s before. Whitened cross-correlation tells how long the way
through the line takes; levels in 16 bands tell how much of each comes back, its reverberation included. A window is
echo when that explains nearly all of its energy and its waveform follows the played one. Who speaks over the echo puts
energy where none is expected, and is heard. Nothing is removed from the sound: this is a gate and no canceller.
"""

import numpy as np

from pipeline.core.pcm import Pcm
from pipeline.hearing.echo_delay import AHEAD, SPAN, EchoDelay
from pipeline.hearing.echo_path import FRAMES, EchoPath, Spectra
from pipeline.hearing.played import BLOCK, FRAME, HANN, ORDER, Played, Sound, whitened

SIMILAR = 0.5
"""Coherence that a delay needs to be taken for the echo's."""
HOLD = 4
"""Windows for which an echo may be too weak to be seen."""
AGAIN = 4
"""Windows of echo in a row, 0.13 s, that take the word from a caller who speaks over it: voices have gaps."""
VOICED = 0.5
"""Probability from which a window that is no echo is the caller."""
SURE = 3
"""Such windows in a row, as many as begin a turn, after which the caller has the word."""

_TAPS = 50
_STEPS = np.arange(_TAPS) - (_TAPS - 1) / 2
_HALF: Sound = 0.46 * np.sinc(0.46 * _STEPS) * np.hamming(_TAPS)
"""Low-pass in front of half the rate. Its delay of 1.5 ms counts as the line's."""


class EchoGate:
    """Tells one call's own voice from the caller's. Without sound played within the last second it does nothing."""

    def __init__(self) -> None:
        """Begin with nothing played."""
        self._played = Played()
        self._delay = EchoDelay()
        self._path = EchoPath()
        self._offset: float | None = None
        """Shortest way of the caller's sound: its arrival on the call's clock less its end on the audio clock."""
        self._place = 0
        """Place of the next window on the audio clock, in its samples."""
        self._heard: Sound = np.zeros(FRAME + BLOCK)
        self._tail: Sound = np.zeros(_TAPS - 2)
        self._own, self._callers = 0, 0

    def played(self, pcm: Pcm, at: float) -> None:
        """Take sound of ours that the client plays from the instant ``at`` on."""
        if pcm.samples:
            self._played.add(pcm, at)

    def weigh(self, probability: float, window: Pcm, at: float) -> float:
        """Return the speech probability of a window that arrived at ``at``: 0 where it is echo, else as it was."""
        if not self.is_echo(window, at):
            self._own = 0
            self._callers = self._callers + 1 if probability >= VOICED else 0
            return probability
        self._own += 1
        if self._callers >= SURE and self._own < AGAIN:
            return probability
        self._callers = 0
        return 0.0

    def is_echo(self, window: Pcm, at: float) -> bool:
        """Return whether a window, 512 samples at 16 kHz that arrived at ``at``, is nothing but echo.

        Windows are given in order; where sound was lost between them, what was heard before is not compared.
        """
        offset = at - window.audio_end
        self._offset = offset if self._offset is None else min(offset, self._offset + 1e-5)
        if not self._played.samples:
            return False
        end = self._played.place(window.audio_end + self._offset)
        self._played.forget_before(end + AHEAD - SPAN - FRAME * FRAMES)
        if not self._played.samples:
            return False
        self._hear(window)
        white = self._played.white(end + AHEAD - SPAN, end + AHEAD)
        other = self._delay.feed(whitened(self._heard[-FRAME - ORDER :]), white)
        self._path.hear(np.fft.rfft(self._heard[-FRAME:] * HANN))
        if other is not None and self._path.coherence(self._spectra(end - other)) > SIMILAR:
            self._delay.accept(other)
            self._path.begin(self._spectra(end - other))
        if self._delay.samples is None:
            return False
        spectra = self._spectra(end - self._delay.samples)
        return self._path.explains(spectra, self._delay.strength, seen=self._delay.unseen <= HOLD)

    def _hear(self, window: Pcm) -> None:
        """Add a window to what was heard, at ``RATE``."""
        if window.start != self._place:
            self._heard[:], self._tail[:] = 0.0, 0.0
            self._delay.restart()
            self._path.restart()
        self._place = window.start + window.samples
        sound = np.concatenate((self._tail, np.frombuffer(window.data, "<i2") / 32768))
        self._tail = sound[-len(self._tail) :]
        self._heard = np.concatenate((self._heard[BLOCK:], np.convolve(sound, _HALF, "valid")[::2]))

    def _spectra(self, until: int) -> Spectra:
        """Return the last spectra of what was played up to a place, oldest first."""
        sound = self._played.sound(until - FRAME - (FRAMES - 1) * BLOCK, until)
        frames = np.lib.stride_tricks.sliding_window_view(sound, FRAME)[::BLOCK]
        spectra: Spectra = np.fft.rfft(frames * HANN, axis=1)
        return spectra
