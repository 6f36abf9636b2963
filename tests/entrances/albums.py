"""A call that takes pictures, for the tests of the ways in: what it makes of them is scripted, what they are is not."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio

from pipeline.core.clock import LoopClock
from pipeline.core.errors import VisionError
from pipeline.core.events import CallEvent, PictureNoted, PictureShown, PictureState
from pipeline.session.pictures import Pictures
from pipeline.settings import VisionSettings
from pipeline.vision.stage import Vision
from tests.vision.looks import FakeDescriber

EXPIRES = 1_800_000_000.0
CALL = "call-1"


@dataclass
class Album:
    """One call's pictures, and what it was told of them."""

    describer: FakeDescriber
    pictures: Pictures
    told: list[CallEvent] = field(default_factory=list)
    shown: list[PictureShown] = field(default_factory=list)
    changed: anyio.Event = field(default_factory=anyio.Event)

    async def tell(self, event: CallEvent) -> None:
        self.told.append(event)
        self.changed.set()
        self.changed = anyio.Event()

    async def post(self, shown: PictureShown) -> None:
        self.shown.append(shown)

    async def until(self, state: PictureState, count: int = 1) -> None:
        """Wait until so many pictures are that far."""
        while sum(isinstance(one, PictureNoted) and one.state is state for one in self.told) < count:
            await self.changed.wait()


@asynccontextmanager
async def album(*script: tuple[float, str | VisionError], **settings: object) -> AsyncIterator[Album]:
    """Open a call's pictures; they are decoded for real."""
    describer = FakeDescriber(*(script or ((0.0, "TOTAL 7.70"),)))
    vision = Vision(VisionSettings.model_validate(settings), describer)
    opened = Album(describer, Pictures(vision, LoopClock(), EXPIRES))
    async with anyio.create_task_group() as tasks:
        opened.pictures.open(tasks, tell=opened.tell, looked=lambda note: None, post=opened.post)
        yield opened
        opened.pictures.close()
        tasks.cancel_scope.cancel()
