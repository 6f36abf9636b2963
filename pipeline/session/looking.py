"""Looking: answers that wait for a picture, and what is noted of an answer that is the first to know one."""

from collections.abc import AsyncGenerator, Callable, Sequence

from pipeline.core.stages import ChatDelta, Message
from pipeline.dialog.memory import Memory
from pipeline.session.ledger import Ledger
from pipeline.session.pictures import Pictures
from pipeline.session.reply import Reply

Answer = Callable[[Sequence[Message]], AsyncGenerator[ChatDelta, None]]
"""Begins an answer to what is asked."""


class Looking:
    """What the pictures of one call have to do with its answers."""

    def __init__(self, pictures: Pictures, memory: Memory, ledger: Ledger) -> None:
        """Look after this call's pictures."""
        self._pictures = pictures
        self._memory = memory
        self._ledger = ledger

    @property
    def pending(self) -> bool:
        """Return whether an answer would have to wait."""
        return self._pictures.pending

    def before(
        self, reply: Reply, asked: Sequence[Message], answer: Answer, filler: str
    ) -> AsyncGenerator[ChatDelta, None]:
        """Return an answer; one that has to wait for a picture keeps the caller company with ``filler``."""
        return self._informed(reply, asked, answer, filler) if self.pending else answer(asked)

    def note(self, reply: Reply) -> None:
        """Write down what an answer is the first to know of pictures."""
        seen = self._pictures.seen()
        if seen is not None:
            note, took = seen
            reply.timeline.looked(took)
            self._ledger.saw(reply.turn, note)

    async def _informed(
        self, reply: Reply, asked: Sequence[Message], answer: Answer, filler: str
    ) -> AsyncGenerator[ChatDelta, None]:
        """Yield an answer that begins once the caller's pictures were looked at, or when they take too long."""
        await reply.company.aside(filler)
        in_time = await self._pictures.settled()
        source = answer(self._memory.with_pictures(asked, late=not in_time))
        self.note(reply)
        try:
            async for delta in source:
                yield delta
        finally:
            await source.aclose()
