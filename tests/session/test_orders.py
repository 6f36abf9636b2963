import pytest

from pipeline.core.errors import HearingError
from pipeline.core.events import (
    CallChanged,
    CallEnd,
    CallEvent,
    CallReported,
    ClientEvent,
    ControlKind,
    DigitPressed,
    DigitsCollected,
    EndpointingChanged,
    FinalTranscript,
    InputMissing,
    PlaybackKind,
    PlaybackReported,
    PlaybackStarted,
    ReplyEnded,
    ReplyStarted,
    ReplyStatus,
    ReplyStopped,
    SpeechEnded,
    SpeechStarted,
    StageFailed,
    TextTyped,
    TurnEnded,
    TurnId,
)
from pipeline.core.stages import Message
from tests.fakes import FakeLine, FakeModel, FakeRecognizer
from tests.session.calls import ANSWER, LONG_ANSWER, Made, asks_again_after, control, orders_at, place
from tests.virtual_time import pass_time

pytestmark = pytest.mark.anyio

SEVEN = DigitPressed(digit="7")
HASH = DigitPressed(digit="#")
TYPED = TextTyped(text="and on Sundays", language="en")
WRONG = StageFailed(
    turn=TurnId(0), at=0.0, stage="entrance", code="not-served", message="no", retryable=False, refers_to=3
)


async def test_a_terminator_alone_leaves_the_caller_waited_for() -> None:
    made = Made(FakeLine([], 8.0), call=asks_again_after(5.0))
    made.line.order(HASH)
    await place(made)
    assert len(made.line.of(InputMissing)) == 1


async def test_a_terminator_alone_leaves_the_answer_in_the_making() -> None:
    line = FakeLine([(1.0, 2.0)], 8.0, on_event=orders_at(FinalTranscript, HASH))
    made = Made(line, model=FakeModel([(1.0, "Well, "), *LONG_ANSWER[:2]]))
    await place(made)
    assert line.of(PlaybackStarted)
    assert not line.of(ReplyStopped)


async def test_keys_are_one_turn_once_the_pause_is_over() -> None:
    made = Made(FakeLine([], 12.0))
    made.line.order(SEVEN)
    made.line.order(SEVEN)
    await place(made)
    (collected,) = made.line.of(DigitsCollected)
    assert isinstance(collected, DigitsCollected)
    assert collected.digits == "77"
    assert collected.at == pytest.approx(1003.0, abs=0.01)
    assert made.model.asked[0][-1] == Message("user", "(keys pressed) 7 7")


async def test_a_key_stops_the_reply() -> None:
    made = Made(FakeLine([(1.0, 2.0)], 20.0), model=FakeModel(LONG_ANSWER, ANSWER))
    made.line.on_event = orders_at(PlaybackStarted, SEVEN)
    await place(made)
    first = made.line.of(ReplyEnded)[0]
    assert isinstance(first, ReplyEnded)
    assert first.status is ReplyStatus.BARGE_IN


@pytest.mark.parametrize("order", [HASH, TYPED], ids=["keys", "text"])
async def test_nothing_stops_a_reply_in_a_call_without_barge_in_and_the_answer_comes_after_it(
    order: ClientEvent,
) -> None:
    made = Made(
        FakeLine([(1.0, 2.0)], 20.0, on_event=orders_at(PlaybackStarted, SEVEN, order)),
        model=FakeModel(LONG_ANSWER[:8], ANSWER),
        barge_in=False,
        digits_stop=False,
        call=asks_again_after(60.0),
    )
    await place(made)
    assert [event.status for event in made.line.events if isinstance(event, ReplyEnded)] == [
        ReplyStatus.COMPLETED
    ] * len(made.model.asked)
    assert made.line.of(ReplyStopped) == []
    assert len(made.model.asked) >= 2


async def test_a_text_stops_the_reply_where_anything_may() -> None:
    made = Made(
        FakeLine([(1.0, 2.0)], 20.0, on_event=orders_at(PlaybackStarted, TYPED)),
        model=FakeModel(LONG_ANSWER, ANSWER),
        digits_stop=False,
        call=asks_again_after(60.0),
    )
    await place(made)
    assert [event.status for event in made.line.events if isinstance(event, ReplyEnded)] == [
        ReplyStatus.BARGE_IN,
        ReplyStatus.COMPLETED,
    ]
    assert made.model.asked[1][-1].text.endswith(TYPED.text)


