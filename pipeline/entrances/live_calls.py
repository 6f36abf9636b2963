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
        self.dismissed = anyio.Event()
        """It waited for its client and has to go: its seat is another call's already."""

    def hang_up(self) -> None:
        """End the call because the server stops."""
        self.hung_up = True
        self.scope.cancel()


class LiveCalls:
    """All calls of the process, over all entrances."""

    def __init__(self, limit: int, most_waiting: int) -> None:
        """Allow ``limit`` calls at once, of which ``most_waiting`` wait for their clients; none before ``open``."""
        self._limit = limit
        self._most_waiting = most_waiting
        self._state = _State.WARMING
        self._seats: dict[str, Seat] = {}
        self._waiting: dict[Seat, None] = {}
        """Those whose clients are lost, in the order in which they were."""
        self._leaving: set[Seat] = set()
        """Those that were dismissed and are not over yet."""
        self._empty = anyio.Event()
        self._empty.set()

    def __len__(self) -> int:
        return len(self._seats) + len(self._leaving)

    @property
    def admits(self) -> bool:
        """Return whether calls are let in, as long as there is room."""
        return self._state is _State.OPEN

    def open(self) -> None:
        """Let calls in, unless the server drains already."""
        if self._state is _State.WARMING:
            self._state = _State.OPEN

    def check(self, beside: int = 0) -> None:
        """Return if one more call could begin, ``beside`` so many that were let in and have not begun.

        Raises EntranceError: ``not-ready``, ``draining``, ``too-many-calls``.
        """
        self._check_state()
        if len(self._seats) - len(self._waiting) + beside >= self._limit:
            raise _full(self._limit)

    @contextmanager
    def admit(self, conversation: str) -> Iterator[Seat]:
        """Hold a seat for a call while the context lasts. A call that waits for its client gives way to it.

        Raises EntranceError: ``not-ready``, ``draining``, ``call-exists``, ``too-many-calls``.
        """
        self._check_state()
        self._make_room(conversation)
        seat = Seat(conversation)
        self._seats[conversation] = seat
        if self._empty.is_set():
            self._empty = anyio.Event()
        try:
            yield seat
        finally:
            self._leaving.discard(seat)
            if self._seats.get(conversation) is seat:
                del self._seats[conversation]
            if not len(self):
                self._empty.set()

    @contextmanager
    def waiting(self, seat: Seat) -> Iterator[None]:
        """Say that a call waits for its client; when too many do, the one that has waited longest is dismissed."""
        self._waiting[seat] = None
        if len(self._waiting) > self._most_waiting:
            self._dismiss(next(iter(self._waiting)))
        try:
            yield
        finally:
            self._waiting.pop(seat, None)

    def waits(self, conversation: str) -> bool:
        """Return whether the call of this id waits for its client."""
        seat = self._seats.get(conversation)
        return seat is not None and seat in self._waiting

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

    def _make_room(self, conversation: str) -> None:
        """Dismiss the call that waits under this id, or the one that has waited longest where there is no room."""
        older = self._seats.get(conversation)
        if older is not None and older in self._waiting:
            self._dismiss(older)
        elif older is not None:
            raise EntranceError("call-exists", f"a live call has the id {conversation}", field="start.conversation_id")
        if len(self._seats) >= self._limit:
            if not self._waiting:
                raise _full(self._limit)
            self._dismiss(next(iter(self._waiting)))

    def _dismiss(self, seat: Seat) -> None:
        del self._seats[seat.conversation], self._waiting[seat]
        self._leaving.add(seat)
        seat.dismissed.set()


def _full(limit: int) -> EntranceError:
    return EntranceError("too-many-calls", f"all {limit} calls are taken", retryable=True)
