"""Gate: holds back what a reply tells and plays until the reply is real."""

from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import replace

import anyio

from pipeline.core.events import CallEvent, ReplyEvent, ReplyId
from pipeline.session.ledger import Receipt

Tell = Callable[[CallEvent], Awaitable[None]]


class Gate:
    """The gate of one reply. Events pass in the order in which they came, those that were held first."""

    def __init__(self, tell: Tell) -> None:
        """Hold everything until ``open``."""
        self._tell = tell
        self._held: deque[CallEvent] = deque()
        self._reply: ReplyId | None = None
        self._receipt: Receipt | None = None
        self._opened = anyio.Event()
        self._released = anyio.Event()
        self._then: list[Callable[[], None]] = []
        self.begun = False
        """Something has been told."""

    def open(self, reply: ReplyId, receipt: Receipt | None) -> None:
        """Let everything pass from now on, under this id; the first sound waits for the receipt."""
        self._reply, self._receipt = reply, receipt
        self._opened.set()
        then, self._then = self._then, []
        for do in then:
            do()

    def on_open(self, do: Callable[[], None]) -> None:
        """Call ``do`` when the gate opens, at once if it is open."""
        if self._opened.is_set():
            do()
        else:
            self._then.append(do)

    async def release(self) -> None:
        """Wait for the gate to open, then tell what was held. One task of the reply runs it."""
        await self._opened.wait()
        while self._held:
            await self._tell(self._named(self._held.popleft()))
            self.begun = True
        self._released.set()

    async def tell(self, event: CallEvent) -> None:
        """Tell an event, or hold it; its reply's id is filled in when it passes."""
        if self._released.is_set():
            await self._tell(self._named(event))
        else:
            self._held.append(event)

    async def passed(self, *, sound: bool = False) -> None:
        """Wait until all that was held has been told; the first ``sound`` waits for the receipt as well."""
        await self._released.wait()
        if sound and self._receipt is not None:
            await self._receipt.wait()

    def _named(self, event: CallEvent) -> CallEvent:
        if isinstance(event, ReplyEvent) and self._reply is not None:
            return replace(event, reply=self._reply)
        return event
