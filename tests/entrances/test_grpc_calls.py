"""Calls over real sockets."""

from functools import partial

import anyio
import grpc
import pytest

from pipeline.core.errors import DialogError
from pipeline.core.events import (
    CallChanged,
    CallEnd,
    ClientEvent,
    ControlKind,
    ControlRequested,
    DigitPressed,
    EndpointingChanged,
    ReplyId,
    ReplyStatus,
    ReplyStopped,
    StageFailed,
    TextTyped,
    TurnId,
)
from pipeline.entrances.generated.voicepipe.v1 import config_pb2, input_pb2, output_pb2
from pipeline.session.line import Line
from tests.entrances.calls import Caller, served
from tests.entrances.replies import play, reply_ended, reply_started

pytestmark = pytest.mark.anyio


async def test_started_tells_what_was_chosen_and_what_holds() -> None:
    async with served() as service:
        caller = Caller(service.channel)
        started = (await caller.start(conversation_id="pbx-17", agent_id="bank")).started
        assert started.conversation_id == "pbx-17"
        assert started.agent_id == "bank"
        assert started.output_audio.sample_rate_hz == 16_000
        assert started.output_audio.frame_ms == 30
        assert started.endpointing.no_input_ms == 8_000
        assert started.output.lead_ms == 200
        assert started.limits.max_chunk_ms == 200
        assert started.server_version == "1.2.3"
        metadata = dict(await caller.stream.initial_metadata())
        assert metadata["x-conversation-id"] == "pbx-17"
        await caller.rest()


async def test_a_call_without_an_id_is_given_one() -> None:
    async with served() as service:
        caller = Caller(service.channel)
        assert (await caller.start()).started.conversation_id
        await caller.rest()


async def test_closing_the_clients_half_ends_the_call_with_ended_and_ok() -> None:
    async with served() as service:
        caller = Caller(service.channel)
        await caller.start()
        messages = await caller.rest()
        assert messages[-1].ended.reason == output_pb2.END_REASON_CLIENT
        assert messages[-1].ended.duration_ms == 1_500
        assert (await caller.refusal()).code is grpc.StatusCode.OK


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        (CallEnd.NO_INPUT, grpc.StatusCode.OK),
        (CallEnd.HANGUP, grpc.StatusCode.OK),
        (CallEnd.MAX_DURATION, grpc.StatusCode.DEADLINE_EXCEEDED),
        (CallEnd.FAILED, grpc.StatusCode.UNAVAILABLE),
    ],
)
async def test_the_status_follows_from_the_reason(reason: CallEnd, code: grpc.StatusCode) -> None:
    async def script(_line: Line) -> CallEnd:
        return reason

    async with served(script) as service:
        caller = Caller(service.channel)
        await caller.start()
        messages = await caller.all()
        assert messages[-1].WhichOneof("event") == "ended"
        assert (await caller.refusal()).code is code


async def test_requests_reach_the_session_in_order() -> None:
    heard: list[ClientEvent] = []

    async def script(line: Line) -> CallEnd:
        heard.extend([event async for event in line.requests])
        return CallEnd.CLIENT

    async with served(script) as service:
        caller = Caller(service.channel)
        await caller.start()
        await caller.send(dtmf=input_pb2.DtmfInput(digit="5"))
        await caller.send(text=input_pb2.TextInput(text=" hello ", language="en"))
        await caller.send(control=input_pb2.Control(kind=input_pb2.CONTROL_KIND_COMMIT_INPUT))
        await caller.send(
            seq=9, reconfigure=config_pb2.Reconfigure(endpointing=config_pb2.EndpointingConfig(no_input_ms=900))
        )
        reconfigured = (await caller.next("reconfigured")).reconfigured
        assert reconfigured.refers_to_seq == 9
        assert reconfigured.endpointing.no_input_ms == 900
        assert not reconfigured.HasField("language")
        await caller.send(seq=10, reconfigure=config_pb2.Reconfigure(language="zh-Hans-CN"))
        reconfigured = (await caller.next("reconfigured")).reconfigured
        assert (reconfigured.refers_to_seq, reconfigured.language) == (10, "zh")
        assert not reconfigured.HasField("endpointing")
        await caller.rest()
    assert heard == [
        DigitPressed(digit="5"),
        TextTyped(text="hello", language="en"),
        ControlRequested(kind=ControlKind.COMMIT_INPUT),
        CallChanged(endpointing=EndpointingChanged(no_input=0.9)),
        CallChanged(language="zh"),
    ]


