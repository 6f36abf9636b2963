"""Priming: what the model does for one call while nobody waits for it, so that its next answer begins sooner.

It reads what is known of a turn while the caller still speaks, and sums up what was said while the caller listens.
"""

from collections.abc import Awaitable, Callable, Sequence

import anyio
from anyio.abc import TaskGroup

from pipeline.core.errors import DialogError
from pipeline.core.stages import Message
from pipeline.dialog.desk import Agenda
from pipeline.dialog.responder import Responder
from pipeline.session.headroom import Claim, Headroom


class Priming:
    """The priming of one call: one thing at a time, and only where nobody else needs the model."""

    def __init__(self, responder: Responder, headroom: Headroom, agenda: Agenda) -> None:
        """Do nothing before ``open``. What the model may ask for in the call stands in what it reads."""
        self._responder = responder
        self._agenda = agenda
        self._headroom = headroom
        self._scope: anyio.CancelScope | None = None
        self._claim: Claim | None = None
        self._idle = anyio.Event()
        self._idle.set()
        self._read: list[Message] | None = None
        self._sums_up = False
        self._tasks: TaskGroup

    def open(self, tasks: TaskGroup) -> None:
        """Work in ``tasks``."""
        self._tasks = tasks

    def begin(self, messages: Sequence[Message]) -> None:
        """Let the model read ``messages``, unless it does something, has read them, or is wanted elsewhere."""
        if list(messages) != self._read and self._begin(lambda: self._responder.warm(messages, self._agenda)):
            self._read, self._sums_up = list(messages), False

    def sum_up(self, asked: Sequence[Message], take: Callable[[str], None]) -> None:
        """Let the model write the summary that ``asked`` ends in, unless it does something or is wanted elsewhere."""

        async def write() -> None:
            take(await self._responder.summary(asked, self._agenda))

        if self._begin(write):
            self._read, self._sums_up = None, True

    def _begin(self, work: Callable[[], Awaitable[None]]) -> bool:
        if self._scope is not None:
            return False
        scope = anyio.CancelScope()
        claim = self._headroom.speculate(scope.cancel)
        if claim is None:
            return False
        self._scope, self._claim, self._idle = scope, claim, anyio.Event()

        async def run() -> None:
            try:
                with scope:
                    await work()
            except DialogError:
                pass  # whoever asks the model for an answer will hear of it
            finally:
                claim.release()
                self._scope = None
                self._idle.set()

        self._tasks.start_soon(run)
        return True

    def stop(self) -> None:
        """Stop, because the model is wanted for an answer; its room is free at once."""
        if self._scope is not None and self._claim is not None:
            self._scope.cancel()
            self._claim.release()

    def stop_summing_up(self) -> None:
        """Stop, if that is what the model does: there is something to read."""
        if self._sums_up:
            self.stop()

    async def idle(self) -> None:
        """Return once the model has let go of what it was doing."""
        await self._idle.wait()
