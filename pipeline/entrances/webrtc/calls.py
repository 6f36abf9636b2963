"""RtcCalls: the browsers' calls of one process, from the offer to the hang-up."""

from dataclasses import dataclass, field
from uuid import uuid4

import anyio
from aiortc import RTCIceServer
from anyio.abc import TaskGroup

from pipeline.core.clock import Calendar
from pipeline.core.errors import EntranceError
from pipeline.entrances.reception import Ground, Reception
from pipeline.entrances.webrtc.guard import stand_guard
from pipeline.entrances.webrtc.json_wire import Dialect
from pipeline.entrances.webrtc.peer import Peer, advertised
from pipeline.entrances.webrtc.permits import Permit, Permits
from pipeline.entrances.webrtc.stream import RtcStream
from pipeline.observe import logger
from pipeline.settings import Rtc


@dataclass(frozen=True, slots=True)
class Answered:
    """A connection that waits for its browser."""

    id: str
    """128 bits, by which alone it can be hung up over HTTP."""
    sdp: str


@dataclass
class _Held:
    """A connection and what ends it."""

    peer: Peer
    dialect: Dialect
    permit: Permit
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    begun: bool = False
    """It is a call now, and has its seat among them."""
    lost: bool = False
    """The browser went without a word."""


class RtcCalls:
    """Answers offers and holds the connections. ``run`` must be running."""

    def __init__(self, ground: Ground, settings: Rtc) -> None:
        """Take what calls stand on. From now on all WebRTC of the process is guarded."""
        self._ground = ground
        self._settings = settings
        self.servers = [
            RTCIceServer(one.urls, one.username, one.credential.get_secret_value()) for one in settings.ice_servers
        ]
        """What may carry sound that finds no way of its own; browsers are told."""
        self.permits = Permits(settings.token_key.get_secret_value(), Calendar().now, again=ground.resume.wait)
        self._reception = Reception(ground, "webrtc")
        self._log = logger("webrtc")
        self._held: dict[str, _Held] = {}
        self._tasks: TaskGroup | None = None
        stand_guard(ground.metrics.datagrams_dropped.inc)

    async def run(self) -> None:
        """Hold the connections until cancelled."""
        async with anyio.create_task_group() as tasks:
            self._tasks = tasks
            await anyio.sleep_forever()

    async def answer(self, offer: str, dialect: Dialect, permit: Permit) -> Answered:
        """Return the answer to an SDP offer; the browser has ``connect_timeout`` to come.

        An older connection of the same permit is lost by that: the browser came back before it was missed.

        Raises EntranceError: ``bad-offer``, ``no-audio``, ``no-port``, ``not-ready``, ``draining``, ``too-many-calls``.
        """
        self._ground.live.check(sum(not one.begun for one in self._held.values()))
        if self._tasks is None:
            raise EntranceError("not-ready", "the browsers' entrance is closed", retryable=True)
        number, held = uuid4().hex, _Held(Peer(self.servers, self._ground.clock), dialect, permit)
        self._held[number] = held
        try:
            sdp = await held.peer.answer(offer)
        except BaseException:
            del self._held[number]
            with anyio.CancelScope(shield=True):
                await held.peer.close()
            raise
        for other in self._held.values():
            if permit.id and other.permit.id == permit.id and other is not held:
                other.lost = True
                other.scope.cancel()
        self._tasks.start_soon(self._hold, number, held)
        return Answered(number, advertised(sdp, self._settings.addresses))

    def hang_up(self, number: str) -> bool:
        """End a connection; return whether there was one."""
        held = self._held.get(number)
        if held is not None:
            held.peer.hung_up = True
            held.scope.cancel()
        return held is not None

    async def _hold(self, number: str, held: _Held) -> None:
        peer = held.peer
        try:
            with held.scope:
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(peer.listen)
                    tasks.start_soon(self._watch, held, tasks.cancel_scope)
                    await self._conduct(held)
                    tasks.cancel_scope.cancel()
        except Exception:  # noqa: BLE001 - one connection's fault is not the others'
            self._log.exception("connection broke")
        finally:
            self.permits.over(held.permit, lost=held.lost)  # first: who sees it close cannot call with it again
            with anyio.CancelScope(shield=True):
                await peer.close()
            del self._held[number]

    async def _conduct(self, held: _Held) -> None:
        peer = held.peer
        with anyio.move_on_after(self._settings.connect_timeout):
            await peer.opened.wait()
        if peer.channel is None:
            self._log.info("browser did not come", seconds=self._settings.connect_timeout)
            return
        held.begun = True
        self.permits.begun(held.permit)
        stream = RtcStream(peer, peer.channel, held.dialect, held.permit.agent)
        await stream.open()
        status = await self._reception.converse(stream)
        with anyio.move_on_after(self._settings.peer_timeout):
            await stream.close(status)

    async def _watch(self, held: _Held, scope: anyio.CancelScope) -> None:
        """Cancel the call when the browser is gone, or silent for too long: it sends sound all the time."""
        peer = held.peer
        while not peer.gone.is_set():
            left = peer.heard_at + self._settings.peer_timeout - self._ground.clock.now()
            if left <= 0 and peer.opened.is_set():
                self._log.info("browser lost", seconds=self._settings.peer_timeout)
                break
            with anyio.move_on_after(max(left, 0.1)):
                await peer.gone.wait()
        held.lost = True
        scope.cancel()
