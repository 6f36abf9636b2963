"""Absence: what becomes of a call while its client is lost, and how it goes on."""

from collections.abc import Sequence
from dataclasses import dataclass

import anyio
import pytest

from pipeline.core.clock import LoopClock
from pipeline.core.events import (
    CallEnd,
    CallEnded,
    CallResumed,
    CallSuspended,
    Clause,
    ClientBack,
    ClientLost,
    DigitPressed,
    DigitsCollected,
    FillerStarted,
    InputMissing,
    PlaybackKind,
    PlaybackReported,
    ReplyEnded,
    ReplyId,
    ReplyStarted,
    ReplyStatus,
    TextTyped,
)
from pipeline.settings import Call, Ladder
from tests.fakes import FakeLine, FakeModel, FakeRecognizer, Sent
from tests.session.calls import LONG_ANSWER, Made, asks_again_after, place
from tests.virtual_time import pass_time

pytestmark = pytest.mark.anyio


PATIENT = Call(no_input=100.0)
"""Nobody is asked whether they are there."""


@dataclass(frozen=True)
class Away:
    """When the client is lost, and for how long, in seconds."""

    at: float
    seconds: float
    rate: int = 16_000
    """What its new connection wants."""
    played_ms: int | None = None
    """What it says to have played of the first reply."""
    unnoticed: float = 0.0
    """Seconds for which nothing had come from it when it was found lost."""


async def placed(made: Made, *absences: Away) -> CallEnded | None:
    """Run the call with a client that is lost so."""
    line = made.line

    async def break_off() -> None:
        clock = LoopClock()
        began = clock.now()
        for away in absences:
            await pass_time(began + away.at - clock.now())
            line.order(ClientLost(heard_at=clock.now() - away.unnoticed))
            await pass_time(away.seconds)
            line.output_rate = away.rate
            played = None
            if away.played_ms is not None:
                played = PlaybackReported(reply=ReplyId(1), kind=PlaybackKind.CLEARED, played_ms=away.played_ms)
            line.order(ClientBack(reports_playback=made.reports_playback, played=played))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(break_off)
        ended = await place(made)
        tasks.cancel_scope.cancel()
    return ended


def times(line: FakeLine) -> tuple[float, float]:
    (lost,), (back,) = line.of(CallSuspended), line.of(CallResumed)
    return lost.at, back.at


def parted(line: FakeLine) -> tuple[list[Sent], list[Sent]]:
    """Return the sound before the client was lost, and that after its return; none was sent between."""
    lost, back = times(line)
    assert [sent for sent in line.audio if lost < sent.at < back] == []
    return [sent for sent in line.audio if sent.at <= lost], [sent for sent in line.audio if sent.at >= back]


def seconds(sound: Sequence[Sent]) -> float:
    return sum(sent.audio.pcm.duration for sent in sound)


def only(line: FakeLine) -> ReplyEnded:
    (ended,) = line.of(ReplyEnded)
    assert isinstance(ended, ReplyEnded)
    assert len(line.of(ReplyStarted)) == 1
    return ended


async def test_a_reply_goes_on_with_the_clause_that_was_being_heard() -> None:
    made = Made(FakeLine([(1.0, 2.0)], 60.0), model=FakeModel(LONG_ANSWER), call=PATIENT)
    await placed(made, Away(6.0, 5.0))
    ended = only(made.line)
    assert ended.status is ReplyStatus.COMPLETED
    assert ended.heard == ended.text
    before, after = parted(made.line)
    whole = seconds(before) + seconds(after)
    clauses = [clause for clause in made.line.of(Clause) if isinstance(clause, Clause)]
    longest = max(len(clause.text) for clause in clauses) / 15
    alone = Made(FakeLine([(1.0, 2.0)], 60.0), model=FakeModel(LONG_ANSWER), call=PATIENT)
    await place(alone)
    assert 0 < whole - seconds(alone.line.audio) <= longest + 0.3
    assert ended.heard_ms == pytest.approx(1000 * seconds(alone.line.audio), abs=50)


async def test_the_model_writes_on_while_nobody_listens() -> None:
    made = Made(FakeLine([(1.0, 2.0)], 60.0), model=FakeModel(LONG_ANSWER), call=PATIENT)
    await placed(made, Away(3.2, 10.0))
    lost, back = times(made.line)
    last = made.line.of(Clause)[-1].at
    assert lost < last < lost + 3.0 < back


