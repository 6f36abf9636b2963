"""GrpcStream: gRPC's context as a stream of the contract."""

from typing import Any, NoReturn, Protocol

import anyio
from grpc.aio import EOF

from pipeline.core.clock import Clock

HALF_CLOSE = 0.1
"""Seconds after which a client's closed half is believed: of a connection that breaks, gRPC says the same first, and
cancels the call a moment later."""


class Context(Protocol):
    """What is used of gRPC's context. gRPC's own stubs give streaming handlers the wrong message types."""

    async def read(self) -> Any:
        """Return the next message, or EOF."""
        ...

    async def write(self, message: Any) -> None:
        """Send a message; waits while the client does not take it."""
        ...

    async def send_initial_metadata(self, initial_metadata: Any) -> None:
        """Send what comes before the first message."""
        ...

    async def abort_with_status(self, status: Any) -> NoReturn:
        """End the stream with a status. Raises to leave the handler."""
        ...


class GrpcStream:
    """One stream. A client that vanishes is not told by it: gRPC cancels whoever reads."""

    def __init__(self, context: Context, clock: Clock) -> None:
        """Stand before ``context``."""
        self._clock = clock
        self._context = context
        self.heard_at = clock.now()
        """When anything came from the client last."""
        self.hung_up = False
        """The client has closed its half."""
        self.write = context.write
        self.send_initial_metadata = context.send_initial_metadata

    async def read(self) -> Any:
        """Return the next message, or EOF once the client has closed its half."""
        message = await self._context.read()
        if message is EOF:
            await anyio.sleep(HALF_CLOSE)
            self.hung_up = True
        self.heard_at = self._clock.now()
        return message
