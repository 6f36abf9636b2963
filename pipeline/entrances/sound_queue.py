"""SoundQueue: the channel from an entrance to hearing. Bounded by duration; the oldest sound goes when it is full."""

from collections import deque
from collections.abc import Callable

import anyio
import anyio.lowlevel
from anyio.abc import ObjectReceiveStream

from pipeline.core.pcm import MicFrame


class SoundQueue(ObjectReceiveStream[MicFrame]):
    """Sound that has arrived and has not been heard yet, for one reader.

    A memory stream cannot do this: it counts items, and chunks are 10 to 200 ms long; and it refuses the newest.
    """

    def __init__(self, capacity: float, longest: float, dropped: Callable[[float], None]) -> None:
        """Hold ``capacity`` seconds; ``dropped`` is told how much sound, in seconds, was thrown away.

        A frame counts at most ``longest`` seconds: a filled gap costs memory, not the sound before it.
        """
        self._capacity = capacity
        self._longest = longest
        self._dropped = dropped
        self._frames: deque[MicFrame] = deque()
        self._queued = 0.0
        self._ended = False
        self._closed = False
        self._changed = anyio.Event()

    def put(self, frame: MicFrame) -> None:
        """Add sound; never blocks. Ignored once nobody reads."""
        if self._closed:
            return
        self._frames.append(frame)
        self._queued += self._weight(frame)
        while self._queued > self._capacity and len(self._frames) > 1:
            self._dropped(self._take().pcm.duration)
        self._changed.set()

    def end(self) -> None:
        """Let the stream end behind what is queued."""
        self._ended = True
        self._changed.set()

    async def receive(self) -> MicFrame:
        """Return the oldest sound. Raises EndOfStream behind the last, ClosedResourceError after ``aclose``."""
        await anyio.lowlevel.checkpoint()
        while not self._frames and not self._closed:
            if self._ended:
                raise anyio.EndOfStream
            self._changed = anyio.Event()
            await self._changed.wait()
        if self._closed:
            raise anyio.ClosedResourceError
        return self._take()

    async def aclose(self) -> None:
        """Stop reading and forget what is queued."""
        self._closed = True
        self._frames.clear()
        self._changed.set()
        await anyio.lowlevel.checkpoint()

    def _take(self) -> MicFrame:
        frame = self._frames.popleft()
        self._queued = self._queued - self._weight(frame) if self._frames else 0.0
        return frame

    def _weight(self, frame: MicFrame) -> float:
        return min(frame.pcm.duration, self._longest)
