"""Decides from speech probabilities where a turn begins and ends. Pure: time is the duration of the audio given."""

from enum import Enum, auto

from pipeline.settings import Endpointing

ROUNDING = 1e-6
"""Seconds by which a sum of windows may miss a setting that it equals; without it half of the soft ends of 0.128 s come
a window of 32 ms late."""


class Signal(Enum):
    """What became known with a window."""

    STARTED = auto()
    """A turn began."""
    SUSTAINED = auto()
    """Enough speech for a barge-in; once a turn."""
    DIPPED = auto()
    """The caller may have fallen silent; it may as well be a closed consonant."""
    ENDED = auto()
    """Soft end: the caller fell silent, the turn may go on."""
    RESUMED = auto()
    """The caller spoke on after a soft end; the turn is the same."""
    OVER = auto()
    """The turn is over: silence lasted."""
    TOO_LONG = auto()
    """The turn is over: it reached its longest length."""


class Endpointer:
    """The turn-taking of one call. All instants are on the audio clock, in seconds since the call's first sample."""

    def __init__(self, settings: Endpointing, sustained: float) -> None:
        """Start in silence. ``sustained`` is the speech, in seconds, that counts as a barge-in."""
        self.settings = settings
        self._sustained = sustained
        self.now = 0.0
        self.speech_start = 0.0
        self.speech_end = 0.0
        self.pause = 0.0
        """The last pause behind which the caller went on."""
        self.wait = settings.max_silence
        """Silence that ends the turn in progress."""
        self.in_turn = False
        self.soft = False
        self._dipped = False
        self._voiced = False
        self._run = 0.0
        self._speech = 0.0
        self._reported = False

    def feed(self, probability: float, audio_at: float, duration: float) -> list[Signal]:
        """Return what the next window says, given its speech probability (0 to 1), where it begins and its length."""
        self.now = audio_at + duration
        limit = self.settings.release if self._voiced else self.settings.threshold
        self._voiced = probability >= limit
        self._run = self._run + duration if self._voiced else 0.0
        if not self.in_turn:
            return self._before_turn()
        return self._within_turn(duration)

    def reset(self) -> None:
        """Forget the turn in progress; the audio clock goes on."""
        self.in_turn = self.soft = self._voiced = self._reported = self._dipped = False
        self._run = self._speech = 0.0

    @property
    def silence(self) -> float:
        """Return how long the caller has been silent, in seconds, within a turn."""
        return self.now - self.speech_end

    @property
    def over(self) -> bool:
        """Return whether the silence that was to be waited for has passed."""
        return self.soft and not self._voiced and _reached(self.silence, self.wait)

    def _before_turn(self) -> list[Signal]:
        if not _reached(self._run, self.settings.start):
            return []
        self.in_turn = True
        self.speech_start = self.now - self._run
        self.speech_end = self.now
        self._speech = self._run
        self.wait = self.settings.max_silence
        return [Signal.STARTED, *self._report_sustained()]

    def _within_turn(self, duration: float) -> list[Signal]:
        signals = []
        # After a soft end a single window is not trusted: a click must neither reopen the turn nor stop a reply.
        if self._voiced and (not self.soft or _reached(self._run, self.settings.start)):
            self._speech += self._run if self.soft else duration
            if self.soft:
                self.pause = self.now - self._run - self.speech_end
                self.wait = self.settings.max_silence
                signals.append(Signal.RESUMED)
            self.speech_end = self.now
            self.soft = self._dipped = False
            signals += self._report_sustained()
        if not self._dipped and _reached(self.silence, self.settings.dip):
            self._dipped = True
            signals.append(Signal.DIPPED)
        if not self.soft and _reached(self.silence, self.settings.soft_end):
            self.soft = True
            signals.append(Signal.ENDED)
        if self.over:
            self.reset()
            signals.append(Signal.OVER)
        elif _reached(self.now - self.speech_start, self.settings.max_speech):
            self.reset()
            signals.append(Signal.TOO_LONG)
        return signals

    def _report_sustained(self) -> list[Signal]:
        if self._reported or not _reached(self._speech, self._sustained):
            return []
        self._reported = True
        return [Signal.SUSTAINED]


def _reached(duration: float, wanted: float) -> bool:
    return duration >= wanted - ROUNDING
