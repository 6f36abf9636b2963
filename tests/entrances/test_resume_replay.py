"""What a client that comes back is told again, and what of its own is taken. On virtual time."""

from collections.abc import Mapping
from typing import Any

import anyio
import pytest
from google.rpc import code_pb2

from pipeline.core.events import CallEnd, ClientBack, DigitPressed, TextTyped
from pipeline.entrances.generated.voicepipe.v1.audio_pb2 import AUDIO_ENCODING_MULAW, AudioFormat, AudioInput
from pipeline.entrances.generated.voicepipe.v1.conversation_pb2 import ConverseRequest
from pipeline.entrances.generated.voicepipe.v1.input_pb2 import DtmfInput, TextInput
from pipeline.session.line import Line
from pipeline.settings import Resume
from tests.entrances.calls import FakeSwitchboard
from tests.entrances.replies import play, reply_started
from tests.entrances.resuming import Asked, code, hosted, next_of
from tests.entrances.wires import lost
from tests.virtual_time import VIRTUAL_TIME, pass_time

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> tuple[str, Mapping[str, Any]]:
    return VIRTUAL_TIME


async def tell_ten(line: Line) -> CallEnd:
    for reply in range(1, 11):
        await line.send(reply_started(reply))
        await pass_time(1.0)
    async for _ in line.requests:
        pass
    return CallEnd.CLIENT


async def test_what_the_client_has_not_seen_is_sent_again_in_order_and_nothing_else() -> None:
    async with hosted(FakeSwitchboard(tell_ten)) as service:
        wire, started = await service.called()
        seen = [await wire.received.receive() for _ in range(3)]
        await pass_time(1.5)  # two more are on their way, and get lost
        lost(wire)
        await pass_time(3.0)
        again, _ = await service.called(resume_token=started.started.resume_token, last_seen_seq=seen[-1].seq)
        await next_of(again, "resumption_update")
        rest = [await next_of(again, "response_started") for _ in range(7)]
        assert [one.seq for one in (*seen, *rest)] == list(range(1, 11))
        assert [one.response_started.response_id for one in (*seen, *rest)] == list(range(1, 11))
        again.hang_up()
        await pass_time(1.0)
        assert (await again.received.receive()).HasField("ended")
        again.received.close()


async def test_who_missed_too_much_is_told_so() -> None:
    async with hosted(FakeSwitchboard(tell_ten), Resume(messages=4)) as service:
        wire, started = await service.called()
        lost(wire)
        await pass_time(12.0)
        again, _ = await service.called(resume_token=started.started.resume_token)
        await next_of(again, "resumption_update")
        notice = (await again.received.receive()).notice
        assert (notice.status.code, code(notice.status)) == (code_pb2.DATA_LOSS, "EVENTS_MISSED")
        assert notice.status.message.startswith("6 messages")
        assert [(await next_of(again, "response_started")).seq for _ in range(4)] == [7, 8, 9, 10]
        again.hang_up()
        await pass_time(1.0)
        again.received.close()


async def test_a_message_that_came_before_is_not_taken_twice() -> None:
    asked = Asked()
    async with hosted(FakeSwitchboard(asked)) as service:
        wire, started = await service.called()
        typed = ConverseRequest(seq=1, text=TextInput(text="hello"))
        key = ConverseRequest(seq=2, dtmf=DtmfInput(digit="5"))
        await wire.send(typed)
        await pass_time(0.1)
        lost(wire)
        again, _ = await service.called(resume_token=started.started.resume_token)
        for request in (typed, key, ConverseRequest(dtmf=DtmfInput(digit="7"))):
            await again.send(request)
        again.hang_up()
        await pass_time(1.0)
        again.received.close()
    taken = [event for event in asked.events if isinstance(event, TextTyped | DigitPressed)]
    assert taken == [TextTyped(text="hello", language=""), DigitPressed(digit="5"), DigitPressed(digit="7")]


async def test_the_callers_sound_goes_on_in_another_form_and_none_of_a_burst_is_dropped() -> None:
    heard: list[tuple[float, int]] = []

    async def listen(line: Line) -> CallEnd:
        heard.extend([(frame.pcm.audio_at, frame.pcm.samples) async for frame in line.microphone])
        return CallEnd.CLIENT

    async with hosted(FakeSwitchboard(listen)) as service:
        wire, started = await service.called()
        for _ in range(50):
            await wire.send(ConverseRequest(audio=AudioInput(data=bytes(640))))
        await pass_time(0.1)
        lost(wire)
        form = AudioFormat(encoding=AUDIO_ENCODING_MULAW, sample_rate_hz=8_000)
        again, first = await service.called(resume_token=started.started.resume_token, input_audio=form)
        assert first.started.input_audio.sample_rate_hz == 8_000
        for _ in range(500):
            await again.send(ConverseRequest(audio=AudioInput(data=b"\xff" * 160)))
        again.hang_up()
        await pass_time(1.0)
        again.received.close()
        assert service.count("frames_dropped_total") == 0
    assert sum(samples for _, samples in heard) == pytest.approx(11 * 16_000, abs=200)
    assert heard[-1][0] == pytest.approx(11.0, abs=0.1)


async def test_sound_that_was_queued_for_the_old_connection_is_not_played_on_the_new_one() -> None:
    async def speak(line: Line) -> CallEnd:
        await line.send(reply_started(1))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(play, line, 1, 100)
            async for event in line.requests:
                if isinstance(event, ClientBack):
                    break
        return CallEnd.HANGUP

    async with hosted(FakeSwitchboard(speak)) as service:
        wire, started = await service.called()
        await next_of(wire, "audio")
        lost(wire)
        await pass_time(1.0)
        again, _ = await service.called(resume_token=started.started.resume_token, last_seen_seq=1)
        with anyio.move_on_after(2.0):
            await next_of(again, "audio")
            raise AssertionError("the session has not said that it plays for the new connection")
        lost(again)
