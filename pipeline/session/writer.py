"""Writer: what the model writes becomes the clauses of one reply."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress

import anyio
from anyio.abc import ObjectSendStream

from pipeline.core.errors import DialogError, PipelineError
from pipeline.core.events import Clause
from pipeline.core.stages import ChatDelta, Usage
from pipeline.speaking.script import Lines, Script


class Writer:
    """Writes one reply."""

    def __init__(
        self,
        script: Script,
        fallback: str,
        *,
        written: Callable[[str], Awaitable[None]],
        cut: Callable[[int, Lines], Awaitable[Clause]],
        failed: Callable[[PipelineError], Awaitable[None]],
        repeatable: Callable[[], None],
    ) -> None:
        """Say ``fallback`` when the model fails before it wrote anything; tell what happens by the others."""
        self._fallback = fallback
        self._script = script
        self._tell_written = written
        self._tell_cut = cut
        self._failed = failed
        self._repeatable = repeatable
        self._written: list[str] = []
        self._clauses = 0
        self.usage = Usage()
        self.fell_back = False
        """The fallback was said in place of an answer."""
        self.patience = anyio.CancelScope()
        """Cancel it to give the model up while it has not written anything."""

    @property
    def text(self) -> str:
        """Return all that was written so far."""
        return "".join(self._written)

    async def run(self, source: AsyncGenerator[ChatDelta, None], clauses: ObjectSendStream[Clause]) -> None:
        """Cut deltas into clauses, and close ``clauses`` at the end."""
        # A broken stream: the voice has failed, and nobody takes clauses any more.
        with suppress(anyio.BrokenResourceError):
            async with clauses:
                await self._write(source, clauses)

    async def _write(self, source: AsyncGenerator[ChatDelta, None], clauses: ObjectSendStream[Clause]) -> None:
        try:
            await self._pass_on(await self._begun(source), clauses)
            async for delta in source:
                self._noticed(delta)
                await self._pass_on(delta.text, clauses)
        except DialogError as error:
            await self._failed(error)
        await self._hand_on(self._script.flush(), clauses)
        if not self._clauses and self._fallback:
            self.fell_back = True
            self._written.append(self._fallback)
            await self._tell_written(self._fallback)
            await self._hand_on([*self._script.feed(self._fallback), *self._script.flush()], clauses)

    async def _begun(self, source: AsyncGenerator[ChatDelta, None]) -> str:
        """Return the first text, empty when there is none. Raises DialogError ``over-budget`` when it is given up."""
        with self.patience:
            async for delta in source:
                self._noticed(delta)
                return delta.text
        if self.patience.cancelled_caught:
            raise DialogError("over-budget", "the model took too long to begin", retryable=True)
        return ""

    def _noticed(self, delta: ChatDelta) -> None:
        if delta.usage is not None:
            self.usage = delta.usage
        elif delta.author is not None and not self.usage.model:
            self.usage = Usage(model=delta.author.model, digest=delta.author.digest)
        if delta.repeatable:
            self._repeatable()

    async def _pass_on(self, text: str, clauses: ObjectSendStream[Clause]) -> None:
        """Report new text, hand on its clauses."""
        if text:
            self._written.append(text)
            await self._tell_written(text)
            await self._hand_on(self._script.feed(text), clauses)

    async def _hand_on(self, cut: list[Lines], clauses: ObjectSendStream[Clause]) -> None:
        for clause in cut:
            await clauses.send(await self._tell_cut(self._clauses, clause))
            self._clauses += 1
