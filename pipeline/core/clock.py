"""The one place that reads the time."""

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """Tells the time in seconds; the zero is arbitrary, the pace is even."""

    def now(self) -> float:
        """Return the instant in seconds."""
        ...


class LoopClock:
    """The running event loop's time, so that a loop on virtual time moves everything that uses it."""

    def now(self) -> float:
        """Return the loop's time in seconds. Raises RuntimeError outside a running loop."""
        return asyncio.get_running_loop().time()


class MonotonicClock:
    """The system's monotonic time, for worker threads and for code that runs before there is a loop."""

    def now(self) -> float:
        """Return the monotonic time in seconds."""
        return time.monotonic()


class Calendar:
    """The time of day, for what is kept longer than a call. It may jump: nothing is measured by it."""

    def now(self) -> float:
        """Return the seconds since 1970, UTC."""
        return time.time()
