"""ReplyTrack: the loudspeaker's end of a call. Replies leave it at the pace of the clock, with silence between them."""

from collections import deque
from fractions import Fraction

import anyio
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError
from av import AudioFrame

from pipeline.core.clock import Clock
from pipeline.core.pcm import SAMPLE_BYTES

RATE = 48_000
"""Hertz. Opus always runs at it (RFC 7587)."""
FRAME = 0.02
"""Seconds of a packet."""
FRAME_BYTES = round(FRAME * RATE) * SAMPLE_BYTES
LATE = 0.1
"""Seconds behind its clock from which on the track gives up catching up: a burst of packets would only fill the
browser's buffer, and all of the call would be that much later."""
DEPTH = 2 * FRAME_BYTES
"""Bytes that wait here at most before ``play`` does. What waits can be thrown away at once, but it is also late."""


class ReplyTrack(MediaStreamTrack):
    """One call's outgoing sound. ``recv`` is aiortc's side."""

    kind = "audio"

    def __init__(self, clock: Clock) -> None:
        """Begin silent; the pace is set by the first ``recv``."""
        super().__init__()
        self._clock = clock
        self._queued: deque[tuple[int, bytes]] = deque()
        """Sound of each reply, in order."""
        self._bytes = 0
        self._room = anyio.Event()
        self._next_at: float | None = None
        self._sent = 0
        """Frames."""

    async def play(self, reply: int, samples: bytes) -> None:
        """Queue sound of a reply, 16-bit mono at ``RATE``; waits while enough is queued."""
        while self._bytes >= DEPTH and self.readyState == "live":
            await self._room.wait()
        self._queued.append((reply, samples))
        self._bytes += len(samples)

    def clear(self, reply: int) -> None:
        """Throw away what is queued of a reply and of those before it."""
        self._queued = deque((one, samples) for one, samples in self._queued if one > reply)
        self._counted()

    def stop(self) -> None:
        """End the track; whoever waits for room goes on."""
        super().stop()
        self._counted()

    async def recv(self) -> AudioFrame:
        """Return the next 20 ms when their time has come. Raises MediaStreamError once the track was stopped."""
        if self.readyState != "live":
            raise MediaStreamError
        now = self._clock.now()
        if self._next_at is None or now - self._next_at > LATE:
            self._next_at = now
        await anyio.sleep(max(0.0, self._next_at - now))
        self._next_at += FRAME
        frame = AudioFrame(format="s16", layout="mono", samples=FRAME_BYTES // SAMPLE_BYTES)
        frame.planes[0].update(self._frame())
        frame.sample_rate = RATE
        frame.pts = self._sent * (FRAME_BYTES // SAMPLE_BYTES)
        frame.time_base = Fraction(1, RATE)
        self._sent += 1
        return frame

    def _frame(self) -> bytes:
        """Return the bytes of the next frame, filled up with silence."""
        parts: list[bytes] = []
        missing = FRAME_BYTES
        while missing and self._queued:
            reply, samples = self._queued.popleft()
            if len(samples) > missing:
                self._queued.appendleft((reply, samples[missing:]))
                samples = samples[:missing]
            parts.append(samples)
            missing -= len(samples)
        self._counted()
        return b"".join(parts).ljust(FRAME_BYTES, b"\0")

    def _counted(self) -> None:
        self._bytes = sum(len(samples) for _, samples in self._queued)
        self._room.set()
        self._room = anyio.Event()