async def test_clear_audio_overtakes_queued_sound_and_none_of_the_reply_follows() -> None:
    """The client reads nothing, so that the windows of HTTP/2 fill and the queue does."""
    beyond_all_windows, large = 2_000, bytes(32_000)
    stopped = anyio.Event()

    async def script(line: Line) -> CallEnd:
        await line.send(reply_started(1))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(partial(play, line, 1, beyond_all_windows, frame=large))
            await anyio.wait_all_tasks_blocked()
            await line.send(
                ReplyStopped(turn=TurnId(1), at=0.0, reply=ReplyId(1), status=ReplyStatus.BARGE_IN, onset_at=0.0)
            )
            stopped.set()
        await play(line, 1, 3)
        await line.send(reply_ended(1, ReplyStatus.BARGE_IN))
        await line.send(reply_started(2))
        await play(line, 2, 2)
        return CallEnd.HANGUP

    async with served(script) as service:
        caller = Caller(service.channel)
        await caller.start()
        await stopped.wait()
        messages = await caller.all()
        kinds = [message.WhichOneof("event") for message in messages]
        assert kinds.count("audio") < beyond_all_windows
        cleared = kinds.index("clear_audio")
        assert all(message.audio.response_id == 2 for message in messages[cleared:] if message.HasField("audio"))
        assert kinds[cleared:] == ["clear_audio", "response_done", "response_started", "audio", "audio", "ended"]


async def test_the_end_of_a_reply_stays_behind_its_sound() -> None:
    async def script(line: Line) -> CallEnd:
        await line.send(reply_started(1))
        await play(line, 1, 6)
        await line.send(reply_ended(1))
        return CallEnd.HANGUP

    async with served(script) as service:
        caller = Caller(service.channel)
        await caller.start()
        messages = await caller.all()
        kinds = [message.WhichOneof("event") for message in messages]
        assert kinds == ["response_started", *["audio"] * 6, "response_done", "ended"]
        assert [message.audio.offset_ms for message in messages[1:7]] == [0, 20, 40, 60, 80, 100]
        assert [message.audio.last for message in messages[1:7]] == [False] * 5 + [True]
        done = messages[-2].response_done
        assert done.heard_text == "We open"
        assert done.spans_ms == {"response_gap": 500.0}
        assert done.usage.model == "tiny"


async def test_several_calls_at_once_do_not_mix() -> None:
    async def script(line: Line) -> CallEnd:
        total = 0
        async for frame in line.microphone:
            total += frame.pcm.data[0]
        await play(line, total, 1)
        return CallEnd.CLIENT

    async def one(service_channel: grpc.aio.Channel, mark: int) -> None:
        caller = Caller(service_channel)
        await caller.start()
        for _ in range(5):
            await caller.speak(bytes([mark, 0] * 320))
        messages = await caller.rest()
        assert [message.audio.response_id for message in messages if message.HasField("audio")] == [5 * mark]

    async with served(script) as service, anyio.create_task_group() as tasks:
        for mark in range(1, 9):
            tasks.start_soon(one, service.channel, mark)


async def test_a_failing_call_is_told_and_hurts_no_other() -> None:
    async def script(line: Line) -> CallEnd:
        async for _ in line.microphone:
            raise DialogError("engine-timeout", "the model hangs", retryable=True)
        return CallEnd.CLIENT

    async with served(script) as service:
        lucky, unlucky = Caller(service.channel), Caller(service.channel)
        await lucky.start()
        await unlucky.start()
        await unlucky.speak(bytes(640))
        assert (await unlucky.next("ended")).ended.reason == output_pb2.END_REASON_FAILED
        refusal = await unlucky.refusal()
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.UNAVAILABLE, "ENGINE_TIMEOUT")
        assert (await lucky.rest())[-1].ended.reason == output_pb2.END_REASON_CLIENT


async def test_a_fault_of_ours_ends_the_call_with_internal_and_says_nothing_of_its_cause() -> None:
    async def script(_line: Line) -> CallEnd:
        raise KeyError("secret")

    async with served(script) as service:
        caller = Caller(service.channel)
        await caller.start()
        assert (await caller.next("ended")).ended.reason == output_pb2.END_REASON_FAILED
        refusal = await caller.refusal()
        assert refusal.code is grpc.StatusCode.INTERNAL
        assert "secret" not in refusal.message


async def test_stage_failures_become_notices_and_the_call_goes_on() -> None:
    async def script(line: Line) -> CallEnd:
        await line.send(
            StageFailed(
                turn=TurnId(1), at=0.0, stage="dialog", code="engine-timeout", message="no answer", retryable=True
            )
        )
        return CallEnd.CLIENT

    async with served(script) as service:
        caller = Caller(service.channel)
        await caller.start()
        notice = (await caller.next("notice")).notice
        assert notice.retryable
        assert notice.status.code == grpc.StatusCode.UNAVAILABLE.value[0]
        await caller.rest()
