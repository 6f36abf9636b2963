"""Vision: takes pictures in and has them looked at, a bounded number at once over all calls."""

from collections.abc import AsyncIterable, Callable
from dataclasses import dataclass
from hashlib import sha256

import anyio

from pipeline.core.errors import VisionError
from pipeline.settings import VisionSettings
from pipeline.vision.children import scrubbed
from pipeline.vision.describer import Describer
from pipeline.vision.images import HEAD, checked, kind_of


@dataclass(frozen=True, slots=True)
class Arrived:
    """A picture as it came."""

    picture: bytes
    """Without what phones append."""
    sha256: bytes
    """Of all that arrived."""
    size: int
    """Bytes of all that arrived."""


class Vision:
    """The stage. Process-wide."""

    def __init__(self, settings: VisionSettings, describer: Describer) -> None:
        """Have pictures looked at by ``describer``."""
        self.settings = settings
        self._describer = describer
        self._scrubbing = anyio.CapacityLimiter(settings.workers)
        self._looking = anyio.CapacityLimiter(settings.workers)
        self._held = 0
        """Pictures that are on their way, or being worked on."""

    def enter(self) -> Callable[[], None]:
        """Hold room for one picture; return what gives it back, once.

        Raises VisionError ``too-many-pictures``.
        """
        if self._held >= self.settings.waiting:
            raise VisionError(
                "too-many-pictures", f"{self._held} pictures are being worked on: send it again soon", retryable=True
            )
        self._held += 1
        left = False

        def leave() -> None:
            nonlocal left
            self._held -= not left
            left = True

        return leave

    async def received(self, pieces: AsyncIterable[bytes]) -> Arrived:
        """Return a picture once it has arrived. What cannot be one is refused as soon as that shows.

        Raises VisionError: ``picture-too-large``, ``upload-timeout``, and what ``images.checked`` raises.
        """
        data, digest = bytearray(), sha256()
        try:
            with anyio.fail_after(self.settings.upload_timeout):
                async for piece in pieces:
                    data += piece
                    digest.update(piece)
                    if len(data) > self.settings.max_bytes:
                        raise too_large(self.settings.max_bytes)
                    if len(data) - len(piece) < HEAD <= len(data):
                        kind_of(bytes(data[:HEAD]))
        except TimeoutError as error:
            seconds = self.settings.upload_timeout
            raise VisionError("upload-timeout", f"the picture did not arrive within {seconds:g} s") from error
        return Arrived(checked(bytes(data), self.settings.pixels), digest.digest(), len(data))

    async def scrubbed(self, data: bytes) -> bytes:
        """Return a picture written anew, without metadata, upright and not too large. Raises VisionError."""
        async with self._scrubbing:
            return await scrubbed(data, self.settings.side, self.settings.pixels)

    async def described(self, picture: bytes, wanted: str) -> str:
        """Return what a scrubbed picture shows. Raises VisionError."""
        async with self._looking:
            try:
                with anyio.fail_after(self.settings.timeout):
                    return await self._describer.describe(picture, wanted)
            except TimeoutError as error:
                what = f"the picture was not read within {self.settings.timeout:g} s"
                raise VisionError("looking-timeout", what, retryable=True) from error
            except VisionError:
                raise
            except Exception as error:  # the boundary of the stage
                raise VisionError("looking-failed", f"the picture could not be read: {type(error).__name__}") from error

    async def prepare(self) -> None:
        """Get ready for a picture that is on its way."""
        await self._describer.prepare()

    @property
    def follows_wishes(self) -> bool:
        """Return whether it matters what is to be looked for."""
        return self._describer.follows_wishes

    async def close(self) -> None:
        """End what runs for it."""
        await self._describer.close()


def too_large(most: int) -> VisionError:
    """Return the error for a picture of more than ``most`` bytes."""
    return VisionError("picture-too-large", f"the picture is larger than {most} bytes")
