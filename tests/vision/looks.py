"""A vision stage that looks at nothing: a script says what it reads, and when."""

import anyio
import anyio.lowlevel

from pipeline.core.errors import VisionError
from pipeline.settings import VisionSettings
from pipeline.vision.stage import Vision


class FakeDescriber:
    """Reads the scripted notes in order, each after its delay in seconds; the last is repeated. An error is raised."""

    def __init__(self, *script: tuple[float, str | VisionError], follows_wishes: bool = False) -> None:
        self._script = list(script)
        self._follows = follows_wishes
        self.wanted: list[str] = []
        self.at_once = self.most_at_once = 0
        self.closed = False

    @property
    def follows_wishes(self) -> bool:
        return self._follows

    async def prepare(self) -> None:
        await anyio.lowlevel.checkpoint()

    async def describe(self, picture: bytes, wanted: str) -> str:
        delay, note = self._script.pop(0) if len(self._script) > 1 else self._script[0]
        self.wanted.append(wanted)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await anyio.sleep(delay)
        finally:
            self.at_once -= 1
        if isinstance(note, VisionError):
            raise note
        return note

    async def close(self) -> None:
        self.closed = True


class FakeVision(Vision):
    """Takes anything for a picture, and starts no process: for calls on virtual time."""

    async def scrubbed(self, data: bytes) -> bytes:
        await anyio.lowlevel.checkpoint()
        return data


def fake_vision(
    *script: tuple[float, str | VisionError], follows_wishes: bool = False, **settings: object
) -> FakeVision:
    """Return a stage that reads what the script says."""
    wanted = VisionSettings.model_validate(settings)
    return FakeVision(wanted, FakeDescriber(*script, follows_wishes=follows_wishes))
