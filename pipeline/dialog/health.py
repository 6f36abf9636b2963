"""Health: how a model has lately done, so that callers need not wait to find it out again. Pure but for the clock."""

from collections import deque
from statistics import median_high, median_low

from pipeline.core.clock import Clock
from pipeline.dialog.starvation import LONG_WAIT

FAILURES = 3
"""So many failures in a row, and the model is not asked for a while."""
PAUSE = 30.0
"""Seconds of that while; then one caller tries it."""
MEMORY = 60.0
"""Seconds for which a measurement counts: a model that was too slow is tried again when all have passed."""
WINDOW = 32
"""Newest measurements that count."""
ENOUGH = 2
"""So many must be known before a model is called slow: one may have met a long prompt."""


class Health:
    """One model, as all its callers have found it."""

    def __init__(self, clock: Clock) -> None:
        """Begin with nothing known."""
        self._clock = clock
        self._failed = 0
        self._asked_again_at = 0.0
        self._in_vain = 0
        self._waits = _Recent(clock)
        self._speeds = _Recent(clock)

    @property
    def failing(self) -> bool:
        """Return whether it has failed too often to be asked now."""
        return self._failed >= FAILURES and self._clock.now() < self._asked_again_at

    @property
    def patience(self) -> float:
        """Return how many seconds at least to wait for it now.

        One that gave nothing again and again may be stuck, and its engine finds that out by longer waits only.
        """
        return LONG_WAIT + 1.0 if self._in_vain >= ENOUGH else 0.0

    @property
    def first_token(self) -> float | None:
        """Return the median of its waits for a first token, in seconds; None while too little is known.

        Of two the better one: both must have been late.
        """
        waits = self._waits.values()
        return median_low(waits) if waits else None

    @property
    def speed(self) -> float | None:
        """Return the median of its speeds, in tokens a second, likewise."""
        speeds = self._speeds.values()
        return median_high(speeds) if speeds else None

    def asked(self) -> None:
        """Take note that it is asked: where it had failed, the others wait for what becomes of this."""
        if self._failed >= FAILURES:
            self._asked_again_at = self._clock.now() + PAUSE

    def failed(self) -> None:
        """Take note of a failure."""
        self._failed += 1
        self._asked_again_at = self._clock.now() + PAUSE

    def waited(self, seconds: float) -> None:
        """Take note of a first token, so long after it was asked for."""
        self._in_vain = 0
        self._waits.add(seconds)

    def gave_nothing(self, seconds: float) -> None:
        """Take note that it was given up then, without a token."""
        self._in_vain += 1
        self._waits.add(seconds)

    def answered(self) -> None:
        """Take note of a reply that the model did not break off."""
        self._failed = 0

    def wrote(self, tokens: int, seconds: float) -> float:
        """Take note of tokens that came in this time, and return how many a second that is."""
        speed = tokens / max(seconds, 0.001)
        self._speeds.add(speed)
        return speed


class _Recent:
    """The newest values."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._values: deque[tuple[float, float]] = deque(maxlen=WINDOW)

    def add(self, value: float) -> None:
        self._values.append((self._clock.now(), value))

    def values(self) -> list[float]:
        """Return what is not forgotten, if that is enough."""
        since = self._clock.now() - MEMORY
        values = [value for at, value in self._values if at >= since]
        return values if len(values) >= ENOUGH else []
