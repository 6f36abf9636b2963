"""Company: what a caller hears while an answer takes long, and when the wait for it ends."""

from collections.abc import Awaitable, Callable, Iterator

import anyio

from pipeline.core.clock import Clock
from pipeline.session.shape import ReplyShape

Say = Callable[[str], Awaitable[None]]
"""Says a filler, unless the answer has begun."""


class Company:
    """Keeps one caller company during one answer."""

    def __init__(self, shape: ReplyShape, clock: Clock, *, give_up: Callable[[], None]) -> None:
        """Call ``give_up`` when the answer should have begun."""
        self._shape = shape
        self._clock = clock
        self._give_up = give_up
        self.ready = anyio.Event()
        """Set it when the first sound of the answer is there."""
        self._say: Say | None = None
        self._aside_at: float | None = None
        self._early = ""
        """An aside from before anybody was kept company: what was agreed to is run at once."""

    async def keep(self, since: float, say: Say) -> None:
        """Keep company until the answer is ready; ``since`` is the end of the caller's speech."""
        self._say, early, self._early = say, self._early, ""
        await self.aside(early)
        for after, filler in sorted(self._steps()):
            with anyio.move_on_after(since + after - self._clock.now()):
                await self.ready.wait()
            if self.ready.is_set():
                return
            if filler:
                if self._aside_at is None or self._clock.now() - self._aside_at >= self._shape.ladder.filler_every:
                    await say(filler)
            else:
                self._give_up()

    def leave(self) -> None:
        """Say nothing until the caller is kept company again."""
        self._say = None

    async def aside(self, phrase: str) -> None:
        """Say a phrase now, if the answer is not ready; fillers wait after it as long as after one of them."""
        if self._say is None:
            self._early = phrase
        elif phrase and not self.ready.is_set():
            self._aside_at = self._clock.now()
            await self._say(phrase)

    def _steps(self) -> Iterator[tuple[float, str]]:
        """Yield the seconds after which something is done, and the filler that is said; empty for giving up."""
        ladder = self._shape.ladder
        if ladder.filler_after:
            for number, filler in enumerate(self._shape.phrases.fillers):
                yield ladder.filler_after + number * ladder.filler_every, filler
        if ladder.phrase_after:
            yield ladder.phrase_after, ""
