"""Loudness: takes what is far below the caller's level for silence, which the voice detector does too late. Pure."""

from pipeline.audio.level import rms_dbfs
from pipeline.core.pcm import Pcm

DROP = 35.0
"""Decibels below the caller's level from which a window is silent: of 250 prompts of people the speech ends 25 ms
behind the last audible sample in the median and 54 ms at the 95th percentile, by the voice detector alone 64 and
124 ms. With 25 dB the weak ends of words would be silent too: 1.3 pauses a prompt instead of 1.1."""
CERTAIN = 0.95
"""From this probability on a window is speech, however weak."""
SPEECH = 0.5
"""From this probability on a window tells how loud the caller is."""
FALL = 4.7
"""Decibels a second of speech by which the level follows a caller who becomes softer."""
FAINTEST = -60.0
"""Decibels below full scale; a level that nobody speaks below."""


class Loudness:
    """The level of one caller."""

    def __init__(self) -> None:
        """Begin with a caller who is as soft as can be."""
        self._level = FAINTEST

    def weigh(self, probability: float, window: Pcm) -> float:
        """Return the speech probability of a window: 0 where it is far below the caller's level, else as it was."""
        level = rms_dbfs(window)
        if probability > SPEECH:
            self._level = max(level, self._level - FALL * window.duration, FAINTEST)
        return 0.0 if level < self._level - DROP and probability < CERTAIN else probability
