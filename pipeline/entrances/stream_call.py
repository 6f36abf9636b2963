"""StreamCall: one call between an open stream and a prepared call. Reads, conducts and writes in one task group."""

from typing import Any, Protocol

import anyio
from google.protobuf.message import DecodeError
from google.rpc import status_pb2
from grpc.aio import EOF, InternalError

from pipeline.core.clock import Clock
from pipeline.core.errors import EntranceError, PipelineError
from pipeline.core.events import CallEnd, CallEnded
from pipeline.entrances.live_calls import Seat
from pipeline.entrances.statuses import INTERNAL, status_of, status_of_end
from pipeline.entrances.switchboard import CutOff, PreparedCall
from pipeline.entrances.wire_line import WireLine
from pipeline.observe import Log

FAREWELL = 0.5
"""Seconds for the client to close its half once it has read Ended. A stream closed under a client's write may show it
another status: grpc.aio 1.7x puts INTERNAL in place of the one that was sent."""
UNREADABLE = EntranceError("unknown-message", "the bytes are no ConverseRequest", field="event")
"""A message that is no message."""


class Stream(Protocol):
    """A client's messages, both ways: what gRPC's context has, and a browser's data channel.

    gRPC's own stubs give streaming handlers the wrong message types.
    """

    async def read(self) -> Any:
        """Return the next message, or EOF once the client has closed its half."""
        ...

    async def write(self, message: Any) -> None:
        """Send a message; waits while the client does not take it."""
        ...

    async def send_initial_metadata(self, initial_metadata: Any) -> None:
        """Send what comes before the first message."""
        ...


class StreamCall:
    """One call from Started to Ended."""

    def __init__(
        self,
        context: Stream,
        line: WireLine,
        call: PreparedCall,
        seat: Seat,
        *,
        clock: Clock,
        write_timeout: float,
        log: Log,
    ) -> None:
        """Join them; a client that takes no message for ``write_timeout`` seconds is given up."""
        self._context = context
        self._line = line
        self._call = call
        self._seat = seat
        self._clock = clock
        self._write_timeout = write_timeout
        self._log = log
        self._written = anyio.Event()
        self._finished = anyio.Event()
        """The client has closed its half."""
        self.stalled = False
        """The client was given up because it took no message."""
        self._vanished = False

    async def run(self) -> status_pb2.Status:
        """Conduct the call and return the stream's status; Ended has been sent, unless the client was given up.

        Cancelling it (the client has vanished) hangs up and leaves nothing running.
        """
        began_at = self._clock.now()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._write)
            tasks.start_soon(self._read)
            self._seat.warn = self._line.warn
            reason, status = await self._conduct()
            if not (self.stalled or self._vanished or self._line.ended):
                now = self._clock.now()
                turn = self._line.turn
                await self._line.send(CallEnded(turn=turn, at=now, reason=reason, duration=now - began_at, turns=turn))
            self._line.close()
            await self._written.wait()
            if not (self.stalled or self._vanished):
                with anyio.move_on_after(FAREWELL):
                    await self._finished.wait()
            tasks.cancel_scope.cancel()
        if self.stalled:
            message = f"the client took no message for {self._write_timeout:g} s"
            return status_of(EntranceError("client-stalled", message))
        return status

    async def _conduct(self) -> tuple[CallEnd, status_pb2.Status]:
        """Return why the call ended, and what the stream's status is."""
        reason = CallEnd.DRAINING
        try:
            with self._seat.scope:
                reason = (await self._call.run(self._line, self._cut_off)).reason
        except PipelineError as error:
            self._log.warning("call failed", stage=error.stage, code=error.code, message=str(error))
            return CallEnd.FAILED, status_of(error)
        except Exception:  # noqa: BLE001 - the boundary of the session
            self._log.exception("call broke")
            return CallEnd.FAILED, INTERNAL
        return reason, status_of_end(reason)

    def _cut_off(self) -> CutOff:
        """Return why the call was cancelled."""
        if self.stalled:
            return CutOff.STALLED
        return CutOff.DRAINING if self._seat.hung_up else CutOff.VANISHED

    async def _read(self) -> None:
        while True:
            try:
                request = await self._context.read()
            except DecodeError:
                await self._line.complain(UNREADABLE)
                continue
            if request is EOF:
                break
            if not self._written.is_set():  # what comes after Ended is read only to be out of the way
                await self._line.receive(request)
        self._finished.set()
        await self._line.finish()

    async def _write(self) -> None:
        try:
            while (message := await self._line.next()) is not None:
                with anyio.fail_after(self._write_timeout):
                    await self._context.write(message)
        except TimeoutError:
            self.stalled = True
        except InternalError:  # the client has vanished; gRPC is about to cancel us
            self._vanished = True
        finally:
            if self.stalled or self._vanished:
                self._seat.scope.cancel()
            self._line.close()
            self._written.set()