async def test_a_reply_that_had_not_begun_is_said_from_its_beginning() -> None:
    made = Made(FakeLine([(1.0, 2.0)], 30.0), call=PATIENT)
    await placed(made, Away(2.7, 5.0))
    ended = only(made.line)
    before, after = parted(made.line)
    assert before == []
    assert after[0].audio.pcm.start == 0
    assert ended.heard == ended.text == "We open at nine, and we close at six."
    assert "response_gap" not in ended.spans


async def test_the_new_connection_gets_the_sound_that_it_wants() -> None:
    made = Made(FakeLine([(1.0, 2.0)], 60.0), model=FakeModel(LONG_ANSWER), call=PATIENT)
    await placed(made, Away(6.0, 2.0, rate=8_000), Away(12.0, 2.0, rate=48_000))
    rates = [sent.audio.pcm.rate for sent in made.line.audio]
    assert sorted(set(rates), key=rates.index) == [16_000, 8_000, 48_000]
    assert rates == sorted(rates, key=[16_000, 8_000, 48_000].index)
    ended = only(made.line)
    assert ended.heard == ended.text


async def test_what_the_client_says_it_has_played_counts() -> None:
    made = Made(FakeLine([(1.0, 2.0)], 60.0), model=FakeModel(LONG_ANSWER), call=PATIENT)
    await placed(made, Away(6.0, 2.0, played_ms=0))
    _, after = parted(made.line)
    alone = Made(FakeLine([(1.0, 2.0)], 60.0), model=FakeModel(LONG_ANSWER), call=PATIENT)
    await place(alone)
    assert seconds(after) == pytest.approx(seconds(alone.line.audio), abs=0.1)


async def test_what_was_played_since_the_client_was_heard_of_is_said_again() -> None:
    made = Made(FakeLine([(1.0, 2.0)], 60.0), model=FakeModel(LONG_ANSWER), call=PATIENT)
    await placed(made, Away(8.0, 2.0, unnoticed=6.0))
    _, after = parted(made.line)
    assert after[0].audio.pcm.start == 0
    alone = Made(FakeLine([(1.0, 2.0)], 60.0), model=FakeModel(LONG_ANSWER), call=PATIENT)
    await place(alone)
    assert seconds(after) == pytest.approx(seconds(alone.line.audio), abs=0.1)


async def test_a_reply_that_was_heard_to_its_end_is_not_said_again() -> None:
    made = Made(FakeLine([(1.0, 2.0)], 30.0), reports_playback=True, call=PATIENT)
    await placed(made, Away(5.9, 2.0, played_ms=60_000))
    ended = only(made.line)
    _, after = parted(made.line)
    assert seconds(after) == 0
    assert ended.heard == ended.text


async def test_what_was_missed_of_a_reply_that_is_over_is_said_again() -> None:
    two = FakeModel([(0.3, "We open at nine in the morning. "), (0.1, "And we close at six in the evening, as ever.")])
    made = Made(FakeLine([(1.0, 2.0)], 40.0), model=two, call=PATIENT)
    await placed(made, Away(10.0, 2.0, unnoticed=4.0))
    first, again = (one for one in made.line.of(ReplyEnded) if isinstance(one, ReplyEnded))
    assert first.text == "We open at nine in the morning. And we close at six in the evening, as ever."
    assert again.heard == again.text == "And we close at six in the evening, as ever."
    assert (again.turn, again.status) == (first.turn, ReplyStatus.COMPLETED)


@pytest.mark.parametrize("played_ms", [None, 60_000])
async def test_what_was_not_missed_is_not_said_again(played_ms: int | None) -> None:
    made = Made(FakeLine([(1.0, 2.0)], 40.0), call=PATIENT)
    unnoticed = 0.02 if played_ms is None else 8.0
    await placed(made, Away(10.0, 2.0, unnoticed=unnoticed, played_ms=played_ms))
    only(made.line)


