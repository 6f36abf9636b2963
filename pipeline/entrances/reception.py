"""Reception: takes a call of any entrance, from its first message to its status."""

from dataclasses import dataclass, replace
from uuid import uuid4

import anyio
from google.protobuf.message import DecodeError
from google.rpc import status_pb2
from grpc.aio import EOF

from pipeline.core.clock import Clock
from pipeline.core.errors import EntranceError, PipelineError
from pipeline.entrances.live_calls import LiveCalls
from pipeline.entrances.statuses import INTERNAL, status_of
from pipeline.entrances.stream_call import UNREADABLE, Stream, StreamCall
from pipeline.entrances.switchboard import CallStart, Switchboard, Terms
from pipeline.entrances.wire_line import WireLine
from pipeline.entrances.wire_start import read_start
from pipeline.entrances.wire_terms import write_started
from pipeline.observe import Metrics, logger
from pipeline.settings import Channels, Server


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What all calls of an entrance stand on."""

    switchboard: Switchboard
    live: LiveCalls
    server: Server
    channels: Channels
    max_duration: float
    """Longest call, in seconds, as clients are told before a call."""
    image_bytes: int = 0
    """Largest picture, as they are told; 0 when pictures are not served."""
    metrics: Metrics
    clock: Clock
    version: str


class Reception:
    """Takes the calls of one entrance."""

    def __init__(self, ground: Ground, entrance: str) -> None:
        """Take what calls stand on; ``entrance`` names it in the log."""
        self._ground = ground
        self._log = logger(entrance)

    async def converse(self, stream: Stream) -> status_pb2.Status:
        """Conduct a call and return the status of its stream, whatever happens, except that the client vanishes.

        Cancelling means that it has vanished.
        """
        try:
            start = await self._first(stream)
            with self._ground.live.admit(start.conversation) as seat:
                call = await self._ground.switchboard.prepare(start)
                line = self._line(start, call.terms)
                try:
                    await stream.send_initial_metadata((("x-conversation-id", start.conversation),))
                    await stream.write(write_started(start, call.terms, self._ground.version))
                    live = StreamCall(
                        stream,
                        line,
                        call,
                        seat,
                        clock=self._ground.clock,
                        write_timeout=self._ground.server.write_timeout,
                        log=self._log.bind(call=start.conversation),
                    )
                    status = await live.run()
                    if live.stalled:
                        self._ground.metrics.clients_stalled.inc()
                    return status
                finally:
                    line.give_up()
                    with anyio.CancelScope(shield=True):
                        await call.release()
        except PipelineError as error:
            self._ground.metrics.calls_refused.labels(error.code).inc()
            self._log.info("call refused", stage=error.stage, code=error.code, message=str(error))
            return status_of(error)
        except Exception:  # noqa: BLE001 - the boundary of the entrance
            self._log.exception("entrance broke")
            return INTERNAL

    async def _first(self, stream: Stream) -> CallStart:
        """Return the start of the call. Raises EntranceError."""
        patience = self._ground.server.start_timeout
        try:
            with anyio.fail_after(patience):
                first = await stream.read()
        except DecodeError as error:
            raise UNREADABLE from error
        except TimeoutError as error:
            raise EntranceError("start-timeout", f"no start came within {patience:g} s", field="start") from error
        if first is EOF:
            raise EntranceError("no-start", "the stream was closed before a start came", field="start")
        kind = first.WhichOneof("event") or "event"
        if kind != "start":
            raise EntranceError("no-start", f"{kind} came before start; the first message is start", field=kind)
        start = read_start(first.start)
        return start if start.conversation else replace(start, conversation=uuid4().hex)

    def _line(self, start: CallStart, terms: Terms) -> WireLine:
        dropped = self._ground.metrics.frames_dropped
        return WireLine(start, terms.languages, self._ground.channels, self._ground.clock, dropped.inc)
