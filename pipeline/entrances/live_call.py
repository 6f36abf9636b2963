"""LiveCall: one call from its start to its end, in a task of its own, held over one stream after the other."""

from collections.abc import Callable
from dataclasses import dataclass, field

import anyio
from google.rpc import status_pb2

from pipeline.core.clock import Clock
from pipeline.core.errors import PipelineError
from pipeline.core.events import CallEnd, CallEnded, ClientBack, ClientLost
from pipeline.entrances.live_calls import LiveCalls, Seat
from pipeline.entrances.statuses import INTERNAL, status_of, status_of_end
from pipeline.entrances.switchboard import CallStart, CutOff, PreparedCall, Terms
from pipeline.entrances.tokens import Tokens
from pipeline.entrances.wire_line import WireLine
from pipeline.entrances.wire_resume import Resumption, unknown_token
from pipeline.observe import Log, ResumeMetrics


@dataclass(eq=False)
class Visit:
    """One stream of a call: what the call and its stream let each other know."""

    start: CallStart
    """What holds while it lasts."""
    resumption: Resumption | None = None
    """None for the stream that began the call."""
    taken: anyio.Event = field(default_factory=anyio.Event)
    """The call goes on over it now, or is over."""
    over: anyio.Event = field(default_factory=anyio.Event)
    """It has no more to do: all was sent, it broke, or another has come."""
    gone: anyio.Event = field(default_factory=anyio.Event)
    """Nothing reads from it or writes to it any more."""
    refused: bool = False
    """It came too late."""
    replaced: bool = False
    """Another stream has come for the same call."""
    left: bool = False
    final: bool = False
    """Its client has hung up: the call is not resumed."""
    cut: CutOff = CutOff.VANISHED
    """Why it ended, if it was not to."""
    heard_at: float = 0.0
    """When anything came from the client last."""
    token: str = ""
    """For the next one."""
    missing: int = 0
    """Messages that the client has not seen, and that are not kept any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """For how long a call waits for its client, and who knows of it."""

    seconds: float
    live: LiveCalls
    tokens: "Tokens[LiveCall]"
    metrics: ResumeMetrics


class LiveCall:
    """One call."""

    def __init__(
        self, first: Visit, call: PreparedCall, line: WireLine, seat: Seat, *, patience: Patience, clock: Clock, log: Log
    ) -> None:
        """Hold it over its first stream; it begins once ``begin`` was called."""
        self.start = first.start
        """What holds for it now."""
        self.line = line
        self.status: status_pb2.Status = INTERNAL
        """That of its last stream, once it is over."""
        self._call = call
        self._seat = seat
        self._patience = patience
        self._clock = clock
        self._log = log
        self._coming: Visit | None = first
        self._news = anyio.Event()
        self._begun = anyio.Event()
        self._cut = CutOff.VANISHED
        self._over = False
        self._closed = False
        """No stream is taken any more."""

    @property
    def terms(self) -> Terms:
        """Return what holds for it from beginning to end."""
        return self._call.terms

    async def run(self) -> None:
        """Conduct the call; return when it is over and its last stream has gone."""
        began_at = self._clock.now()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._attend)
            self._seat.warn = self.line.warn
            reason, self.status = await self._conduct()
            self._over = True
            self.line.deafen()
            if not (self.line.ended or self._closed):
                now, turn = self._clock.now(), self.line.turn
                ended = CallEnded(turn=turn, at=now, reason=reason, duration=now - began_at, turns=turn)
                await self.line.send(ended)
            self.line.close()
            self._wake()

    def begin(self) -> None:
        """Conduct it: its client knows that it is open."""
        self._begun.set()

    async def turn_to(self, visit: Visit) -> None:
        """Go on over another stream; return once that is so. Raises EntranceError ``unknown-token`` when it is over."""
        if visit is not self._coming:
            if self._closed:
                raise unknown_token()
            if self._coming is not None:
                self._coming.replaced = True
                self._coming.taken.set()
            self._coming = visit
        self._wake()
        await visit.taken.wait()
        if visit.refused:
            raise unknown_token()

    def leave(self, visit: Visit) -> None:
        """Say that a stream is over."""
        visit.left = True
        self._wake()

    def settle(self) -> None:
        """Say that the client has its newest token."""
        self._patience.tokens.settle(self)

    async def _attend(self) -> None:
        """Hold the call over one stream after the other; end it when none comes in time."""
        try:
            while (visit := await self._arrival()) is not None:
                await self._take(visit)
                await self._departure(visit)
                self._cut = visit.cut
                if self._over or visit.final or not self._begun.is_set():
                    break
                if self._patience.seconds:
                    await self.line.tell(ClientLost(heard_at=visit.heard_at))
        finally:
            self._closed = True
            self._patience.tokens.revoke(self)
            self._seat.scope.cancel()
            if self._coming is not None:
                self._coming.refused = True
                self._coming.taken.set()

    async def _arrival(self) -> Visit | None:
        """Return the next stream, None when the call does not wait for one any more."""
        if self._coming is None and self._patience.seconds:
            await self._wait()
        if self._seat.dismissed.is_set():
            return None
        visit, self._coming = self._coming, None
        return visit

    async def _departure(self, visit: Visit) -> None:
        """Return once a stream has gone, by itself or because another has come."""
        await self._until(lambda: visit.left or self._coming is not None)
        if not visit.left:
            visit.replaced = True
            visit.over.set()
        self.line.detach()  # whoever waits for it to take a message waits no more
        await visit.gone.wait()

    async def _wait(self) -> None:
        """Wait for the client to come back, as long as the call may."""
        metrics, dismissed = self._patience.metrics, self._seat.dismissed
        self._log.info("client lost", seconds=self._patience.seconds)
        with metrics.waiting.track_inprogress(), self._patience.live.waiting(self._seat):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._wake_at, dismissed)
                with anyio.move_on_after(self._patience.seconds):
                    await self._until(lambda: self._coming is not None or self._over or dismissed.is_set())
                tasks.cancel_scope.cancel()
        if self._coming is None or dismissed.is_set():
            reason = "call_over" if self._over else "no_room" if dismissed.is_set() else "time"
            metrics.expired.labels(reason).inc()
            self._log.info("call was not resumed", reason=reason)

    async def _take(self, visit: Visit) -> None:
        """Go on over a stream."""
        self.start = visit.start
        if self._patience.seconds:
            visit.token = self._patience.tokens.issue(self)
        resumption = visit.resumption
        if resumption is None:
            visit.taken.set()
            return
        visit.missing = self.line.attach(visit.start, resumption.seen, self._patience.seconds)
        visit.taken.set()
        self._patience.metrics.resumed.inc()
        self._log.info("call resumed", missing=visit.missing)
        await self.line.tell(ClientBack(reports_playback=visit.start.reports_playback, played=resumption.played))

    async def _conduct(self) -> tuple[CallEnd, status_pb2.Status]:
        """Return why the call ended, and what its stream's status is."""
        reason = CallEnd.DRAINING
        try:
            with self._seat.scope:
                await self._begun.wait()
                reason = (await self._call.run(self.line, self._cut_off)).reason
        except PipelineError as error:
            self._log.warning("call failed", stage=error.stage, code=error.code, message=str(error))
            return CallEnd.FAILED, status_of(error)
        except Exception:  # noqa: BLE001 - the boundary of the session
            self._log.exception("call broke")
            return CallEnd.FAILED, INTERNAL
        return reason, status_of_end(reason)

    def _cut_off(self) -> CutOff:
        """Return why the call was cancelled."""
        if self._cut is CutOff.STALLED:
            return CutOff.STALLED
        return CutOff.DRAINING if self._seat.hung_up else CutOff.VANISHED

    async def _until(self, reached: Callable[[], bool]) -> None:
        while not reached():
            await self._news.wait()

    async def _wake_at(self, event: anyio.Event) -> None:
        await event.wait()
        self._wake()

    def _wake(self) -> None:
        self._news.set()
        self._news = anyio.Event()
