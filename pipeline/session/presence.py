"""Presence: whether a call's client is there. What needs it stops when it is lost, and goes on once it is back."""

from collections.abc import Iterator
from contextlib import contextmanager

import anyio

from pipeline.core.events import PlaybackReported, ReplyId


class Presence:
    """The client of one call."""

    def __init__(self, *, reports_playback: bool) -> None:
        """Begin with a client that is there."""
        self.reports_playback = reports_playback
        """It says how far it has played, so its word is waited for."""
        self.heard_at = 0.0
        """When it was there for certain, before it was lost the last time."""
        self.played: PlaybackReported | None = None
        """How far it had played by then, if it has said so since."""
        self._stays: set[anyio.CancelScope] = set()
        self._there = anyio.Event()
        self._there.set()

    @property
    def away(self) -> bool:
        """Return whether the client is lost."""
        return not self._there.is_set()

    def played_of(self, reply: ReplyId) -> int | None:
        """Return how much of a reply it says to have played before it was lost, in milliseconds."""
        return self.played.played_ms if self.played is not None and self.played.reply == reply else None

    async def there(self) -> None:
        """Wait until it is there."""
        await self._there.wait()

    @contextmanager
    def stay(self) -> Iterator[None]:
        """Run the block while the client is there; it is cancelled when the client is lost."""
        with anyio.CancelScope() as scope:
            self._stays.add(scope)
            if self.away:
                scope.cancel()
            try:
                yield
            finally:
                self._stays.discard(scope)

    def lose(self, heard_at: float) -> None:
        """Say that the client is lost, and when it was there for certain."""
        self.heard_at, self.played = heard_at, None
        self._there = anyio.Event()
        for scope in self._stays:
            scope.cancel()

    def welcome(self, *, reports_playback: bool, played: PlaybackReported | None) -> None:
        """Say that it is back."""
        self.reports_playback, self.played = reports_playback, played
        self._there.set()
