"""Limiter: how often one address may ask for something dear: each offer costs sockets, keys and a wait."""

from collections import OrderedDict

from pipeline.core.clock import Clock

ADDRESSES = 10_000
"""Addresses that are remembered; the one that asked longest ago is forgotten first."""


class Limiter:
    """A bucket of tokens for each address, full at first."""

    def __init__(self, burst: int, per_minute: float, clock: Clock) -> None:
        """Allow ``burst`` at once, and ``per_minute`` in the long run."""
        self._burst = burst
        self._rate = per_minute / 60
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        """Tokens that were left, and when, by address."""

    def wait(self, address: str) -> float:
        """Return 0 and count the request, or the seconds until one may come."""
        now = self._clock.now()
        left, at = self._buckets.pop(address, (float(self._burst), now))
        left = min(float(self._burst), left + (now - at) * self._rate)
        allowed = left >= 1
        self._buckets[address] = (left - allowed, now)
        while len(self._buckets) > ADDRESSES:
            self._buckets.popitem(last=False)
        return 0.0 if allowed else (1 - left) / self._rate
