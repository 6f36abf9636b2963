"""Ocr: the describer that reads the text in pictures, in processes of its own. No model is in ours."""

import json
from contextlib import suppress

import anyio
from anyio.streams.buffered import BufferedByteReceiveStream

from pipeline.core.errors import VisionError
from pipeline.vision.children import Child, started
from pipeline.vision.framing import HEAD_BYTES, framed, length

LONGEST_ANSWER = 1 << 20
"""Bytes."""


class Ocr:
    """Reads with RapidOCR. A process is started when a picture is on its way, and ends when it rests for long."""

    def __init__(self, workers: int) -> None:
        """Start nothing yet; ``workers`` pictures may be read at once, each in a process of its own."""
        self._readers = [_Reader() for _ in range(workers)]
        self._free = list(self._readers)

    @property
    def follows_wishes(self) -> bool:
        """Return False: it reads all there is."""
        return False

    async def prepare(self) -> None:
        """Let a process load its models while the picture is still on its way."""
        if self._free:
            with suppress(VisionError):  # whoever asks for the text will hear of it
                await self._free[-1].start()

    async def describe(self, picture: bytes, wanted: str) -> str:
        """Return the text of a JPEG file, row by row. Raises VisionError ``looking-failed``."""
        reader = self._free.pop()
        try:
            return await reader.read(picture)
        finally:
            self._free.append(reader)

    async def close(self) -> None:
        """End the processes."""
        for reader in self._readers:
            await reader.end()


class _Reader:
    """One process, for one picture at a time."""

    def __init__(self) -> None:
        self._child: Child | None = None
        self._starting = anyio.Lock()

    async def start(self) -> Child:
        """Return the process, a new one where there is none."""
        async with self._starting:
            if self._child is not None and self._child.process.poll() is not None:
                await self.end()  # it went to rest
            if self._child is None:
                self._child = await started("reader")
            return self._child

    async def read(self, picture: bytes) -> str:
        """Return the text of a picture. A process that had gone to rest is replaced once."""
        for _ in range(2):
            child = await self.start()
            try:
                answer = json.loads(await _asked(child, picture))
            except (anyio.BrokenResourceError, anyio.ClosedResourceError, anyio.EndOfStream, anyio.IncompleteRead):
                await self.end()
                continue
            except ValueError as error:
                await self.end()
                raise VisionError("looking-failed", "the process that reads pictures talks nonsense") from error
            except BaseException:
                await self.end()  # its answer would come to the next one
                raise
            if "error" in answer:
                raise VisionError("looking-failed", f"the picture could not be read: {answer['error']}")
            return str(answer["text"])
        raise VisionError("looking-failed", "the process that reads pictures ended", retryable=True)

    async def end(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            await child.end()


async def _asked(child: Child, picture: bytes) -> bytes:
    await child.pipe.send(framed(picture))
    stream = BufferedByteReceiveStream(child.pipe)
    head = await stream.receive_exactly(HEAD_BYTES)
    return await stream.receive_exactly(min(length(head), LONGEST_ANSWER))