async def test_a_turn_that_is_understood_meanwhile_is_answered_once_the_client_is_back() -> None:
    made = Made(FakeLine([(1.0, 2.0)], 30.0), recognizer=FakeRecognizer([(2.0, "when do you open")]), call=PATIENT)
    await placed(made, Away(2.6, 5.0))
    ended = only(made.line)
    before, after = parted(made.line)
    assert (before, ended.heard) == ([], ended.text)
    assert after != []


async def test_a_turn_that_waits_for_the_client_to_come_back_has_not_waited_for_its_answer() -> None:
    line = FakeLine([(1.0, 2.0)], 40.0, lost=[(2.2, 14.6)])
    made = Made(line, ladder=Ladder(filler_after=2.0, phrase_after=6.0), call=PATIENT)
    await placed(made, Away(2.4, 12.2, unnoticed=0.2))
    ended = only(line)
    assert (ended.status, ended.degraded, line.of(FillerStarted)) == (ReplyStatus.COMPLETED, (), [])
    without = Made(FakeLine([(1.0, 2.0)], 40.0), call=PATIENT)
    await place(without)
    assert 0 < ended.spans["response_gap"] <= only(without.line).spans["response_gap"]


async def test_a_text_that_arrives_with_the_client_is_answered() -> None:
    made = Made(FakeLine([], 20.0), call=PATIENT)
    made.line.order(ClientLost(heard_at=1000.0))
    made.line.order(TextTyped(text="and on Sundays", language="en"))
    made.line.order(ClientBack(reports_playback=False))
    await place(made)
    assert only(made.line).status is ReplyStatus.COMPLETED


async def test_a_client_that_is_lost_twice_hears_all_the_same() -> None:
    made = Made(FakeLine([(1.0, 2.0)], 90.0), model=FakeModel(LONG_ANSWER), call=PATIENT)
    await placed(made, Away(4.0, 1.0), Away(5.01, 1.0), Away(7.0, 14.0))
    ended = only(made.line)
    assert (ended.status, ended.heard) == (ReplyStatus.COMPLETED, ended.text)


async def test_nobody_is_asked_whether_they_are_there_while_the_client_is_lost() -> None:
    made = Made(FakeLine([(1.0, 2.0)], 30.0), call=asks_again_after(5.0))
    await placed(made, Away(6.5, 14.0))
    _, back = times(made.line)
    first = made.line.of(InputMissing)[0]
    assert first.at == pytest.approx(back + 5.0, abs=0.1)


async def test_keys_are_not_taken_as_complete_while_the_client_is_lost() -> None:
    made = Made(FakeLine([], 30.0), call=PATIENT)
    made.line.order(DigitPressed(digit="7"))
    await placed(made, Away(1.0, 10.0))
    _, back = times(made.line)
    (collected,) = made.line.of(DigitsCollected)
    assert collected.at > back + 1.0


async def test_the_longest_duration_goes_on_and_says_goodbye_to_nobody() -> None:
    made = Made(FakeLine([], 60.0), call=Call(max_duration=20.0, no_input=50.0))
    ended = await placed(made, Away(10.0, 30.0))
    assert ended is not None
    assert (ended.reason, made.line.of(ReplyStarted)) == (CallEnd.MAX_DURATION, [])
    assert ended.duration == pytest.approx(20.0, abs=0.1)


async def test_a_filler_that_was_cut_off_holds_nothing_up() -> None:
    slow = FakeModel([(4.0, "We open"), (0.1, " at nine.")])
    made = Made(
        FakeLine([(1.0, 2.0)], 40.0), model=slow, ladder=Ladder(filler_after=1.0, phrase_after=0.0), call=PATIENT
    )
    await placed(made, Away(3.3, 6.0))
    ended = only(made.line)
    assert (ended.status, ended.heard) == (ReplyStatus.COMPLETED, "We open at nine.")
    assert len(made.line.of(FillerStarted)) <= 1


async def test_a_call_that_is_not_resumed_is_hung_up_as_any_other() -> None:
    made = Made(FakeLine([(1.0, 2.0)], 60.0), model=FakeModel(LONG_ANSWER), call=PATIENT)

    async def break_off() -> None:
        await pass_time(6.0)
        made.line.order(ClientLost(heard_at=LoopClock().now()))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(break_off)
        assert await place(made, hang_up_after=21.0) is None
        tasks.cancel_scope.cancel()
    assert made.model.open_streams == made.synthesizer.open_streams == 0
