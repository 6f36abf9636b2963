"""StreamCall: one open stream of a live call. Reads and writes in one task group, and says how it ended."""

from typing import Any, Protocol

import anyio
from google.protobuf.message import DecodeError
from google.rpc import status_pb2
from grpc.aio import EOF, InternalError

from pipeline.core.errors import EntranceError
from pipeline.entrances.live_call import LiveCall
from pipeline.entrances.statuses import status_of
from pipeline.entrances.switchboard import CutOff
from pipeline.entrances.visits import Visit
from pipeline.entrances.wire_resume import write_missing, write_resumption
from pipeline.entrances.wire_terms import write_started

FAREWELL = 0.5
"""Seconds for the client to close its half once it has read Ended. A stream closed under a client's write may show it
another status: grpc.aio 1.7x puts INTERNAL in place of the one that was sent."""
UNREADABLE = EntranceError("unknown-message", "the bytes are no ConverseRequest", field="event")
"""A message that is no message."""


class StreamLostError(Exception):
    """The connection broke."""


class Stream(Protocol):
    """A client's messages, both ways: a stream of gRPC, and a browser's data channel and track."""

    @property
    def heard_at(self) -> float:
        """Return when anything came from the client last."""
        ...

    @property
    def hung_up(self) -> bool:
        """Return whether the client has ended the call on purpose, other than by a message."""
        ...

    async def read(self) -> Any:
        """Return the next message, or EOF once the client has closed its half. Raises StreamLostError."""
        ...

    async def write(self, message: Any) -> None:
        """Send a message; waits while the client does not take it. Raises InternalError when it is gone."""
        ...

    async def send_initial_metadata(self, initial_metadata: Any) -> None:
        """Send what comes before the first message."""
        ...


class StreamCall:
    """One stream from Started to Ended, or to where it breaks."""

    def __init__(self, stream: Stream, call: LiveCall, visit: Visit, *, write_timeout: float, version: str) -> None:
        """Join them; a client that takes no message for ``write_timeout`` seconds is given up."""
        self._stream = stream
        self._call = call
        self._visit = visit
        self._write_timeout = write_timeout
        self._version = version
        self._written = False
        """All was sent."""
        self._finished = anyio.Event()
        """The client has closed its half."""

    @property
    def stalled(self) -> bool:
        """Return whether the client was given up because it took no message."""
        return self._visit.cut is CutOff.STALLED

    async def run(self) -> status_pb2.Status:
        """Hold the call over the stream and return its status; Ended has been sent, unless the client was given up.

        Cancelling it means that the client has vanished: the call waits for it, or is hung up. Raises EntranceError
        ``unknown-token`` when the call is over already.
        """
        visit = self._visit
        try:
            await self._call.visits.turn_to(visit)
            if not visit.replaced and await self._greet():
                await self._exchange()
        finally:
            self._leave()
            visit.gone.set()
        if visit.replaced:
            return status_of(EntranceError("resumed-elsewhere", "another stream resumed the call"))
        if self.stalled:
            message = f"the client took no message for {self._write_timeout:g} s"
            return status_of(EntranceError("client-stalled", message))
        return self._call.status

    async def _greet(self) -> bool:
        """Say that the call is open, and from where it goes on; return whether the client was there."""
        visit, call = self._visit, self._call
        greeting = [write_started(visit.start, call.terms, self._version, visit.token)]
        if visit.resumption is not None:
            greeting.append(write_resumption(visit.token, call.line.consumed))
        if visit.missing:
            greeting.append(write_missing(visit.missing))
        try:
            await self._stream.send_initial_metadata((("x-conversation-id", visit.start.conversation),))
            for message in greeting:
                with anyio.fail_after(self._write_timeout):
                    await self._stream.write(message)
        except TimeoutError:
            visit.cut = CutOff.STALLED
            return False
        except InternalError:
            return False
        call.begin()
        return True

    async def _exchange(self) -> None:
        """Read and write until the stream has no more to do."""
        async with anyio.create_task_group() as tasks:
            try:
                tasks.start_soon(self._write)
                tasks.start_soon(self._read)
                await self._visit.over.wait()
                if self._written:
                    with anyio.move_on_after(FAREWELL):
                        await self._finished.wait()
            finally:
                self._leave()
                tasks.cancel_scope.cancel()

    def _leave(self) -> None:
        """Let the call know that the stream is over, before what still waits for the call is waited for."""
        self._visit.heard_at = self._stream.heard_at
        self._visit.final = self._visit.final or self._stream.hung_up
        self._call.visits.leave(self._visit)

    async def _read(self) -> None:
        line = self._call.line
        settled = False
        while True:
            try:
                request = await self._stream.read()
            except DecodeError:
                await line.complain(UNREADABLE)
                continue
            except StreamLostError:
                self._visit.over.set()
                return
            if not settled:
                settled = True
                self._call.settle()
            if request is EOF:
                break
            if not self._visit.over.is_set():  # what comes after Ended is read only to be out of the way
                await line.receive(request)
        self._visit.final = True
        self._finished.set()
        await line.finish()

    async def _write(self) -> None:
        try:
            while (message := await self._call.line.next()) is not None:
                with anyio.fail_after(self._write_timeout):
                    await self._stream.write(message)
            self._written = True
        except TimeoutError:
            self._visit.cut = CutOff.STALLED
        except InternalError:  # the client has vanished; gRPC is about to cancel us
            pass
        finally:
            self._visit.over.set()
