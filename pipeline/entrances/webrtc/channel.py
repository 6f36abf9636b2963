"""Channel: the data channel of a call: text both ways, and heartbeats that need no reader."""

from collections.abc import Callable, Sequence
from contextlib import suppress

import anyio
from aiortc import RTCDataChannel

BUFFERED = 64 * 1024
"""Bytes on the way to a browser from which on the next message waits: half a minute of captions."""


class Channel:
    """One open channel."""

    def __init__(
        self, channel: RTCDataChannel, take: Callable[[str | bytes], None], closed: Callable[[], None]
    ) -> None:
        """Hand on what arrives to ``take``, heartbeats ("") included, and tell of its end."""
        self._channel = channel
        self._take = take
        self._tell_closed = closed
        self._drained = anyio.Event()
        channel.bufferedAmountLowThreshold = BUFFERED // 2
        channel.on("message", self._arrived)
        channel.on("close", self.close)
        channel.on("bufferedamountlow", self._flows)

    async def send(self, text: str) -> None:
        """Send a message; waits while much is on the way. Raises BrokenResourceError once the channel is closed."""
        while self._channel.bufferedAmount > BUFFERED and self._is_open:
            self._drained = anyio.Event()
            await self._drained.wait()
        if not self._is_open:
            raise anyio.BrokenResourceError
        self._channel.send(text)

    async def farewell(self, texts: Sequence[str]) -> None:
        """Send the last messages, and return once all has left, or the browser."""
        with suppress(anyio.BrokenResourceError):
            for text in texts:
                await self.send(text)
            self._channel.bufferedAmountLowThreshold = 0
            self._drained = anyio.Event()
            if self._channel.bufferedAmount and self._is_open:
                await self._drained.wait()

    def close(self) -> None:
        """Take note that it is over; nobody waits any more."""
        self._flows()
        self._tell_closed()

    @property
    def _is_open(self) -> bool:
        return bool(self._channel.readyState == "open")

    def _arrived(self, message: str | bytes) -> None:
        if not message and self._is_open:
            self._channel.send("")
        self._take(message)

    def _flows(self) -> None:
        self._drained.set()
