"""A service without sockets, and a client that goes on with its call whenever its connection breaks."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
import anyio.lowlevel
from anyio.abc import TaskGroup
from google.rpc import status_pb2

from pipeline.caller.continuity import Continuity
from pipeline.core.clock import LoopClock
from pipeline.core.events import CallEnd, CallResumed, ClientBack, ClientEvent, ClientLost, TextTyped, TurnId
from pipeline.entrances.generated.voicepipe.v1 import audio_pb2, config_pb2, input_pb2
from pipeline.entrances.generated.voicepipe.v1.conversation_pb2 import ConverseRequest, ConverseResponse
from pipeline.entrances.reception import Ground, Reception
from pipeline.entrances.switchboard import Switchboard
from pipeline.session.line import Line
from pipeline.settings import Resume
from tests.entrances.calls import ground, start_message, unpack
from tests.entrances.replies import play, reply_ended, reply_started
from tests.entrances.wires import Break, Wire
from tests.virtual_time import pass_time

FRAME = 0.02
SAMPLES = round(FRAME * 16_000)


def code(status: status_pb2.Status) -> str:
    """Return the reason that a status names."""
    return unpack(status)[1]


@dataclass
class Cut:
    """Where a connection breaks."""

    after: int
    """So many messages since it was opened, in either direction."""
    how: Break = Break.CANCELLED
    away: float = 1.0
    """Seconds until the client is back."""


@dataclass
class Phone:
    """A client that sends its microphone's sound all the time, and comes back whenever its connection breaks."""

    reception: Reception
    tasks: TaskGroup
    cuts: list[Cut] = field(default_factory=list)
    start: config_pb2.ConversationStart = field(default_factory=start_message)
    news: list[ConverseResponse] = field(default_factory=list)
    """All that came, sound apart, each once."""
    repeated: int = 0
    """Messages that came twice."""
    loud: int = 0
    """Frames that the caller still speaks."""
    streams: int = 0
    sound: list[tuple[int, ConverseResponse]] = field(default_factory=list)
    """Each message with the number of its stream."""
    status: status_pb2.Status | None = None

    def __post_init__(self) -> None:
        self._continuity = Continuity()
        self._wire: Wire | None = None
        self._open = False
        self._count = 0
        self._offset = 0
        self._changed = anyio.Event()
        self.over = anyio.Event()

    async def run(self) -> None:
        """Hold the call until it is over."""
        start = self.start
        while True:
            cut = self.cuts.pop(0) if self.cuts else None
            if await self._hold(start, cut):
                break
            assert cut is not None
            await pass_time(cut.away)
            if not self._continuity.possible:
                break
            start = self._continuity.resumes(self.start, None)
        self.over.set()

    async def speak(self) -> None:
        """Be the microphone, for ever."""
        clock = LoopClock()
        began = clock.now()
        for number in range(1_000_000):
            await pass_time(max(0.0, began + (number + 1) * FRAME - clock.now()))
            sample = b"\x00\x40" if self.loud else b"\0\0"
            self.loud = max(0, self.loud - 1)
            await self.say(audio=audio_pb2.AudioInput(data=sample * SAMPLES))

    async def say(self, **event: Any) -> None:
        """Send a message, now or when there is a connection again."""
        request = self._continuity.numbered(ConverseRequest(**event))
        if self._open and self._wire is not None:
            await self._wire.send(request)

    async def until(self, reached: Callable[[], bool]) -> None:
        """Wait until it is so, or the call is over."""
        while not reached() and not self.over.is_set():
            await self._changed.wait()

    def of(self, kind: str) -> list[Any]:
        """Return all messages of a kind."""
        return [getattr(one, kind) for one in self.news if one.WhichOneof("event") == kind]

    async def _hold(self, start: config_pb2.ConversationStart, cut: Cut | None) -> bool:
        """Hold the call over one connection; return whether it is over with it."""
        self._count = 0
        self.streams += 1
        wire = self._wire = Wire(lambda: self._passes(cut))
        self.tasks.start_soon(wire.handle, self.reception)
        await wire._to_service.send(ConverseRequest(start=start))
        with wire.received:
            async for response in wire.received:
                await self._take(response, wire)
        self._open = False
        if wire.broken is not None:
            return False
        await wire.over.wait()
        self.status = wire.status
        self._changed.set()
        return True

    async def _take(self, response: ConverseResponse, wire: Wire) -> None:
        if not self._continuity.is_news(response):
            self.repeated += 1
        elif response.HasField("audio"):
            self.sound.append((self.streams, response))
        elif response.HasField("started"):
            if self.streams == 1:
                await self._catch_up(0, wire)
        elif response.HasField("resumption_update"):
            await self._catch_up(response.resumption_update.last_consumed_seq, wire)
        elif response.HasField("tool_call"):
            self.news.append(response)
            result = input_pb2.ToolResult(call_id=response.tool_call.call_id)
            result.result.update({"state": "on its way"})
            await self.say(tool_result=result)
        else:
            self.news.append(response)
        self._changed.set()
        self._changed = anyio.Event()

    async def _catch_up(self, consumed: int, wire: Wire) -> None:
        """Send what the service has not consumed, and what is said meanwhile."""
        last = consumed
        while left := [one for one in self._continuity.not_consumed(consumed) if one.seq > last]:
            for request in left:
                await wire.send(request)
                last = request.seq
        self._open = True

    def _passes(self, cut: Cut | None) -> None:
        self._count += 1
        if cut is not None and self._wire is not None and self._count > cut.after:
            self._wire.break_off(cut.how)


