"""SoundChannel: from an entrance to hearing. Bounded by duration; the oldest sound goes when it is full."""

from collections import deque
from collections.abc import Callable
from math import inf

import anyio

from pipeline.core.pcm import MicFrame


class SoundChannel:
    """Sound that has arrived and has not been heard yet. ``put`` never blocks.

    A memory stream bounds the number of items, but chunks are 10 to 200 ms long; so its own bound is off, and this
    one counts seconds.
    """

    def __init__(self, capacity: float, longest: float, dropped: Callable[[], None]) -> None:
        """Hold ``capacity`` seconds; ``dropped`` is called for each frame that is thrown away.

        A frame counts at most ``longest`` seconds: a filled gap costs memory, not the sound before it.
        """
        self._capacity = capacity
        self._spare = 0.0
        """Seconds beside the capacity."""
        self._owed = 0.0
        """Seconds of sound that may still come in a burst."""
        self._longest = longest
        self._dropped = dropped
        self._send, self.receive = anyio.create_memory_object_stream[MicFrame](inf)
        self._drain = self.receive.clone()
        self._weights: deque[float] = deque()
        """Of the frames in the stream, and perhaps of some that have been received since the last ``put``."""

    def put(self, frame: MicFrame) -> None:
        """Add sound, and drop the oldest where it does not fit."""
        self._send.send_nowait(frame)
        weight = min(frame.pcm.duration, self._longest)
        self._weights.append(weight)
        self._owed -= weight
        waiting = self._send.statistics().current_buffer_used
        if self._owed <= 0 and not waiting:
            self._spare = 0.0
        while len(self._weights) > waiting:
            self._weights.popleft()
        while len(self._weights) > 1 and sum(self._weights) > self._capacity + self._spare:
            self._drain.receive_nowait()
            self._weights.popleft()
            self._dropped()

    def make_room(self, seconds: float) -> None:
        """Hold so much more, once: a client that was away may send in a burst what it could not send before."""
        self._spare = self._owed = seconds

    def end(self) -> None:
        """Let the stream end behind what is queued."""
        self._send.close()

    def close(self) -> None:
        """Give up the channel and what is queued."""
        for stream in (self._send, self.receive, self._drain):
            stream.close()
