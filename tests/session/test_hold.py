"""Hold: what happens between PAUSE and RESUME."""

import pytest

from pipeline.core.events import (
    CallEnd,
    CallEvent,
    ControlKind,
    DigitPressed,
    DigitsCollected,
    FinalTranscript,
    InputMissing,
    PlaybackStarted,
    ReplyEnded,
    ReplyStarted,
    ReplyStatus,
    ReplyStopped,
    TextTyped,
    TurnEnded,
)
from pipeline.settings import Call
from tests.fakes import FakeLine, FakeRecognizer
from tests.session.calls import Made, asks_again_after, control, orders_at, place

pytestmark = pytest.mark.anyio


async def test_no_timer_runs_while_the_call_is_on_hold() -> None:
    pause = orders_at(PlaybackStarted, control(ControlKind.PAUSE))
    made = Made(FakeLine([(1.0, 2.0)], 30.0, on_event=pause), call=asks_again_after(5.0))
    await place(made)
    assert made.line.of(InputMissing) == []


async def test_after_a_hold_the_caller_is_waited_for() -> None:
    made = Made(FakeLine([(1.0, 2.0)], 12.0), call=asks_again_after(5.0))
    made.line.on_event = orders_at(PlaybackStarted, control(ControlKind.PAUSE), control(ControlKind.RESUME))
    await place(made)
    (stopped,) = made.line.of(ReplyStopped)
    (missing,) = made.line.of(InputMissing)
    assert missing.at - stopped.at == pytest.approx(5.0, abs=0.01)


async def test_what_is_said_on_hold_is_not_heard() -> None:
    pause = orders_at(ReplyEnded, control(ControlKind.PAUSE))
    made = Made(FakeLine([(1.0, 2.0), (7.0, 8.0)], 12.0, on_event=pause))
    await place(made)
    assert len(made.line.of(TurnEnded)) == 1


def late() -> FakeRecognizer:
    """Return one that knows what was said long after the turn has ended."""
    return FakeRecognizer([(2.0, "when do you open")])


async def test_what_was_said_before_a_hold_is_not_answered_during_it() -> None:
    pause = orders_at(TurnEnded, control(ControlKind.PAUSE))
    made = Made(FakeLine([(1.0, 2.0)], 12.0, on_event=pause), recognizer=late())
    await place(made)
    assert len(made.line.of(FinalTranscript)) == 1
    assert made.line.of(ReplyStarted) == []


async def test_what_was_said_before_a_hold_is_answered_after_it() -> None:
    made = Made(FakeLine([(1.0, 2.0)], 12.0), recognizer=late())
    pause, resume = (
        orders_at(TurnEnded, control(ControlKind.PAUSE)),
        orders_at(FinalTranscript, control(ControlKind.RESUME)),
    )

    def on_event(line: FakeLine, event: CallEvent) -> None:
        pause(line, event)
        resume(line, event)

    made.line.on_event = on_event
    await place(made)
    (ended,) = made.line.of(ReplyEnded)
    assert isinstance(ended, ReplyEnded)
    assert ended.status is ReplyStatus.COMPLETED


async def test_a_text_on_hold_is_answered_after_it() -> None:
    made = Made(FakeLine([], 12.0, on_event=orders_at(FinalTranscript, control(ControlKind.RESUME))))
    made.line.order(control(ControlKind.PAUSE))
    made.line.order(TextTyped(text="and on Sundays", language="en"))
    await place(made)
    assert [type(event) for event in made.line.events][:2] == [FinalTranscript, ReplyStarted]


async def test_an_apology_is_not_said_on_hold() -> None:
    pause = orders_at(TurnEnded, control(ControlKind.PAUSE))
    made = Made(FakeLine([(1.0, 3.0)], 12.0, on_event=pause), recognizer=FakeRecognizer([(2.0, "")]))
    await place(made)
    assert len(made.line.of(FinalTranscript)) == 1
    assert made.line.of(ReplyStarted) == []


async def test_a_goodbye_is_not_said_on_hold() -> None:
    made = Made(FakeLine([], 60.0), call=Call(max_duration=30.0))
    made.line.order(control(ControlKind.PAUSE))
    ended = await place(made)
    assert ended is not None
    assert ended.reason is CallEnd.MAX_DURATION
    assert made.line.of(ReplyStarted) == []


async def test_keys_are_not_taken_as_complete_on_hold() -> None:
    made = Made(FakeLine([], 12.0))
    made.line.order(DigitPressed(digit="7"))
    made.line.order(control(ControlKind.PAUSE))
    await place(made)
    assert made.line.of(DigitsCollected) == []
