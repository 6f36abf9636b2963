"""Calls over gRPC that go on over another stream: over real sockets, with a relay that breaks."""

import anyio
import anyio.lowlevel
import grpc
import pytest

from pipeline.core.events import CallEnd, ClientLost
from pipeline.entrances.generated.voicepipe.v1 import conversation_pb2
from pipeline.entrances.generated.voicepipe.v1.conversation_pb2 import GetConversationRequest
from pipeline.entrances.generated.voicepipe.v1.conversation_pb2_grpc import ConversationServiceStub
from pipeline.entrances.generated.voicepipe.v1.input_pb2 import TextInput
from pipeline.entrances.switchboard import Conversation, CutOff
from pipeline.session.line import Line
from pipeline.settings import Resume
from tests.entrances.calls import Caller, Served, served, start_message
from tests.entrances.relay import relay
from tests.entrances.resuming import Answering

pytestmark = pytest.mark.anyio

OPTIONS = [
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 100),
]
PATIENT = Resume(wait=60.0)


async def until_waiting(service: Served, conversation: str) -> None:
    while not service.server.live.waits(conversation):
        await anyio.lowlevel.checkpoint()


async def started(caller: Caller, token: str = "", seen: int = 0) -> str:
    """Open a stream and return its token."""
    first = await caller.start(conversation_id="c-1", resume_token=token, last_seen_seq=seen)
    return first.started.resume_token


async def test_a_call_whose_connection_was_cut_goes_on_over_the_next() -> None:
    async with (
        served(Answering(), resume=PATIENT) as service,
        relay(service.server.port) as line,
        grpc.aio.insecure_channel(line.target, options=OPTIONS) as channel,
    ):
        token, seen = "", 0
        for turn in range(1, 6):
            caller = Caller(channel)
            token = await started(caller, token, seen)
            if turn > 1:
                update = (await caller.next("resumption_update")).resumption_update
                assert update.last_consumed_seq == turn - 1
                done = await caller.next("response_done")  # of the answer that was cut off
                assert done.response_done.response_id == turn - 1
                seen = done.seq
            await caller.send(turn, text=TextInput(text="hello"))
            began = await caller.next("response_started")
            assert (began.response_started.response_id, began.seq) == (turn, seen + 1)
            seen = began.seq
            await caller.next("audio")
            line.cut()
            await caller.all()
            await until_waiting(service, "c-1")
        last = Caller(channel)
        await started(last, token, seen)
        await last.rest()
        assert len(service.board.starts) == 1
        assert service.metrics.resume.resumed._value.get() == 5


async def test_a_connection_that_breaks_is_never_taken_for_a_hang_up() -> None:
    async with served(resume=PATIENT) as service:
        for number in range(10):
            conversation = f"c-{number}"
            async with relay(service.server.port) as line, grpc.aio.insecure_channel(line.target) as channel:
                caller = Caller(channel)
                first = await caller.start(conversation_id=conversation)
                line.cut()
                await until_waiting(service, conversation)
            again = Caller(service.channel)
            await again.start(resume_token=first.started.resume_token)
            await again.rest()


async def test_a_stream_that_is_cancelled_may_be_followed_by_another() -> None:
    async with served(resume=PATIENT) as service:
        service.board.known["c-1"] = Conversation(id="c-1", agent="shop", began=1.0, outcome=None)
        caller = Caller(service.channel)
        token = await started(caller)
        caller.stream.cancel()
        await until_waiting(service, "c-1")
        stub = ConversationServiceStub(service.channel)
        told = await stub.GetConversation(GetConversationRequest(conversation_id="c-1"))
        assert told.state == conversation_pb2.CONVERSATION_STATE_RESUMABLE
        again = Caller(service.channel)
        await started(again, token)
        told = await stub.GetConversation(GetConversationRequest(conversation_id="c-1"))
        assert told.state == conversation_pb2.CONVERSATION_STATE_LIVE
        await again.rest()


async def test_a_half_dead_connection_is_left_behind() -> None:
    async with (
        served(resume=PATIENT) as service,
        relay(service.server.port) as line,
        grpc.aio.insecure_channel(line.target) as channel,
    ):
        caller = Caller(channel)
        token = await started(caller)
        line.freeze()
        again = Caller(service.channel)
        await started(again, token)
        await again.rest()


async def test_the_stream_that_is_left_behind_is_told_so() -> None:
    async with served(resume=PATIENT) as service:
        caller = Caller(service.channel)
        token = await started(caller)
        again = Caller(service.channel)
        await started(again, token)
        refusal = await caller.refusal()
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.ABORTED, "RESUMED_ELSEWHERE")
        await again.rest()


async def test_a_client_that_does_not_come_back_is_lost() -> None:
    lost: list[object] = []

    async def remember(line: Line) -> CallEnd:
        async for event in line.requests:
            lost.append(event)  # noqa: PERF401 - it is cut off
        return CallEnd.CLIENT

    async with served(remember, resume=Resume(wait=0.2)) as service:
        caller = Caller(service.channel)
        await started(caller)
        caller.stream.cancel()
        await service.server.live.wait_empty()
        assert service.board.cut_off == [CutOff.VANISHED]
        assert [type(event) for event in lost] == [ClientLost]


async def test_an_expired_token_is_not_found() -> None:
    async with served(resume=Resume(wait=0.1)) as service:
        caller = Caller(service.channel)
        token = await started(caller)
        caller.stream.cancel()
        await service.server.live.wait_empty()
        late = Caller(service.channel)
        await late.send(start=start_message(resume_token=token))
        refusal = await late.refusal()
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.NOT_FOUND, "UNKNOWN_TOKEN")
        assert refusal.fields == ["start.resume_token"]
