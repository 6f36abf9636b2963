from hypothesis import given
from hypothesis import strategies as st

from pipeline.session.timers import Due, Timers
from pipeline.settings import Call

CALL = Call(max_duration=100.0, ending_notice=10.0, no_input=5.0)
BEGAN = 1000.0


def test_nothing_but_the_notice_is_due_before_the_caller_is_waited_for() -> None:
    timers = Timers(CALL, BEGAN)
    assert timers.next_at() == 1090.0
    assert timers.due(1089.9) is None


def test_silence_is_due_once_after_each_start() -> None:
    timers = Timers(CALL, BEGAN)
    timers.start_no_input(1010.0)
    assert timers.next_at() == 1015.0
    assert timers.due(1014.9) is None
    assert timers.due(1015.0) is Due.NO_INPUT
    assert timers.due(1016.0) is None


def test_silence_is_not_due_once_the_caller_speaks() -> None:
    timers = Timers(CALL, BEGAN)
    timers.start_no_input(1010.0)
    timers.stop_no_input()
    assert timers.due(1020.0) is None


def test_another_duration_holds_from_the_next_start_on() -> None:
    timers = Timers(CALL, BEGAN)
    timers.start_no_input(1010.0)
    timers.set_no_input(20.0)
    assert timers.next_at() == 1015.0
    timers.start_no_input(1010.0)
    assert timers.next_at() == 1030.0


def test_the_notice_comes_once_before_the_end() -> None:
    timers = Timers(CALL, BEGAN)
    assert timers.due(1090.0) is Due.ENDING_NOTICE
    assert timers.remaining(1090.0) == 10.0
    assert timers.due(1090.0) is None
    assert timers.next_at() == 1100.0


def test_a_call_shorter_than_the_notice_is_told_at_once() -> None:
    timers = Timers(Call(max_duration=5.0, ending_notice=30.0), BEGAN)
    assert timers.due(BEGAN) is Due.ENDING_NOTICE


def test_the_end_stays_due() -> None:
    timers = Timers(CALL, BEGAN)
    assert [timers.due(1100.0), timers.due(1200.0)] == [Due.MAX_DURATION] * 2
    assert timers.remaining(1200.0) == 0.0


def test_a_last_phrase_is_given_its_time_and_nothing_else_is_due_before() -> None:
    timers = Timers(CALL, BEGAN)
    timers.start_no_input(1099.0)
    timers.end_within(15.0, 1100.0)
    assert timers.next_at() == 1115.0
    assert timers.due(1110.0) is None
    assert timers.due(1115.0) is Due.MAX_DURATION


@given(starts=st.lists(st.floats(0.0, 99.0), max_size=5), now=st.floats(0.0, 200.0))
def test_something_is_due_exactly_from_the_next_instant_on(starts: list[float], now: float) -> None:
    timers = Timers(CALL, BEGAN)
    for start in starts:
        timers.start_no_input(BEGAN + start)
    due_at = timers.next_at()
    assert (timers.due(BEGAN + now) is not None) == (BEGAN + now >= due_at)
