"""LiveCall: one call from its start to its end, in a task of its own, held over one stream after the other."""

from dataclasses import dataclass

import anyio
from google.rpc import status_pb2

from pipeline.core.clock import Clock
from pipeline.core.errors import PipelineError
from pipeline.core.events import CallEnd, CallEnded, ClientBack, ClientLost
from pipeline.entrances.live_calls import LiveCalls, Seat
from pipeline.entrances.statuses import INTERNAL, status_of, status_of_end
from pipeline.entrances.switchboard import CutOff, PreparedCall, Terms
from pipeline.entrances.tokens import Tokens
from pipeline.entrances.visits import Visit, Visits
from pipeline.entrances.wire_line import WireLine
from pipeline.observe import Log
from pipeline.observe_resume import ResumeMetrics

UNNOTICED = 45.0
"""Longest time, in seconds, for which a connection is dead and nobody notices: gRPC asks every 30 s and waits for 10.
A client from which nothing came for longer was silent."""


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
        self,
        first: Visit,
        call: PreparedCall,
        line: WireLine,
        seat: Seat,
        *,
        patience: Patience,
        clock: Clock,
        log: Log,
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
        self.visits = Visits(first)
        """The streams that it is held over."""
        self._begun = anyio.Event()
        self._cut = CutOff.VANISHED
        self._over = False

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
            try:
                reason, self.status = await self._conduct()
            finally:
                self.line.deafen()
            self._over = True
            if not (self.line.ended or self.visits.closed):
                now, turn = self._clock.now(), self.line.turn
                ended = CallEnded(turn=turn, at=now, reason=reason, duration=now - began_at, turns=turn)
                await self.line.send(ended)
            self.line.close()
            self.visits.wake()

    def begin(self) -> None:
        """Conduct it: its client knows that it is open."""
        self._begun.set()

    def settle(self) -> None:
        """Say that the client has its newest token."""
        self._patience.tokens.settle(self)

    async def _attend(self) -> None:
        """Hold the call over one stream after the other; end it when none comes in time."""
        try:
            while (visit := await self._arrival()) is not None:
                await self._take(visit)
                await self.visits.departure(visit, self.line.detach)
                self._cut = visit.cut
                if self._over or visit.final or not self._begun.is_set():
                    break
                if self._patience.seconds:
                    heard_at = max(visit.heard_at, self._clock.now() - UNNOTICED)
                    await self.line.tell(ClientLost(heard_at=heard_at))
        finally:
            self._patience.tokens.revoke(self)
            self.visits.close()
            self._seat.scope.cancel()

    async def _arrival(self) -> Visit | None:
        """Return the next stream, None when the call does not wait for one any more."""
        if self._patience.seconds and not self.visits.expected:
            await self._wait()
        return None if self._seat.dismissed.is_set() else self.visits.next()

    async def _wait(self) -> None:
        """Wait for the client to come back, as long as the call may."""
        metrics, dismissed, visits = self._patience.metrics, self._seat.dismissed, self.visits

        async def wake_at_dismissal() -> None:
            await dismissed.wait()
            visits.wake()

        self._log.info("client lost", seconds=self._patience.seconds)
        with metrics.waiting.track_inprogress(), self._patience.live.waiting(self._seat):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(wake_at_dismissal)
                with anyio.move_on_after(self._patience.seconds):
                    await visits.until(lambda: visits.expected or self._over or dismissed.is_set())
                tasks.cancel_scope.cancel()
        if dismissed.is_set() or not visits.expected:
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
