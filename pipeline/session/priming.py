"""Priming: the model reads what is known of a turn while the caller still speaks, so that its answer begins sooner."""

from collections.abc import AsyncGenerator, Sequence

import anyio
from anyio.abc import TaskGroup

from pipeline.core.errors import DialogError
from pipeline.core.stages import ChatDelta, Message
from pipeline.dialog.desk import CallMemory
from pipeline.dialog.responder import Responder
from pipeline.session.headroom import Claim, Headroom


class Priming:
    """The priming of one call: one reading at a time, and only where nobody else needs the model."""

    def __init__(self, responder: Responder, headroom: Headroom, memory: CallMemory) -> None:
        """Read nothing before ``open``; what the model may ask for in a call stands in what it reads."""
        self._responder = responder
        self._memory = memory
        self._headroom = headroom
        self._scope: anyio.CancelScope | None = None
        self._claim: Claim | None = None
        self._idle = anyio.Event()
        self._idle.set()
        self._read: list[Message] | None = None
        self._tasks: TaskGroup

    def open(self, tasks: TaskGroup) -> None:
        """Read in ``tasks``."""
        self._tasks = tasks

    def begin(self, messages: Sequence[Message]) -> None:
        """Let the model read ``messages``, unless it reads something, has read them, or is wanted elsewhere."""
        if self._scope is not None or list(messages) == self._read:
            return
        scope = anyio.CancelScope()
        claim = self._headroom.speculate(scope.cancel)
        if claim is None:
            return
        self._scope, self._claim, self._idle, self._read = scope, claim, anyio.Event(), list(messages)

        async def read() -> None:
            try:
                with scope:
                    await self._responder.warm(messages, self._memory)
            except DialogError:
                pass  # whoever asks the model for an answer will hear of it
            finally:
                claim.release()
                self._scope = None
                self._idle.set()

        self._tasks.start_soon(read)

    def stop(self) -> None:
        """Stop reading, because the model is wanted for an answer; its room is free at once."""
        if self._scope is not None and self._claim is not None:
            self._scope.cancel()
            self._claim.release()

    async def over(self, source: AsyncGenerator[ChatDelta, None]) -> AsyncGenerator[ChatDelta, None]:
        """Yield what ``source`` does, once the model has let go of what it was reading."""
        await self._idle.wait()
        try:
            async for delta in source:
                yield delta
        finally:
            await source.aclose()
