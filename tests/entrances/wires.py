"""Connections in memory that break."""

from collections.abc import Callable
from contextlib import suppress
from enum import Enum, auto
from typing import Any

import anyio
import anyio.lowlevel
from google.rpc import status_pb2
from grpc.aio import EOF, InternalError

from pipeline.core.clock import LoopClock
from pipeline.entrances.generated.voicepipe.v1.conversation_pb2 import ConverseRequest, ConverseResponse
from pipeline.entrances.reception import Reception
from pipeline.entrances.stream_call import StreamLostError


class Break(Enum):
    """How a connection breaks."""

    CANCELLED = auto()
    """As gRPC has it: whoever handles it is cancelled."""
    LOST = auto()
    """As a browser's: reading fails."""
    HALF_DEAD = auto()
    """The service notices nothing."""


class Wire:
    """A connection: the service's end is a Stream. Messages that are on their way when it breaks are lost."""

    def __init__(self, passes: Callable[[], None] = lambda: None) -> None:
        """Call ``passes`` before each message, in either direction."""
        self._clock = LoopClock()
        self._passes = passes
        self._to_service, self._from_client = anyio.create_memory_object_stream[ConverseRequest](1000)
        self._to_client, self.received = anyio.create_memory_object_stream[ConverseResponse](1000)
        self.scope = anyio.CancelScope()
        """Enter it around the handler."""
        self.broken: Break | None = None
        self.heard_at = self._clock.now()
        self.hung_up = False
        self.status: status_pb2.Status | None = None
        self.over = anyio.Event()

    def break_off(self, how: Break) -> None:
        """Let nothing through any more."""
        if self.broken is not None:
            return
        self.broken = how
        self._to_client.close()
        match how:
            case Break.CANCELLED:
                self.scope.cancel()
            case Break.LOST:
                self._to_service.close()
            case Break.HALF_DEAD:
                pass

    async def handle(self, reception: Reception) -> None:
        """Be the service."""
        try:
            with self.scope:
                self.status = await reception.converse(self)
        finally:
            self.over.set()
            for stream in (self._to_service, self._from_client, self._to_client):
                stream.close()

    # The client's end

    async def send(self, request: ConverseRequest) -> None:
        """Send a message; one more that gets lost does no harm."""
        if self.broken is None:
            self._passes()
        if self.broken is None and not self.over.is_set():
            with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
                await self._to_service.send(request)

    def hang_up(self) -> None:
        """Close the client's half."""
        self._to_service.close()

    # The service's end

    async def read(self) -> Any:
        try:
            request = await self._from_client.receive()
        except (anyio.EndOfStream, anyio.ClosedResourceError) as error:
            if self.broken is not None:
                raise StreamLostError from error
            self.hung_up = True
            return EOF
        if self.broken is not None:
            await anyio.sleep_forever() if self.broken is Break.HALF_DEAD else None
            raise StreamLostError
        self.heard_at = self._clock.now()
        return request

    async def write(self, message: Any) -> None:
        if self.broken is None:
            self._passes()
        if self.broken is Break.HALF_DEAD:
            await anyio.lowlevel.checkpoint()
            return
        if self.broken is not None:
            raise InternalError("gone")
        try:
            await self._to_client.send(message)
        except (anyio.BrokenResourceError, anyio.ClosedResourceError) as error:
            raise InternalError("gone") from error

    async def send_initial_metadata(self, initial_metadata: Any) -> None:
        await anyio.lowlevel.checkpoint()


def lost(wire: Wire, how: Break = Break.CANCELLED) -> None:
    """Break a connection off, and forget what came over it."""
    wire.break_off(how)
    wire.received.close()
