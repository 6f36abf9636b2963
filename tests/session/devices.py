"""A call on virtual time, and a device beside it that sends pictures."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import anyio

from pipeline.core.clock import LoopClock
from pipeline.core.events import PictureNoted, PictureShown, PictureState, TextTyped
from pipeline.session.pictures import Kept, Pictures
from tests.fakes import FakeLine, FakeModel
from tests.pictures import png
from tests.session.calls import ANSWER, place
from tests.session.typists import made_for
from tests.virtual_time import pass_time
from tests.vision.looks import FakeVision


async def pieces(data: bytes) -> AsyncIterator[bytes]:
    yield data


@dataclass
class Device:
    """A call, and a device that sends pictures for it."""

    vision: FakeVision | None
    talk: list[tuple[float, float]] = field(default_factory=list)
    duration: float = 20.0
    kept: list[Kept] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.line = FakeLine(self.talk, self.duration)
        self.pictures = Pictures(self.vision, LoopClock(), 1_000_000.0)
        self.made = made_for(self.line, model=FakeModel(ANSWER), pictures=self.pictures)

    async def sends(self, data: bytes | None = None, *, shows: bool = True, wanted: str = "") -> Kept:
        kept = await self.pictures.take(pieces(png() if data is None else data))
        self.kept.append(kept)
        if shows:
            self.shows(kept.media, wanted)
        return kept

    def shows(self, media: str, wanted: str = "") -> None:
        self.line.order(PictureShown(media=media, wanted=wanted, refers_to=7))

    def types(self, text: str) -> None:
        self.line.order(TextTyped(text=text, language="en"))

    async def during(self, script: Callable[[], Awaitable[None]]) -> None:
        """Run the call with what the script does beside it, from 0.5 s on."""

        async def run() -> None:
            await pass_time(0.5)
            await script()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(run)
            await place(self.made)
            tasks.cancel_scope.cancel()

    @property
    def asked(self) -> list[str]:
        """What the model was asked last of all in each answer."""
        return [messages[-1].text for messages in self.made.model.asked]

    def told(self, state: PictureState) -> list[PictureNoted]:
        noted = self.line.of(PictureNoted)
        return [event for event in noted if isinstance(event, PictureNoted) and event.state is state]
