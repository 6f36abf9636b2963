"""Connections in memory that break, and a client that goes on with its call over the next one."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

import anyio
import anyio.lowlevel
from anyio.abc import TaskGroup
from google.rpc import status_pb2
from grpc.aio import EOF, InternalError

from pipeline.caller.continuity import Continuity
from pipeline.core.clock import LoopClock
from pipeline.core.events import CallEnd, CallResumed, ClientBack, ClientLost, TextTyped, TurnId
from pipeline.entrances.generated.voicepipe.v1 import audio_pb2, config_pb2, input_pb2
from pipeline.entrances.generated.voicepipe.v1.conversation_pb2 import ConverseRequest, ConverseResponse
from pipeline.entrances.reception import Ground, Reception
from pipeline.entrances.stream_call import StreamLostError
from pipeline.entrances.switchboard import Switchboard
from pipeline.session.line import Line
from pipeline.settings import Resume
from tests.entrances.calls import ground, play, reply_ended, reply_started, start_message
from tests.virtual_time import pass_time

FRAME = 0.02
SAMPLES = round(FRAME * 16_000)


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
