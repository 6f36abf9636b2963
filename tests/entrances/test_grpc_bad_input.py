"""What a client can get wrong: each with an error that names the field, and nothing else harmed."""

from collections.abc import Callable
from typing import Any

import grpc
import numpy as np
import pytest

from pipeline.core.events import CallEnd, StageFailed
from pipeline.entrances.generated.voicepipe.v1 import config_pb2, input_pb2
from pipeline.entrances.generated.voicepipe.v1.audio_pb2 import AUDIO_ENCODING_OPUS, AudioInput
from pipeline.entrances.generated.voicepipe.v1.conversation_pb2 import ConverseRequest, ConverseResponse
from pipeline.session.line import Line
from tests.entrances.calls import Caller, audio_format, served, start_message, unpack
from tests.entrances.replies import reply_started

pytestmark = pytest.mark.anyio

Code = grpc.StatusCode


async def echo_failures(line: Line) -> CallEnd:
    """Tell the client of its mistakes, as the session does; count the sound."""
    await line.send(reply_started(1))
    async for request in line.requests:
        if isinstance(request, StageFailed):
            await line.send(request)
    return CallEnd.CLIENT


STARTS: list[tuple[ConverseRequest, Code, str, str]] = [
    (ConverseRequest(audio=AudioInput(data=b"xx")), Code.FAILED_PRECONDITION, "audio", "NO_START"),
    (ConverseRequest(dtmf=input_pb2.DtmfInput(digit="1")), Code.FAILED_PRECONDITION, "dtmf", "NO_START"),
    (ConverseRequest(), Code.FAILED_PRECONDITION, "event", "NO_START"),
    (
        ConverseRequest(start=start_message(input_audio=audio_format(rate=0))),
        Code.INVALID_ARGUMENT,
        "start.input_audio.sample_rate_hz",
        "INVALID_VALUE",
    ),
    (
        ConverseRequest(start=start_message(input_audio=audio_format(77))),  # type: ignore[arg-type]
        Code.INVALID_ARGUMENT,
        "start.input_audio.encoding",
        "INVALID_VALUE",
    ),
    (
        ConverseRequest(start=start_message(input_audio=audio_format(AUDIO_ENCODING_OPUS, 48_000))),
        Code.UNIMPLEMENTED,
        "start.input_audio.encoding",
        "NOT_SERVED",
    ),
    (
        ConverseRequest(start=start_message(agent_id="nobody")),
        Code.NOT_FOUND,
        "start.agent_id",
        "UNKNOWN_AGENT",
    ),
]


@pytest.mark.parametrize(("first", "code", "field", "reason"), STARTS)
async def test_a_call_that_cannot_begin_is_refused_with_a_status_that_names_the_field(
    first: ConverseRequest, code: Code, field: str, reason: str
) -> None:
    async with served() as service:
        caller = Caller(service.channel)
        await caller.stream.write(first)
        refusal = await caller.refusal()
        assert (refusal.code, refusal.fields, refusal.reason) == (code, [field], reason)
        assert service.metrics.calls_refused.labels(reason.lower().replace("_", "-"))._value.get() == 1


async def test_a_stream_that_is_closed_without_a_start_is_refused() -> None:
    async with served() as service:
        caller = Caller(service.channel)
        await caller.stream.done_writing()
        assert (await caller.refusal()).code is Code.FAILED_PRECONDITION


async def test_a_client_that_says_nothing_is_not_waited_for_for_ever() -> None:
    async with served(start_timeout=0.05) as service:
        refusal = await Caller(service.channel).refusal()
        assert (refusal.code, refusal.fields) == (Code.DEADLINE_EXCEEDED, ["start"])


async def test_a_second_live_call_with_the_same_id_is_refused_and_the_first_goes_on() -> None:
    async with served() as service:
        first, second = Caller(service.channel), Caller(service.channel)
        await first.start(conversation_id="one")
        await second.send(start=start_message(conversation_id="one"))
        refusal = await second.refusal()
        assert (refusal.code, refusal.fields) == (Code.ALREADY_EXISTS, ["start.conversation_id"])
        await first.rest()
        assert (await first.refusal()).code is Code.OK
        third = Caller(service.channel)
        await third.start(conversation_id="one")
        await third.rest()


async def test_one_call_too_many_is_refused_with_a_time_to_come_back() -> None:
    async with served(max_calls=2) as service:
        callers = [Caller(service.channel) for _ in range(3)]
        await callers[0].start()
        await callers[1].start()
        await callers[2].send(start=start_message())
        refusal = await callers[2].refusal()
        assert (refusal.code, refusal.quota) == (Code.RESOURCE_EXHAUSTED, ["server.max_calls"])
        assert refusal.retry > 0
        for caller in callers[:2]:
            await caller.rest()


