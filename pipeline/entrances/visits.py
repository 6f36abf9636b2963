"""Visits: the streams over which one call is held, one after the other."""

from collections.abc import Callable
from dataclasses import dataclass, field

import anyio

from pipeline.entrances.switchboard import CallStart, CutOff
from pipeline.entrances.wire_resume import Resumption, unknown_token


@dataclass(eq=False)
class Visit:
    """One stream of a call: what the call and its stream let each other know."""

    start: CallStart
    """What holds while it lasts."""
    resumption: Resumption | None = None
    """None for the stream that began the call."""
    taken: anyio.Event = field(default_factory=anyio.Event)
    """The call goes on over it now, or never will."""
    over: anyio.Event = field(default_factory=anyio.Event)
    """It has no more to do: all was sent, it broke, or another has come."""
    gone: anyio.Event = field(default_factory=anyio.Event)
    """Nothing reads from it or writes to it any more."""
    refused: bool = False
    """It came too late."""
    replaced: bool = False
    """Another stream has come for the same call."""
    left: bool = False
    """It is over, and about to be gone."""
    final: bool = False
    """Its client has hung up: the call is not resumed."""
    cut: CutOff = CutOff.VANISHED
    """Why it ended, if it was not to."""
    heard_at: float = 0.0
    """When anything came from the client last."""
    token: str = field(default="", repr=False)
    """For the next one."""
    missing: int = 0
    """Messages that the client has not seen, and that are not kept any more."""


class Visits:
    """Takes them in order. A stream lets itself in by ``turn_to``; the call takes it by ``next``."""

    def __init__(self, first: Visit) -> None:
        """Begin with the stream that began the call."""
        self._coming: Visit | None = first
        self._closed = False
        self._news = anyio.Event()

    @property
    def expected(self) -> bool:
        """Return whether a stream waits to be taken."""
        return self._coming is not None

    @property
    def closed(self) -> bool:
        """Return whether none is taken any more."""
        return self._closed

    async def turn_to(self, visit: Visit) -> None:
        """Let a stream in; return once it is taken. Raises EntranceError ``unknown-token`` when the call is over."""
        if visit is not self._coming:
            if self._closed:
                raise unknown_token()
            if self._coming is not None:
                self._coming.replaced = True
                self._coming.taken.set()
            self._coming = visit
        self.wake()
        await visit.taken.wait()
        if visit.refused:
            raise unknown_token()

    def leave(self, visit: Visit) -> None:
        """Say that a stream is over."""
        visit.left = True
        self.wake()

    def next(self) -> Visit | None:
        """Return the stream that waits, if there is one."""
        visit, self._coming = self._coming, None
        return visit

    async def departure(self, visit: Visit, let_go: Callable[[], None]) -> None:
        """Return once a stream has gone, by itself or because another has come.

        ``let_go`` is called before its tasks are waited for, so that none of them waits for the call.
        """
        await self.until(lambda: visit.left or self.expected)
        if not visit.left:
            visit.replaced = True
            visit.over.set()
        let_go()
        await visit.gone.wait()

    async def until(self, reached: Callable[[], bool]) -> None:
        """Wait until it is so; it is looked at whenever something happens here, and at ``wake``."""
        while not reached():
            await self._news.wait()

    def wake(self) -> None:
        """Let ``until`` look again."""
        self._news.set()
        self._news = anyio.Event()

    def close(self) -> None:
        """Take no stream any more, and send away the one that waits."""
        self._closed = True
        if self._coming is not None:
            self._coming.refused = True
            self._coming.taken.set()