async def test_a_commit_has_the_turn_answered_at_once() -> None:
    commit = orders_at(SpeechEnded, control(ControlKind.COMMIT_INPUT))
    made = Made(FakeLine([(1.0, 2.0)], 8.0, on_event=commit))
    await place(made)
    (soft,) = made.line.of(SpeechEnded)
    (turn,) = made.line.of(TurnEnded)
    assert turn.at == soft.at
    assert len(made.line.of(ReplyEnded)) == 1


async def test_a_cleared_turn_is_not_answered_and_the_caller_is_waited_for() -> None:
    clear = orders_at(SpeechEnded, control(ControlKind.CLEAR_INPUT))
    made = Made(FakeLine([(1.0, 2.0)], 10.0, on_event=clear), call=asks_again_after(5.0))
    await place(made)
    (soft,) = made.line.of(SpeechEnded)
    (missing,) = made.line.of(InputMissing)
    assert made.line.of(TurnEnded) == []
    assert missing.at - soft.at == pytest.approx(5.0, abs=0.01)


class BusyLine(FakeLine):
    """A client that takes its first message after two seconds."""

    async def send(self, event: CallEvent) -> None:
        if not self.events:
            await pass_time(2.1)
        await super().send(event)


async def test_a_turn_that_was_cleared_before_its_start_was_told_leaves_the_caller_waited_for() -> None:
    made = Made(BusyLine([(1.0, 1.9)], 10.0), call=asks_again_after(5.0))
    made.line.order(WRONG)
    made.line.order(control(ControlKind.CLEAR_INPUT))
    await place(made)
    assert len(made.line.of(SpeechStarted)) == 1
    (missing,) = made.line.of(InputMissing)
    assert missing.at == pytest.approx(1007.1, abs=0.01)


async def test_a_client_may_start_the_wait_for_the_caller_anew() -> None:
    made = Made(FakeLine([], 10.0), call=asks_again_after(5.0))
    made.line.order(CallChanged(endpointing=EndpointingChanged(no_input=7.0)))
    made.line.order(control(ControlKind.START_INPUT_TIMERS))
    await place(made)
    (missing,) = made.line.of(InputMissing)
    assert missing.at == pytest.approx(1007.0, abs=0.01)


async def test_another_silence_ends_turns_from_then_on() -> None:
    change = orders_at(SpeechStarted, CallChanged(endpointing=EndpointingChanged(min_silence=1.5)))
    made = Made(FakeLine([(1.0, 2.0)], 8.0, on_event=change))
    await place(made)
    (turn,) = made.line.of(TurnEnded)
    assert isinstance(turn, TurnEnded)
    assert turn.at - turn.speech_end_at == pytest.approx(1.5, abs=0.04)


async def test_a_client_that_has_played_a_reply_to_its_end_is_not_waited_for() -> None:
    def completed(line: FakeLine, event: CallEvent) -> None:
        if isinstance(event, PlaybackStarted):
            line.order(PlaybackReported(reply=event.reply, kind=PlaybackKind.STARTED, played_ms=0))
            line.order(PlaybackReported(reply=event.reply, kind=PlaybackKind.COMPLETED, played_ms=60_000))

    made = Made(FakeLine([(1.0, 2.0)], 8.0, on_event=completed), reports_playback=True)
    await place(made)
    (reply,) = made.line.of(ReplyEnded)
    assert isinstance(reply, ReplyEnded)
    assert reply.status is ReplyStatus.COMPLETED


@pytest.mark.parametrize("order", [control(ControlKind.END), CallReported(kind="hangup")], ids=["end", "hangup"])
async def test_a_client_may_end_the_call(order: ClientEvent) -> None:
    made = Made(FakeLine([(1.0, 2.0)], 60.0, on_event=orders_at(PlaybackStarted, order)))
    ended = await place(made)
    assert ended is not None
    assert ended.reason is CallEnd.CLIENT
    assert ended.duration < 10