NOTICES: list[tuple[dict[str, Any], Code, str]] = [
    ({"audio": AudioInput()}, Code.INVALID_ARGUMENT, "audio.data"),
    ({"audio": AudioInput(data=bytes(320_000))}, Code.INVALID_ARGUMENT, "audio.data"),
    ({"audio": AudioInput(data=bytes(2), sample_offset=2**63)}, Code.INVALID_ARGUMENT, "audio.sample_offset"),
    ({"start": config_pb2.ConversationStart()}, Code.FAILED_PRECONDITION, "start"),
    ({"image": input_pb2.ImageInput(media_id="x")}, Code.INVALID_ARGUMENT, "image.media_id"),
    ({"tool_result": input_pb2.ToolResult(call_id="x")}, Code.INVALID_ARGUMENT, "tool_result.outcome"),
    ({"tool_result": input_pb2.ToolResult(call_id="x", error="no")}, Code.INVALID_ARGUMENT, "tool_result.call_id"),
    ({"dtmf": input_pb2.DtmfInput(digit="Q")}, Code.INVALID_ARGUMENT, "dtmf.digit"),
    ({"control": input_pb2.Control()}, Code.INVALID_ARGUMENT, "control.kind"),
    (
        {"playback": input_pb2.PlaybackEvent(response_id=2, kind=input_pb2.PLAYBACK_KIND_STARTED)},
        Code.INVALID_ARGUMENT,
        "playback.response_id",
    ),
    ({"reconfigure": config_pb2.Reconfigure(language="de")}, Code.INVALID_ARGUMENT, "reconfigure.language"),
    ({"reconfigure": config_pb2.Reconfigure(language="a b")}, Code.INVALID_ARGUMENT, "reconfigure.language"),
    ({}, Code.INVALID_ARGUMENT, "event"),
]


@pytest.mark.parametrize(("event", "code", "field"), NOTICES)
async def test_a_bad_message_is_answered_with_a_notice_and_the_call_goes_on(
    event: dict[str, Any], code: Code, field: str
) -> None:
    async with served(echo_failures) as service:
        caller = Caller(service.channel)
        await caller.start()
        if event:
            await caller.speak(bytes(640), offset=0)
        await caller.send(seq=41, **event)
        notice = (await caller.next("notice")).notice
        assert notice.refers_to_seq == 41
        assert notice.status.code == code.value[0]
        assert unpack(notice.status)[0] == [field]
        await caller.speak(bytes(640))
        await caller.rest()
        assert (await caller.refusal()).code is Code.OK


async def test_half_a_sample_at_the_end_is_reported() -> None:
    async with served(echo_failures) as service:
        caller = Caller(service.channel)
        await caller.start()
        await caller.speak(bytes(641))
        messages = await caller.rest()
        assert unpack(messages[-2].notice.status)[0] == ["audio.data"]
        assert messages[-1].HasField("ended")


SOUNDS: dict[str, Callable[[int], bytes]] = {
    "noise": lambda seed: np.random.default_rng(seed).bytes(640),
    "direct current": lambda _: b"\xff\x7f" * 320,
    "clipping": lambda seed: (b"\xff\x7f" if seed % 2 else b"\x00\x80") * 320,
    "silence": lambda _: bytes(640),
}


@pytest.mark.parametrize("sound", SOUNDS.values(), ids=SOUNDS.keys())
async def test_no_sound_is_an_error(sound: Callable[[int], bytes]) -> None:
    async with served(echo_failures) as service:
        caller = Caller(service.channel)
        await caller.start()
        for seed in range(100):
            await caller.speak(sound(seed))
        assert not [message for message in await caller.rest() if message.HasField("notice")]


@pytest.mark.parametrize("raw", [b"\xff\xff\xff\xff", b"\x12\xff\xff\xff\xff\x0f", b"\x3a\x02\x0a"])
async def test_bytes_that_are_no_message_are_answered_with_a_notice(raw: bytes) -> None:
    async with served(echo_failures) as service:
        stream: Any = service.channel.stream_stream(
            "/voicepipe.v1.ConversationService/Converse", response_deserializer=ConverseResponse.FromString
        )()
        await stream.write(ConverseRequest(start=start_message()).SerializeToString())
        assert (await stream.read()).HasField("started")
        assert (await stream.read()).HasField("response_started")
        await stream.write(raw)
        assert unpack((await stream.read()).notice.status)[0] == ["event"]
        await stream.done_writing()
        assert (await stream.read()).HasField("ended")
        assert await stream.code() is Code.OK


async def test_a_first_message_that_is_none_is_refused() -> None:
    async with served() as service:
        stream: Any = service.channel.stream_stream("/voicepipe.v1.ConversationService/Converse")()
        await stream.write(b"\xff\xff\xff\xff")
        assert await stream.code() is Code.INVALID_ARGUMENT


async def test_a_message_of_megabytes_ends_its_own_call_only() -> None:
    async with served() as service:
        good, bad = Caller(service.channel), Caller(service.channel)
        await good.start()
        await bad.start()
        await bad.speak(bytes(2**20))
        assert (await bad.refusal()).code is Code.RESOURCE_EXHAUSTED
        await good.rest()
        assert (await good.refusal()).code is Code.OK
