"""When a call must act although nothing happens. Pure: instants in, instants out."""

from enum import Enum, auto

from pipeline.settings import Call


class Due(Enum):
    """What the clock asks for."""

    NO_INPUT = auto()
    ENDING_NOTICE = auto()
    MAX_DURATION = auto()


class Timers:
    """The deadlines of one call, in seconds on the call's clock."""

    def __init__(self, settings: Call, now: float) -> None:
        """Start the call's own clock; the no-input timer rests until it is started."""
        self._no_input = settings.no_input
        self._end_at = now + settings.max_duration
        self._notice_at: float | None = max(now, self._end_at - settings.ending_notice)
        self._no_input_at: float | None = None

    def start_no_input(self, now: float) -> None:
        """Begin to wait for the caller: the last word of the service has been heard."""
        self._no_input_at = now + self._no_input

    def stop_no_input(self) -> None:
        """Stop waiting: the caller speaks, or the service does."""
        self._no_input_at = None

    def set_no_input(self, duration: float) -> None:
        """Wait so long from the next start on."""
        self._no_input = duration

    def end_within(self, duration: float, now: float) -> None:
        """End the call after so many seconds at the latest, with nothing else due before."""
        self._end_at = now + duration
        self._no_input_at = self._notice_at = None

    def next_at(self) -> float:
        """Return the next instant at which something is due."""
        return min(at for at in (self._no_input_at, self._notice_at, self._end_at) if at is not None)

    def remaining(self, now: float) -> float:
        """Return the seconds until the call must end."""
        return max(0.0, self._end_at - now)

    def due(self, now: float) -> Due | None:
        """Return what is due, and forget it; None when nothing is."""
        if now >= self._end_at:
            return Due.MAX_DURATION
        if self._notice_at is not None and now >= self._notice_at:
            self._notice_at = None
            return Due.ENDING_NOTICE
        if self._no_input_at is not None and now >= self._no_input_at:
            self._no_input_at = None
            return Due.NO_INPUT
        return None