async def next_of(wire: Wire, kind: str) -> ConverseResponse:
    """Return the next message of a kind; others are passed over."""
    while (message := await wire.received.receive()).WhichOneof("event") != kind:
        pass
    return message


class Asked:
    """A session that remembers what it was asked, until its client is through."""

    def __init__(self) -> None:
        self.events: list[ClientEvent] = []

    async def __call__(self, line: Line) -> CallEnd:
        async for event in line.requests:
            self.events.append(event)
        return CallEnd.CLIENT

    def kinds(self) -> list[str]:
        return [type(event).__name__ for event in self.events]


class Answering:
    """A session that answers each text with half a second of sound; what is cut off it does not say again."""

    def __init__(self, frame: Callable[[int], bytes] = lambda rate: bytes(rate // 25)) -> None:
        """``frame`` makes 20 ms of sound at a rate."""
        self._frame = frame
        self._replies = 0
        self._speaking: list[anyio.CancelScope] = []

    async def __call__(self, line: Line) -> CallEnd:
        async with anyio.create_task_group() as tasks:
            async for event in line.requests:
                match event:
                    case TextTyped():
                        self._replies += 1
                        tasks.start_soon(self._reply, line, self._replies)
                    case ClientLost():
                        for scope in self._speaking:
                            scope.cancel()
                    case ClientBack():
                        await line.send(CallResumed(turn=TurnId(0), at=0.0))
                    case _:
                        pass
            tasks.cancel_scope.cancel()
        return CallEnd.CLIENT

    async def _reply(self, line: Line, number: int) -> None:
        await line.send(reply_started(number))
        with anyio.CancelScope() as scope:
            self._speaking.append(scope)
            await play(line, number, 25, frame=self._frame(line.output_rate))
        await line.send(reply_ended(number))


@dataclass
class Hosted:
    """A service without sockets."""

    ground: Ground
    reception: Reception
    tasks: TaskGroup

    async def wire(self, passes: Callable[[], None] = lambda: None) -> Wire:
        """Return a connection that the service handles."""
        wire = Wire(passes)
        self.tasks.start_soon(wire.handle, self.reception)
        await anyio.lowlevel.checkpoint()
        return wire

    async def called(self, **start: Any) -> tuple[Wire, ConverseResponse]:
        """Open a call, or go on with one; return its connection and the first message."""
        wire = await self.wire()
        await wire.send(ConverseRequest(start=start_message(**start)))
        return wire, await wire.received.receive()

    async def refused(self, **start: Any) -> status_pb2.Status:
        """Return the status of a start that is refused."""
        wire = await self.wire()
        await wire.send(ConverseRequest(start=start_message(**start)))
        await wire.over.wait()
        wire.received.close()
        assert wire.status is not None
        return wire.status

    def count(self, metric: str, **labels: str) -> float:
        """Return the value of a metric."""
        return self.ground.metrics.registry.get_sample_value(f"voicepipe_{metric}", labels) or 0.0


@asynccontextmanager
async def hosted(board: Switchboard, resume: Resume | None = None, **server: Any) -> AsyncIterator[Hosted]:
    """Take calls; fails where one is left behind."""
    stand = ground(board, resume=resume or Resume(), **server)
    stand.live.open()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(stand.hosting.run)
        await anyio.lowlevel.checkpoint()
        yield Hosted(stand, Reception(stand, "test"), tasks)
        with anyio.fail_after(120):
            await stand.live.wait_empty()
        tasks.cancel_scope.cancel()
