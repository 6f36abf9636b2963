"""What the tests of the gRPC entrance share: a fake switchboard that plays scripts, and a client over a real socket."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
import anyio.lowlevel
import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from pipeline.core.clock import LoopClock
from pipeline.core.errors import EntranceError
from pipeline.core.events import (
    CallEnd,
    CallEnded,
    EndpointingChanged,
    TurnId,
)
from pipeline.entrances.generated.voicepipe.v1.audio_pb2 import (
    AUDIO_ENCODING_LINEAR16,
    AudioEncoding,
    AudioFormat,
    AudioInput,
)
from pipeline.entrances.generated.voicepipe.v1.config_pb2 import ConversationStart
from pipeline.entrances.generated.voicepipe.v1.conversation_pb2 import ConverseRequest, ConverseResponse
from pipeline.entrances.generated.voicepipe.v1.conversation_pb2_grpc import ConversationServiceStub
from pipeline.entrances.grpc_server import GrpcServer
from pipeline.entrances.hosting import Hosting
from pipeline.entrances.live_calls import LiveCalls
from pipeline.entrances.reception import Ground
from pipeline.entrances.switchboard import (
    AgentCard,
    BargeInMode,
    BargeInRules,
    CallStart,
    Conversation,
    CutOff,
    DigitRules,
    Switchboard,
    Terms,
)
from pipeline.observe import Metrics
from pipeline.session.line import Line
from pipeline.session.pictures import Pictures
from pipeline.settings import Channels, Resume, Server
from pipeline.store.rows import Feedback

Script = Callable[[Line], Awaitable[CallEnd]]
"""What a fake call does; it returns why the call ended."""

PATIENCE = 10.0
"""Seconds that a test waits for anything before it fails: less than most of the service's own timeouts, so that one
which a test shortens is seen to be."""


async def hear_out(line: Line) -> CallEnd:
    """Listen until the client has closed its half."""
    async for _ in line.requests:
        pass
    return CallEnd.CLIENT


class FakeCall:
    def __init__(self, board: "FakeSwitchboard", start: CallStart) -> None:
        self._board = board
        self._start = start

    @property
    def terms(self) -> Terms:
        return Terms(
            agent=self._start.agent or "shop",
            language="en",
            languages=("en", "zh"),
            max_duration=600.0,
            endpointing=EndpointingChanged(no_input=8.0, min_silence=0.5, max_silence=0.5, max_speech=25.0),
            barge_in=BargeInRules(mode=BargeInMode.SPEECH, min_speech=0.256),
            digits=DigitRules(limit=32, terminators="#", pause=3.0),
            lead=0.2,
            frame=0.03,
        )

    async def release(self) -> None:
        self._board.released += 1

    async def run(self, line: Line, cut_off: Callable[[], CutOff]) -> CallEnded:
        self._board.running += 1
        try:
            reason = await self._board.script(line)
        except anyio.get_cancelled_exc_class():
            self._board.cut_off.append(cut_off())
            raise
        else:
            ended = CallEnded(turn=TurnId(3), at=0.0, reason=reason, duration=1.5, turns=3)
            await line.send(ended)
            return ended
        finally:
            self._board.running -= 1
            self._board.one_ended.set()


@dataclass
class FakeSwitchboard:
    """Every call plays ``script``."""

    script: Script = hear_out
    running: int = 0
    released: int = 0
    starts: list[CallStart] = field(default_factory=list)
    cut_off: list[CutOff] = field(default_factory=list)
    """Why calls were cancelled."""
    one_ended: anyio.Event = field(default_factory=anyio.Event)
    known: dict[str, Conversation] = field(default_factory=dict)
    """Calls that can be asked about."""
    feedback: list[Feedback] = field(default_factory=list)
    albums: dict[str, Pictures] = field(default_factory=dict)
    """Calls that take pictures, by their ids."""

    def agents(self) -> Sequence[AgentCard]:
        return [
            AgentCard(id="shop", name="Shop", description="Sells", languages=("en",), voice="joe", default=True),
            AgentCard(id="bank", name="Bank"),
        ]

    async def prepare(self, start: CallStart) -> FakeCall:
        if start.agent not in {"", "shop", "bank"}:
            raise EntranceError("unknown-agent", f"no agent {start.agent}", field="start.agent_id")
        self.starts.append(start)
        return FakeCall(self, start)

    async def conversation(self, conversation: str) -> Conversation:
        if conversation not in self.known:
            raise EntranceError("unknown-conversation", f"no call {conversation}", field="conversation_id")
        return self.known[conversation]

    def pictures(self, conversation: str) -> Pictures:
        if conversation not in self.albums:
            raise EntranceError("unknown-conversation", f"no call {conversation}", field="conversation_id")
        return self.albums[conversation]

    async def take_feedback(self, feedback: Feedback) -> str:
        await self.conversation(feedback.conversation)
        self.feedback.append(feedback)
        return "f1"


@dataclass
class Served:
    server: GrpcServer
    board: FakeSwitchboard
    metrics: Metrics
    channel: grpc.aio.Channel

    @property
    def target(self) -> str:
        return f"127.0.0.1:{self.server.port}"


ENDS_AT_ONCE = Resume(wait=0.0)
"""A call ends with its connection."""


def ground(
    board: Switchboard,
    metrics: Metrics | None = None,
    channels: Channels | None = None,
    resume: Resume = ENDS_AT_ONCE,
    **settings: Any,
) -> Ground:
    image_bytes = settings.pop("image_bytes", 0)
    server = Server(**settings)
    live = LiveCalls(server.max_calls, resume.most)
    return Ground(
        switchboard=board,
        live=live,
        hosting=Hosting(live),
        server=server,
        resume=resume,
        channels=channels or Channels(),
        max_duration=600.0,
        image_bytes=image_bytes,
        metrics=metrics or Metrics(),
        clock=LoopClock(),
        version="1.2.3",
    )


@asynccontextmanager
async def served(
    script: Script = hear_out,
    *,
    serving: bool = True,
    channels: Channels | None = None,
    resume: Resume = ENDS_AT_ONCE,
    **settings: Any,
) -> AsyncIterator[Served]:
    """Serve scripted calls on a free port. Fails where a call, or a task of one, is left behind."""
    before = asyncio.all_tasks()
    board = FakeSwitchboard(script)
    metrics = Metrics()
    stand = ground(board, metrics, channels, resume, grpc="127.0.0.1:0", **settings)
    server = GrpcServer(stand)
    async with anyio.create_task_group() as hosting:
        hosting.start_soon(stand.hosting.run)
        try:
            await server.start()
            if serving:
                await server.set_serving()
            async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
                with anyio.fail_after(PATIENCE):
                    yield Served(server, board, metrics, channel)
            with anyio.fail_after(PATIENCE):
                await server.live.wait_empty()
            assert board.running == 0
        finally:
            await server.stop()
            hosting.cancel_scope.cancel()
    with anyio.fail_after(PATIENCE):
        while asyncio.all_tasks() - before:
            await anyio.lowlevel.checkpoint()


def audio_format(encoding: AudioEncoding.ValueType = AUDIO_ENCODING_LINEAR16, rate: int = 16_000) -> AudioFormat:
    return AudioFormat(encoding=encoding, sample_rate_hz=rate)


def start_message(**parts: Any) -> ConversationStart:
    return ConversationStart(**{"input_audio": audio_format(), **parts})


class Caller:
    """A client of one call."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.stream: Any = ConversationServiceStub(channel).Converse()

    async def start(self, **parts: Any) -> ConverseResponse:
        """Send the start and return the first answer."""
        await self.send(start=start_message(**parts))
        return await self.next("started")

    async def send(self, seq: int = 0, **event: Any) -> None:
        await self.stream.write(ConverseRequest(seq=seq, **event))

    async def speak(self, data: bytes, offset: int | None = None, **more: Any) -> None:
        await self.send(audio=AudioInput(data=data, sample_offset=offset), **more)

    async def next(self, kind: str) -> ConverseResponse:
        """Return the next message of a kind; others are passed over."""
        while True:
            message = await self.stream.read()
            assert message is not grpc.aio.EOF, f"the stream ended before {kind}"
            if message.WhichOneof("event") == kind:
                return message  # type: ignore[no-any-return]

    async def rest(self) -> list[ConverseResponse]:
        """Close the client's half, and return all that still comes."""
        await self.stream.done_writing()
        return await self.all()

    async def all(self) -> list[ConverseResponse]:
        """Return all messages up to the end of the stream."""
        messages: list[ConverseResponse] = []
        try:
            while (message := await self.stream.read()) is not grpc.aio.EOF:
                messages.append(message)
        except grpc.aio.AioRpcError:
            pass  # the status tells; see `refusal`
        return messages

    async def refusal(self) -> "Refusal":
        """Wait for the end of the stream and return its status."""
        await self.all()
        code = await self.stream.code()
        details = await self.stream.details()
        trailers = await self.stream.trailing_metadata()
        return Refusal(code, details or "", trailers)


class Refusal:
    """A status with its details."""

    def __init__(self, code: grpc.StatusCode, message: str, trailers: Any) -> None:
        self.code = code
        self.message = message
        raw = dict(trailers or ()).get("grpc-status-details-bin", b"")
        self.fields, self.reason, self.retry, self.quota = unpack(rpc_status.status_pb2.Status.FromString(raw))


def unpack(status: Any) -> tuple[list[str], str, int, list[str]]:
    """Return the fields, the reason, the seconds to wait and the quotas that a status names."""
    request, info = error_details_pb2.BadRequest(), error_details_pb2.ErrorInfo()
    retry, quota = error_details_pb2.RetryInfo(), error_details_pb2.QuotaFailure()
    for detail in status.details:
        for known in (request, info, retry, quota):
            detail.Unpack(known)
    return (
        [violation.field for violation in request.field_violations],
        info.reason,
        retry.retry_delay.seconds,
        [violation.subject for violation in quota.violations],
    )
