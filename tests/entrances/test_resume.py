"""Calls whose connection broke: how long they wait, for whom, and what they make up for. On virtual time."""

from collections.abc import Mapping
from typing import Any

import anyio
import pytest
from google.rpc import code_pb2, status_pb2

from pipeline.core.events import CallEnd, ClientBack, ClientEvent, ClientLost, DigitPressed, TextTyped
from pipeline.entrances.generated.voicepipe.v1.audio_pb2 import AUDIO_ENCODING_MULAW, AudioFormat, AudioInput
from pipeline.entrances.generated.voicepipe.v1.config_pb2 import (
    BargeInConfig,
    ClientCapabilities,
    DtmfConfig,
    EndpointingConfig,
    OutputConfig,
    Pacing,
    ToolDeclaration,
)
from pipeline.entrances.generated.voicepipe.v1.config_pb2 import Caller as CallerMessage
from pipeline.entrances.generated.voicepipe.v1.conversation_pb2 import ConverseRequest, ConverseResponse
from pipeline.entrances.generated.voicepipe.v1.input_pb2 import DtmfInput, PlaybackEvent, TextInput
from pipeline.entrances.switchboard import CutOff
from pipeline.session.line import Line
from pipeline.settings import Resume
from tests.entrances.calls import FakeSwitchboard, play, reply_started, start_message, unpack
from tests.entrances.resuming import Break, Wire, hosted
from tests.virtual_time import VIRTUAL_TIME, pass_time

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> tuple[str, Mapping[str, Any]]:
    return VIRTUAL_TIME


def lost(wire: Wire, how: Break = Break.CANCELLED) -> None:
    wire.break_off(how)
    wire.received.close()


async def next_of(wire: Wire, kind: str) -> ConverseResponse:
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


# Waiting


@pytest.mark.parametrize("how", [Break.CANCELLED, Break.LOST])
async def test_a_call_whose_connection_broke_waits_and_ends_as_lost(how: Break) -> None:
    board = FakeSwitchboard()
    async with hosted(board) as service:
        wire, started = await service.called()
        assert started.started.resume_token
        lost(wire, how)
        await pass_time(14.9)
        assert board.running == 1
        assert service.count("calls_waiting") == 1
        await pass_time(0.2)
        assert (board.running, board.released, board.cut_off) == (0, 1, [CutOff.VANISHED])
        assert service.count("calls_not_resumed_total", reason="time") == 1
        assert service.count("calls_waiting") == 0


async def test_a_call_that_was_resumed_goes_on_and_its_session_knows_it() -> None:
    asked = Asked()
    async with hosted(FakeSwitchboard(asked)) as service:
        wire, started = await service.called(conversation_id="c-1")
        await wire.send(ConverseRequest(seq=7, text=TextInput(text="hello")))
        await pass_time(2.0)
        lost(wire)
        await pass_time(10.0)
        played = PlaybackEvent(response_id=1, played_ms=640)
        again, first = await service.called(
            resume_token=started.started.resume_token,
            last_playback=played,
            capabilities=ClientCapabilities(reports_playback=True),
        )
        assert first.started.conversation_id == "c-1"
        update = (await next_of(again, "resumption_update")).resumption_update
        assert (update.token, update.resumable, update.last_consumed_seq) == (first.started.resume_token, True, 7)
        assert update.token != started.started.resume_token
        again.hang_up()
        await pass_time(1.0)
        again.received.close()
    assert asked.kinds() == ["TextTyped", "ClientLost", "ClientBack"]
    _, away, back = asked.events
    assert isinstance(away, ClientLost)
    assert away.heard_at == pytest.approx(1000.0, abs=0.1)  # when the text came, and not when the connection broke
    assert isinstance(back, ClientBack)
    assert back.reports_playback
    assert back.played is not None
    assert (back.played.reply, back.played.played_ms) == (1, 640)
    assert service.count("calls_resumed_total") == 1


async def test_where_calls_do_not_wait_there_is_no_token_and_a_broken_one_ends_at_once() -> None:
    board = FakeSwitchboard()
    async with hosted(board, Resume(wait=0)) as service:
        wire, started = await service.called()
        assert not started.started.resume_token
        lost(wire)
        await pass_time(0.01)
        assert board.running == 0


async def test_who_hung_up_is_not_waited_for() -> None:
    async def for_ever(_line: Line) -> CallEnd:
        await anyio.sleep_forever()
        return CallEnd.CLIENT

    board = FakeSwitchboard(for_ever)
    async with hosted(board) as service:
        wire, started = await service.called()
        wire.hang_up()
        await pass_time(1.0)
        lost(wire)
        await pass_time(0.01)
        assert board.running == 0
        assert code(await service.refused(resume_token=started.started.resume_token)) == "UNKNOWN_TOKEN"


