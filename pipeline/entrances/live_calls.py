"""LiveCalls: which calls are going on, whether one more may begin, and how they are brought to an end."""

from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from enum import Enum, auto

import anyio

from pipeline.core.errors import EntranceError

Warn = Callable[[float], Coroutine[None, None, None]]
"""Tells a client that the server will end its call in so many seconds."""


class _State(Enum):
    WARMING = auto()
    OPEN = auto()
    DRAINING = auto()


class Seat:
    """One admitted call."""

    def __init__(self, conversation: str) -> None:
        """Begin with nobody to warn and nothing to cancel."""
        self.conversation = conversation
        self.scope = anyio.CancelScope()
        """Enter it around the conduct of the call."""
        self.warn: Warn | None = None
        self.hung_up = False

    def hang_up(self) -> None:
        """End the call because the server stops."""
        self.hung_up = True
        self.scope.cancel()


class LiveCalls:
    """All calls of the process, over all entrances."""

    def __init__(self, limit: int) -> None:
        """Allow ``limit`` calls at once, and none before ``open``."""
        self._limit = limit
        self._state = _State.WARMING
        self._seats: dict[str, Seat] = {}
        self._empty = anyio.Event()
        self._empty.set()

    def __len__(self) -> int:
        return len(self._seats)

    @property
    def admits(self) -> bool:
        """Return whether calls are let in, as long as there is room."""
        return self._state is _State.OPEN

    def open(self) -> None:
        """Let calls in, unless the server drains already."""
        if self._state is _State.WARMING:
            self._state = _State.OPEN

    def check(self, waiting: int = 0) -> None:
        """Return if one more call could begin, beside ``waiting`` that were let in and have not begun.

        Raises EntranceError: ``not-ready``, ``draining``, ``too-many-calls``.
        """
        self._check_state()
        self._check_room(waiting)

    @contextmanager
    def admit(self, conversation: str) -> Iterator[Seat]:
        """Hold a seat for a call while the context lasts.

        Raises EntranceError: ``not-ready``, ``draining``, ``call-exists``, ``too-many-calls``.
        """
        self._check_state()
        if conversation in self._seats:
            raise EntranceError("call-exists", f"a live call has the id {conversation}", field="start.conversation_id")
        self._check_room(0)
        seat = Seat(conversation)
        self._seats[conversation] = seat
        if self._empty.is_set():
            self._empty = anyio.Event()
        try:
            yield seat
        finally:
            del self._seats[conversation]
            if not self._seats:
                self._empty.set()

    async def drain(self, grace: float) -> None:
        """Let no call in, warn the live ones, wait ``grace`` seconds for them to end, hang up on the rest."""
        self._state = _State.DRAINING
        async with anyio.create_task_group() as tasks:
            for seat in self._seats.values():
                if seat.warn is not None:
                    tasks.start_soon(seat.warn, grace)
            with anyio.move_on_after(grace):
                await self._empty.wait()
            tasks.cancel_scope.cancel()
        self.hang_up()

    def hang_up(self) -> None:
        """Let no call in, and hang up on all."""
        self._state = _State.DRAINING
        for seat in self._seats.values():
            seat.hang_up()

    async def wait_empty(self) -> None:
        """Return once no call is left."""
        await self._empty.wait()

    def _check_state(self) -> None:
        if self._state is _State.WARMING:
            raise EntranceError("not-ready", "the models are still being loaded", retryable=True)
        if self._state is _State.DRAINING:
            raise EntranceError("draining", "the server stops; call another one", retryable=True)

    def _check_room(self, waiting: int) -> None:
        if len(self._seats) + waiting >= self._limit:
            raise EntranceError("too-many-calls", f"all {self._limit} calls are taken", retryable=True)