@pytest.mark.parametrize(("reports_playback", "wait"), [(False, 0.0), (True, 0.5)])
async def test_the_end_of_a_call_in_mid_reply_comes_after_the_end_of_the_reply(
    reports_playback: bool, wait: float
) -> None:
    end = orders_at(PlaybackStarted, control(ControlKind.END))
    made = Made(FakeLine([(1.0, 2.0)], 60.0, on_event=end), reports_playback=reports_playback)
    await place(made)
    stopped, reply, ended = made.line.events[-3:]
    assert isinstance(stopped, ReplyStopped)
    assert isinstance(reply, ReplyEnded)
    assert reply.status is ReplyStatus.CANCELLED
    assert ended.at - stopped.at == pytest.approx(wait, abs=0.01)


async def test_what_a_client_reports_after_it_ended_the_call_is_taken() -> None:
    def on_event(line: FakeLine, event: CallEvent) -> None:
        if isinstance(event, PlaybackStarted):
            line.order(control(ControlKind.END))
        elif isinstance(event, ReplyStopped):
            line.order(PlaybackReported(reply=event.reply, kind=PlaybackKind.CLEARED, played_ms=0))

    made = Made(FakeLine([(1.0, 2.0)], 60.0, on_event=on_event), reports_playback=True)
    await place(made)
    stopped, reply, ended = made.line.events[-3:]
    assert isinstance(reply, ReplyEnded)
    assert reply.heard_ms == 0
    assert ended.at - stopped.at == pytest.approx(0.0, abs=0.01)


@pytest.mark.parametrize("barge_in", [True, False])
async def test_a_client_is_told_whether_speech_stops_the_reply(barge_in: bool) -> None:
    made = Made(FakeLine([(1.0, 2.0)], 8.0), barge_in=barge_in)
    await place(made)
    (started,) = made.line.of(ReplyStarted)
    assert isinstance(started, ReplyStarted)
    assert started.barge_in_allowed is barge_in


async def test_a_reply_that_never_began_is_not_told() -> None:
    made = Made(FakeLine([], 7.0), model=FakeModel(LONG_ANSWER, ANSWER))
    for _ in range(3):
        made.line.order(TYPED)
    await place(made)
    for kind in ReplyStarted, ReplyEnded:
        assert [event.reply for event in made.line.events if isinstance(event, kind)] == [3]


async def test_other_reports_change_nothing() -> None:
    made = Made(FakeLine([(1.0, 2.0)], 8.0))
    made.line.order(CallReported(kind="answered"))
    await place(made)
    assert len(made.line.of(ReplyEnded)) == 1


async def test_a_message_that_could_not_be_honoured_is_told_and_nothing_else_happens() -> None:
    made = Made(FakeLine([(1.0, 2.0)], 8.0))
    made.line.order(WRONG)
    await place(made)
    assert made.line.of(StageFailed) == [WRONG]
    assert len(made.line.of(ReplyEnded)) == 1


async def test_a_client_that_floods_the_call_with_orders_is_still_answered() -> None:
    flood = orders_at(SpeechEnded, *[control(ControlKind.COMMIT_INPUT)] * 60)
    made = Made(FakeLine([(1.0, 2.0)], 8.0, on_event=flood), inbox=1)
    ended = await place(made)
    assert ended is not None
    assert len(made.line.of(ReplyEnded)) == 1


async def test_a_recognizer_that_fails_during_a_reply_leaves_the_reply_stoppable() -> None:
    broken = HearingError("engine-failed", "the engine failed")
    made = Made(
        FakeLine([(1.0, 2.0), (4.0, 4.2), (6.0, 7.0)], 20.0),
        recognizer=FakeRecognizer([(0.1, "what do you sell"), (0.1, broken), (0.1, "stop")]),
        model=FakeModel(LONG_ANSWER, ANSWER),
    )
    await place(made)
    first = made.line.of(ReplyEnded)[0]
    assert isinstance(first, ReplyEnded)
    assert first.status is ReplyStatus.BARGE_IN


async def test_everything_said_during_a_reply_that_may_not_be_stopped_is_answered_after_it() -> None:
    made = Made(
        FakeLine([(1.0, 2.0), (3.5, 4.0), (5.0, 5.5)], 30.0),
        barge_in=False,
        recognizer=FakeRecognizer([(0.1, "first"), (0.1, "second"), (0.1, "third")]),
        model=FakeModel(LONG_ANSWER, ANSWER),
    )
    await place(made)
    assert [event.text for event in made.line.events if isinstance(event, FinalTranscript)] == [
        "first",
        "second",
        "third",
    ]
    assert made.model.asked[1][-1] == Message("user", "second third")