async def test_who_never_read_started_is_not_waited_for() -> None:
    board = FakeSwitchboard()
    async with hosted(board) as service:
        passed: list[int] = []

        def break_at_started() -> None:
            passed.append(1)
            if len(passed) == 2:
                wire.break_off(Break.CANCELLED)

        wire = await service.wire(break_at_started)
        await wire.send(ConverseRequest(start=start_message()))
        await pass_time(0.01)
        wire.received.close()
        assert len(passed) == 2
        assert (board.running, len(service.ground.live)) == (0, 0)


async def test_a_call_that_ends_while_it_waits_cannot_be_resumed() -> None:
    async def short(line: Line) -> CallEnd:
        await pass_time(5.0)
        return CallEnd.MAX_DURATION

    async with hosted(FakeSwitchboard(short)) as service:
        wire, started = await service.called()
        lost(wire)
        await pass_time(6.0)
        assert len(service.ground.live) == 0
        assert code(await service.refused(resume_token=started.started.resume_token)) == "UNKNOWN_TOKEN"
        assert service.count("calls_not_resumed_total", reason="call_over") == 1


async def test_a_client_that_stalls_may_come_back_and_is_else_written_down_as_stalled() -> None:
    async def flood(line: Line) -> CallEnd:
        await play(line, 1, 5_000)
        return CallEnd.HANGUP

    board = FakeSwitchboard(flood)
    async with hosted(board, write_timeout=1.0) as service:
        wire, _ = await service.called()
        await pass_time(2.0)
        assert wire.status is not None
        assert code(wire.status) == "CLIENT_STALLED"
        assert board.running == 1
        await pass_time(15.0)
        assert board.cut_off == [CutOff.STALLED]
        wire.received.close()


# Room


async def test_of_too_many_that_wait_the_one_that_has_waited_longest_ends() -> None:
    board = FakeSwitchboard()
    async with hosted(board, Resume(most=2)) as service:
        tokens = []
        for _ in range(3):
            wire, started = await service.called()
            tokens.append(started.started.resume_token)
            lost(wire)
            await pass_time(1.0)
        assert board.running == 2
        assert service.count("calls_not_resumed_total", reason="no_room") == 1
        assert code(await service.refused(resume_token=tokens[0])) == "UNKNOWN_TOKEN"
        again, _ = await service.called(resume_token=tokens[1])
        again.hang_up()
        await pass_time(1.0)
        again.received.close()


async def test_a_call_that_waits_keeps_its_seat_until_a_full_server_is_called() -> None:
    board = FakeSwitchboard()
    async with hosted(board, max_calls=2) as service:
        wire, _ = await service.called()
        other, _ = await service.called()
        lost(wire)
        await pass_time(1.0)
        assert len(service.ground.live) == 2
        service.ground.live.check()
        third, _ = await service.called()
        assert code(await service.refused()) == "TOO_MANY_CALLS"
        for one in (other, third):
            one.hang_up()
        await pass_time(1.0)
        for one in (other, third):
            one.received.close()


async def test_a_new_call_takes_the_place_of_one_that_waits_under_its_id() -> None:
    board = FakeSwitchboard()
    async with hosted(board) as service:
        wire, _ = await service.called(conversation_id="pbx-1")
        assert code(await service.refused(conversation_id="pbx-1")) == "CALL_EXISTS"
        lost(wire)
        await pass_time(1.0)
        assert service.ground.live.waits("pbx-1")
        again, _ = await service.called(conversation_id="pbx-1")
        await pass_time(1.0)
        assert (board.running, board.cut_off) == (1, [CutOff.VANISHED])
        assert not service.ground.live.waits("pbx-1")
        again.hang_up()
        await pass_time(1.0)
        again.received.close()


async def test_a_server_that_stops_waits_for_nobody_but_lets_who_is_back_go_on() -> None:
    board = FakeSwitchboard()
    async with hosted(board) as service:
        wire, started = await service.called()
        gone, _ = await service.called()
        lost(wire)
        lost(gone)
        await pass_time(1.0)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(service.ground.live.drain, 5.0)
            await pass_time(1.0)
            again, _ = await service.called(resume_token=started.started.resume_token)
            assert (await next_of(again, "going_away")).going_away.time_left_ms == 5_000
            await next_of(again, "ended")
        await service.ground.live.wait_empty()
        assert board.cut_off == [CutOff.DRAINING, CutOff.DRAINING]
        again.received.close()


# Tokens


def code(status: status_pb2.Status) -> str:
    return unpack(status)[1]


