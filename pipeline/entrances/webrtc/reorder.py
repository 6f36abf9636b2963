"""Reorder: packets that may be lost, doubled or out of order become a stream in order, with as little delay as can be.

aiortc's own buffer holds 80 ms, and after one lost packet gives nothing for 280 ms and is 200 ms later for the rest of
the call. This one holds nothing back while packets come in order, and waits for a missing one no longer than
``WINDOW`` packets. Nothing is added for jitter: who hears the stream is a recognizer and not a loudspeaker.
"""

from typing import Generic, TypeVar

T = TypeVar("T")

WINDOW = 2
"""Packets that wait for one that is missing: 40 ms. Reordering on the way is rarely deeper (RFC 4737's examples)."""
FAR = 100
"""A packet so far away in number begins a new stream. Source: RFC 3550, appendix A.1, MAX_MISORDER."""
_NUMBERS = 1 << 16


class Reorder(Generic[T]):
    """Orders the packets of one stream by their 16-bit numbers."""

    def __init__(self, window: int = WINDOW) -> None:
        """Wait for a missing packet while fewer than ``window`` later ones are here."""
        self._window = window
        self._next: int | None = None
        """The number of the packet that comes next."""
        self._waiting: dict[int, T] = {}

    def add(self, number: int, packet: T) -> list[T]:
        """Return the packets that are in order now, possibly none; what comes too late or twice is dropped."""
        if self._next is None:
            self._next = number
        ahead = (number - self._next) % _NUMBERS
        if FAR <= ahead <= _NUMBERS - FAR:
            ready = [self._waiting[one] for one in sorted(self._waiting, key=self._ahead)]
            self._waiting.clear()
            self._next = (number + 1) % _NUMBERS
            return [*ready, packet]
        if ahead < FAR:
            self._waiting.setdefault(number, packet)
        return self._ready()

    def _ready(self) -> list[T]:
        ready: list[T] = []
        while self._waiting:
            assert self._next is not None  # noqa: S101
            if self._next not in self._waiting:
                if len(self._waiting) < self._window:
                    break
                self._next = min(self._waiting, key=self._ahead)
            ready.append(self._waiting.pop(self._next))
            self._next = (self._next + 1) % _NUMBERS
        return ready

    def _ahead(self, number: int) -> int:
        return (number - (self._next or 0)) % _NUMBERS
