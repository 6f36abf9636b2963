"""Playout: sends frames at the pace of listening, so that little is out of reach when the caller barges in."""

from collections.abc import Awaitable, Callable, Sequence

import anyio
from anyio.abc import ObjectReceiveStream

from pipeline.core.clock import Clock
from pipeline.core.pcm import Pcm
from pipeline.speaking.playhead import Playhead

Send = Callable[[Pcm, bool], Awaitable[None]]
"""Hands a frame to the client's line, with whether it is the reply's last."""


class Playout:
    """Paces one reply."""

    def __init__(self, playhead: Playhead, clock: Clock, *, lead: float | None, send: Send) -> None:
        """Send a frame once at most ``lead`` seconds are left to play; None sends as fast as the client takes it."""
        self._playhead = playhead
        self._clock = clock
        self._lead = lead
        self._send = send
        self._turn_taking = anyio.Lock()
        self._begun = False

    async def run(self, frames: ObjectReceiveStream[Pcm], rate: int) -> None:
        """Send all frames in order, then an empty one that is marked as the last."""
        async for frame in frames:
            async with self._turn_taking:
                self._begun = True
                await self._leave(frame, self._send)
            self._playhead.frame_sent(frame.samples, self._clock.now())
        await self._send(Pcm(b"", rate, self._playhead.sent), True)

    async def fill(self, frames: Sequence[Pcm], send: Send) -> None:
        """Send a filler by ``send`` unless the reply has begun; the reply's own frames wait until it is over."""
        async with self._turn_taking:
            if self._begun:
                return
            for frame in frames:
                await self._leave(frame, send)
                self._playhead.filler_sent(frame.samples, self._clock.now())

    async def _leave(self, frame: Pcm, send: Send) -> None:
        """Send a frame when its time has come, at its place behind all that has left."""
        dry_at = self._playhead.dry_at
        if self._lead is not None and dry_at is not None:
            await anyio.sleep(max(0.0, dry_at - self._lead - self._clock.now()))
        await send(Pcm(frame.data, frame.rate, self._playhead.sent), False)
