"""Reception: takes a stream of any entrance, begins a call with it or goes on with one, to the stream's status."""

from dataclasses import dataclass, field, replace
from uuid import uuid4

import anyio
from anyio.abc import TaskStatus
from google.protobuf.message import DecodeError
from google.rpc import status_pb2
from grpc.aio import EOF

from pipeline.core.clock import Clock
from pipeline.core.errors import EntranceError, PipelineError
from pipeline.entrances.hosting import Hosting
from pipeline.entrances.live_call import LiveCall, Patience
from pipeline.entrances.live_calls import LiveCalls
from pipeline.entrances.replay import Replay
from pipeline.entrances.statuses import INTERNAL, status_of
from pipeline.entrances.stream_call import UNREADABLE, Stream, StreamCall, StreamLostError
from pipeline.entrances.switchboard import CallStart, Switchboard, Terms
from pipeline.entrances.tokens import Tokens
from pipeline.entrances.visits import Visit
from pipeline.entrances.wire_line import WireLine
from pipeline.entrances.wire_resume import Resumption, check_seen, read_resumption, resumed, unknown_token
from pipeline.entrances.wire_start import read_start
from pipeline.observe import Metrics, logger
from pipeline.settings import Channels, Resume, Server


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What all calls of an entrance stand on."""

    switchboard: Switchboard
    live: LiveCalls
    hosting: Hosting
    server: Server
    resume: Resume
    channels: Channels
    max_duration: float
    """Longest call, in seconds, as clients are told before a call."""
    image_bytes: int = 0
    """Largest picture, as they are told; 0 when pictures are not served."""
    metrics: Metrics
    clock: Clock
    version: str
    tokens: Tokens[LiveCall] = field(default_factory=Tokens)


class Reception:
    """Takes the calls of one entrance."""

    def __init__(self, ground: Ground, entrance: str) -> None:
        """Take what calls stand on; ``entrance`` names it in the log."""
        self._ground = ground
        self._log = logger(entrance)

    async def converse(self, stream: Stream) -> status_pb2.Status:
        """Hold a call over a stream and return its status, whatever happens, except that the client vanishes.

        Cancelling means that it has vanished.
        """
        try:
            start, resumption = await self._first(stream)
            call, visit = await self._begun(start) if resumption is None else self._resumed(start, resumption)
            server = self._ground.server
            one = StreamCall(stream, call, visit, write_timeout=server.write_timeout, version=self._ground.version)
            status = await one.run()
            if one.stalled:
                self._ground.metrics.clients_stalled.inc()
        except PipelineError as error:
            self._ground.metrics.calls_refused.labels(error.code).inc()
            self._log.info("call refused", stage=error.stage, code=error.code, message=str(error))
            return status_of(error)
        except Exception:  # noqa: BLE001 - the boundary of the entrance
            self._log.exception("entrance broke")
            return INTERNAL
        return status

    async def _first(self, stream: Stream) -> tuple[CallStart, Resumption | None]:
        """Return the start of a stream, and the call that it goes on with. Raises EntranceError."""
        patience = self._ground.server.start_timeout
        try:
            with anyio.fail_after(patience):
                first = await stream.read()
        except DecodeError as error:
            raise UNREADABLE from error
        except TimeoutError as error:
            raise EntranceError("start-timeout", f"no start came within {patience:g} s", field="start") from error
        except StreamLostError:
            first = EOF
        if first is EOF:
            raise EntranceError("no-start", "the stream was closed before a start came", field="start")
        kind = first.WhichOneof("event") or "event"
        if kind != "start":
            raise EntranceError("no-start", f"{kind} came before start; the first message is start", field=kind)
        return read_start(first.start), read_resumption(first.start)

    async def _begun(self, start: CallStart) -> tuple[LiveCall, Visit]:
        """Begin a call. Raises PipelineError."""
        start = start if start.conversation else replace(start, conversation=uuid4().hex)
        visit = Visit(start)
        call: LiveCall = await self._ground.hosting.begin(self._host, visit)
        return call, visit

    def _resumed(self, wanted: CallStart, resumption: Resumption) -> tuple[LiveCall, Visit]:
        """Return the call that a token is for. Raises EntranceError."""
        call = self._ground.tokens.find(resumption.token)
        # Agents belong to tenants: to name one of another's is to have the wrong token.
        if call is None or wanted.agent not in {"", call.terms.agent}:
            raise unknown_token()
        start = resumed(wanted, call.start)
        check_seen(resumption, call.line.sent)
        return call, Visit(start, resumption)

    async def _host(self, visit: Visit, *, task_status: TaskStatus[LiveCall]) -> None:
        """Hold one call from its admission to its end. Raises PipelineError before it says that it has begun."""
        ground, start = self._ground, visit.start
        log = self._log.bind(call=start.conversation)
        patience = Patience(
            seconds=ground.resume.wait, live=ground.live, tokens=ground.tokens, metrics=ground.metrics.resume
        )
        with ground.live.admit(start.conversation) as seat:
            prepared = await ground.switchboard.prepare(start)
            line = self._line(start, prepared.terms)
            try:
                call = LiveCall(visit, prepared, line, seat, patience=patience, clock=ground.clock, log=log)
                task_status.started(call)
                try:
                    await call.run()
                except Exception:
                    log.exception("call broke")
            finally:
                line.give_up()
                with anyio.CancelScope(shield=True):
                    await prepared.release()

    def _line(self, start: CallStart, terms: Terms) -> WireLine:
        ground = self._ground
        kept = ground.resume
        replay = Replay(kept.messages if kept.wait else 0, kept.kib * 1024)
        dropped = ground.metrics.frames_dropped
        return WireLine(start, terms.languages, ground.channels, ground.clock, dropped.inc, replay)
