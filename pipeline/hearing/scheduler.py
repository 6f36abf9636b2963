"""RecognitionQueue: one recognizer, many calls. Who waits for an answer goes first; nobody is forgotten."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum

import anyio

from pipeline.core.clock import Clock
from pipeline.core.pcm import Pcm
from pipeline.core.stages import Recognition, Recognizer

STALE = 0.4
"""Seconds after which a waiting partial is of no use: a newer one says more."""


class Urgency(IntEnum):
    """What a recognition is for; the lower goes first."""

    FINAL = 0
    """The turn is over, or will be in a moment."""
    DRAFT = 1
    """The caller fell silent: it may have been all."""
    PARTIAL = 2
    """The caller is speaking. Dropped under load."""


@dataclass(eq=False, slots=True)
class Request:
    """One recognition that is wanted."""

    call: object
    """Whose it is; calls take turns."""
    utterance: Pcm
    language: str | None
    urgency: Urgency
    asked_at: float
    others: tuple[str, ...] = ()
    """What may be spoken in place of ``language``."""
    decided: anyio.Event = field(default_factory=anyio.Event)
    dropped: bool = False


class RecognitionQueue:
    """Shares a recognizer. Finals go before drafts, drafts before partials; within these, calls take turns.

    A call has at most one draft or partial waiting: the newer replaces the older. Partials never take the last free
    worker when there are several, are dropped when a final waits, and when they have waited for too long.
    """

    def __init__(self, recognizer: Recognizer, workers: int, clock: Clock, dropped: Callable[[], None]) -> None:
        """Run ``workers`` recognitions at once; ``dropped`` is called for each partial that was given up."""
        self._recognizer = recognizer
        self._workers = workers
        self._clock = clock
        self._dropped = dropped
        self._waiting: list[Request] = []
        self._running: list[Request] = []
        self._served: dict[object, int] = {}
        self._count = 0

    @property
    def backlog(self) -> int:
        """Return how many finals and drafts wait for a worker."""
        return sum(request.urgency < Urgency.PARTIAL for request in self._waiting)

    def request(
        self, call: object, utterance: Pcm, language: str | None, urgency: Urgency, others: tuple[str, ...] = ()
    ) -> Request:
        """Return a request for ``recognize``."""
        return Request(call, utterance, language, urgency, self._clock.now(), others)

    async def recognize(self, request: Request) -> Recognition | None:
        """Return what was said, once it is this request's turn; None when it was dropped.

        Cancelling gives up the place; a recognition under way is waited for. Raises HearingError.
        """
        self._enter(request)
        try:
            await request.decided.wait()
            if request.dropped:
                return None
            return await self._recognizer.transcribe(request.utterance, request.language, request.others)
        finally:
            for requests in (self._waiting, self._running):
                if request in requests:
                    requests.remove(request)
            self._dispatch()

    def hurry(self, request: Request) -> None:
        """Let a request count as a final: its turn is about to be over."""
        request.urgency = Urgency.FINAL
        self._dispatch()

    def forget(self, call: object) -> None:
        """Forget that a call was ever served: it is over."""
        self._served.pop(call, None)

    def _enter(self, request: Request) -> None:
        if request.urgency is not Urgency.FINAL:
            for older in [other for other in self._waiting if other.call is request.call]:
                if older.urgency is not Urgency.FINAL:
                    self._drop(older)
        self._waiting.append(request)
        self._dispatch()

    def _drop(self, request: Request) -> None:
        self._waiting.remove(request)
        request.dropped = True
        request.decided.set()
        if request.urgency is Urgency.PARTIAL:
            self._dropped()

    def _dispatch(self) -> None:
        """Let as many requests run as there are workers."""
        finals = any(request.urgency is Urgency.FINAL for request in self._waiting)
        oldest = self._clock.now() - STALE
        for request in [other for other in self._waiting if other.urgency is Urgency.PARTIAL]:
            if request.asked_at < oldest or (finals and len(self._running) >= self._workers):
                self._drop(request)
        while len(self._running) < self._workers and (chosen := self._next()) is not None:
            self._waiting.remove(chosen)
            self._running.append(chosen)
            self._count += 1
            self._served[chosen.call] = self._count
            chosen.decided.set()

    def _next(self) -> Request | None:
        if not self._waiting:
            return None
        best = min(self._waiting, key=lambda request: (request.urgency, self._served.get(request.call, 0)))
        if best.urgency is Urgency.PARTIAL:
            partials = sum(request.urgency is Urgency.PARTIAL for request in self._running)
            if partials >= max(1, self._workers - 1):
                return None
        return best
