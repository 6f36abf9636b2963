"""Cache: what was used last, within a size, a number and an age. Everything is forgotten with the process."""

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

from pipeline.core.clock import Clock

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(slots=True)
class Tally:
    """What a cache is counted by, since the process began; ``bytes`` is what it holds now."""

    hits: int = 0
    misses: int = 0
    stored: int = 0
    bytes: int = 0
    saved_seconds: float = 0.0
    """Seconds that the hits had taken when they were no hits."""


@dataclass(frozen=True, slots=True)
class _Entry(Generic[V]):
    value: V
    size: int
    cost: float
    until: float


class Cache(Generic[K, V]):
    """Keeps values by key. The one that was not used for longest goes first; for one event loop."""

    def __init__(
        self, clock: Clock, most_bytes: int, *, entries: int | None = None, seconds: float = float("inf")
    ) -> None:
        """Hold at most ``most_bytes``, and ``entries`` values, each for ``seconds`` from when it was kept."""
        self.tally = Tally()
        self._clock = clock
        self._most_bytes = most_bytes
        self._entries = entries
        self._seconds = seconds
        self._kept: OrderedDict[K, _Entry[V]] = OrderedDict()

    def __len__(self) -> int:
        """Return how many values are kept, those too old and not noticed yet included."""
        return len(self._kept)

    def __contains__(self, key: K) -> bool:
        """Return whether a key's value is kept; this is no use of it."""
        entry = self._kept.get(key)
        return entry is not None and self._clock.now() < entry.until

    def get(self, key: K) -> V | None:
        """Return the value of a key, if there is one young enough."""
        entry = self._kept.get(key)
        if entry is None or self._clock.now() >= entry.until:
            if entry is not None:
                self._drop(key)
            self.tally.misses += 1
            return None
        self._kept.move_to_end(key)
        self.tally.hits += 1
        self.tally.saved_seconds += entry.cost
        return entry.value

    def put(self, key: K, value: V, *, size: int, cost: float = 0.0) -> None:
        """Keep a value of ``size`` bytes that took ``cost`` seconds to make; one too large for the cache is not."""
        if size > self._most_bytes:
            return
        if key in self._kept:
            self._drop(key)
        self._kept[key] = _Entry(value, size, cost, self._clock.now() + self._seconds)
        self.tally.bytes += size
        self.tally.stored += 1
        while self.tally.bytes > self._most_bytes or (self._entries is not None and len(self._kept) > self._entries):
            self._drop(next(iter(self._kept)))

    def _drop(self, key: K) -> None:
        self.tally.bytes -= self._kept.pop(key).size
