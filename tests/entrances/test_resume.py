"""Calls whose connection broke: how long they wait, and for whom. On virtual time."""

from collections.abc import Mapping
from typing import Any

import anyio
import pytest

from pipeline.core.events import CallEnd, ClientBack, ClientLost
from pipeline.entrances.generated.voicepipe.v1.config_pb2 import (
    ClientCapabilities,
)
from pipeline.entrances.generated.voicepipe.v1.conversation_pb2 import ConverseRequest
from pipeline.entrances.generated.voicepipe.v1.input_pb2 import PlaybackEvent, TextInput
from pipeline.entrances.switchboard import CutOff
from pipeline.session.line import Line
from pipeline.settings import Resume
from tests.entrances.calls import FakeSwitchboard, start_message
from tests.entrances.replies import play
from tests.entrances.resuming import Asked, code, hosted, next_of
from tests.entrances.wires import Break, lost
from tests.virtual_time import VIRTUAL_TIME, pass_time

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> tuple[str, Mapping[str, Any]]:
    return VIRTUAL_TIME


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