async def test_a_token_that_is_not_good_reads_the_same_whatever_is_wrong_with_it() -> None:
    async with hosted(FakeSwitchboard()) as service:
        wire, started = await service.called()
        token = started.started.resume_token
        assert len(token) * 6 >= 128
        lost(wire)
        await pass_time(1.0)
        refusals = [await service.refused(resume_token=wrong) for wrong in ("x", token[:-1], token + "A", "Ω" * 99)]
        refusals.append(await service.refused(resume_token=token, agent_id="bank"))  # another tenant's, perhaps
        again, next_started = await service.called(resume_token=token)
        await again.send(ConverseRequest(audio=AudioInput(data=bytes(640))))
        await pass_time(0.1)
        refusals.append(await service.refused(resume_token=token))
        again.hang_up()
        await pass_time(1.0)
        again.received.close()
        refusals.append(await service.refused(resume_token=next_started.started.resume_token))
    assert {one.code for one in refusals} == {code_pb2.NOT_FOUND}
    assert len({one.SerializeToString() for one in refusals}) == 1


async def test_a_thousand_guesses_change_nothing() -> None:
    async with hosted(FakeSwitchboard()) as service:
        wire, started = await service.called()
        lost(wire)
        for number in range(1000):
            assert code(await service.refused(resume_token=f"guess-{number}")) == "UNKNOWN_TOKEN"
        again, _ = await service.called(resume_token=started.started.resume_token)
        again.hang_up()
        await pass_time(1.0)
        again.received.close()
        assert service.count("calls_refused_total", code="unknown-token") == 1000


async def test_a_token_is_good_until_its_successor_has_arrived() -> None:
    async with hosted(FakeSwitchboard()) as service:
        wire, started = await service.called()
        lost(wire)
        unread, _ = await service.called(resume_token=started.started.resume_token)
        lost(unread)  # before Started was read
        again, _ = await service.called(resume_token=started.started.resume_token)
        again.hang_up()
        await pass_time(1.0)
        again.received.close()


async def test_an_open_stream_ends_as_aborted_when_another_resumes_its_call() -> None:
    async with hosted(FakeSwitchboard()) as service:
        wire, started = await service.called()
        await pass_time(3.0)
        again, _ = await service.called(resume_token=started.started.resume_token)
        await wire.over.wait()
        assert wire.status is not None
        assert (wire.status.code, code(wire.status)) == (code_pb2.ABORTED, "RESUMED_ELSEWHERE")
        again.hang_up()
        await pass_time(1.0)
        for one in (wire, again):
            one.received.close()


CONTRADICTIONS: list[tuple[dict[str, Any], str]] = [
    ({"conversation_id": "c-2"}, "start.conversation_id"),
    ({"languages": ["de"]}, "start.languages"),
    ({"endpointing": EndpointingConfig(no_input_ms=9_000)}, "start.endpointing"),
    ({"barge_in": BargeInConfig(min_speech_ms=9)}, "start.barge_in"),
    ({"dtmf": DtmfConfig(max_digits=9)}, "start.dtmf"),
    ({"caller": CallerMessage(ani="+1")}, "start.caller"),
    ({"parameters": {"order": "9"}}, "start.parameters"),
    ({"tools": [ToolDeclaration(name="t", description="d")]}, "start.tools"),
    ({"output": OutputConfig(lead_ms=999)}, "start.output.lead_ms"),
    (
        {"output": OutputConfig(pacing=Pacing.PACING_FAST), "capabilities": ClientCapabilities(can_clear=True)},
        "start.output.pacing",
    ),
    ({"last_seen_seq": 99}, "start.last_seen_seq"),
    ({"last_playback": PlaybackEvent()}, "start.last_playback.response_id"),
    ({"input_audio": AudioFormat()}, "start.input_audio.encoding"),
]


@pytest.mark.parametrize(("parts", "field"), CONTRADICTIONS, ids=[field for _, field in CONTRADICTIONS])
async def test_what_cannot_change_is_named_and_costs_no_token(parts: dict[str, Any], field: str) -> None:
    async with hosted(FakeSwitchboard()) as service:
        wire, started = await service.called(conversation_id="c-1", languages=["en"])
        token = started.started.resume_token
        lost(wire)
        refusal = await service.refused(resume_token=token, **parts)
        assert refusal.code == code_pb2.INVALID_ARGUMENT
        assert unpack(refusal)[0] == [field]
        again, _ = await service.called(resume_token=token, conversation_id="c-1", languages=["en"], agent_id="shop")
        again.hang_up()
        await pass_time(1.0)
        again.received.close()


@pytest.mark.parametrize("parts", [{"last_seen_seq": 1}, {"last_playback": PlaybackEvent(response_id=1)}])
async def test_what_is_for_resuming_needs_a_token(parts: dict[str, Any]) -> None:
    async with hosted(FakeSwitchboard()) as service:
        refusal = await service.refused(**parts)
        assert refusal.code == code_pb2.INVALID_ARGUMENT
        assert unpack(refusal)[0] == [f"start.{next(iter(parts))}"]


# What is made up for


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
