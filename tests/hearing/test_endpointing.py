from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pipeline.hearing.endpointing import Endpointer, Signal
from pipeline.settings import Endpointing

WINDOW = 0.032
SETTINGS = Endpointing(start=0.096, dip=0.064, soft_end=0.128, min_silence=0.2, max_silence=0.48, max_speech=4.0)
SUSTAINED = 0.256

Heard = list[tuple[float, Signal]]


def hear(probabilities: list[float], settings: Endpointing = SETTINGS, *, window: float = WINDOW) -> Heard:
    """Return the signals and, for each, the audio instant behind the window that gave it."""
    endpointer = Endpointer(settings, SUSTAINED)
    return [
        ((number + 1) * window, signal)
        for number, probability in enumerate(probabilities)
        for signal in endpointer.feed(probability, number * window, window)
    ]


def pattern(*stretches: tuple[float, float]) -> list[float]:
    """Return the probabilities of stretches given as (seconds, probability)."""
    return [probability for duration, probability in stretches for _ in range(round(duration / WINDOW))]


def signals(heard: Heard) -> list[Signal]:
    """Return the signals that say where a turn is."""
    return [signal for _, signal in heard if signal is not Signal.DIPPED]


def at(heard: Heard, wanted: Signal) -> float:
    return next(instant for instant, signal in heard if signal is wanted)


def test_silence_says_nothing() -> None:
    assert hear(pattern((5.0, 0.1))) == []


def test_a_sound_shorter_than_the_start_begins_no_turn() -> None:
    assert hear(pattern((0.32, 0.0), (0.064, 1.0), (0.32, 0.0), (0.064, 1.0), (0.32, 0.0))) == []


def test_speech_begins_a_turn_once_it_has_lasted_the_start() -> None:
    heard = hear(pattern((0.32, 0.0), (0.096, 1.0)))
    assert signals(heard) == [Signal.STARTED]
    assert at(heard, Signal.STARTED) == pytest.approx(0.416)


def test_speech_and_silence_make_one_turn() -> None:
    heard = hear(pattern((0.32, 0.0), (0.96, 1.0), (0.96, 0.0)))
    assert signals(heard) == [Signal.STARTED, Signal.SUSTAINED, Signal.ENDED, Signal.OVER]
    assert at(heard, Signal.SUSTAINED) == pytest.approx(0.32 + SUSTAINED)
    assert at(heard, Signal.ENDED) == pytest.approx(1.28 + 0.128)
    assert at(heard, Signal.OVER) == pytest.approx(1.28 + 0.48)


def test_the_turn_lies_where_the_speech_was() -> None:
    endpointer = Endpointer(SETTINGS, SUSTAINED)
    for number, probability in enumerate(pattern((0.32, 0.0), (0.96, 1.0), (0.96, 0.0))):
        endpointer.feed(probability, number * WINDOW, WINDOW)
    assert endpointer.speech_start == pytest.approx(0.32)
    assert endpointer.speech_end == pytest.approx(1.28)


def test_speech_after_a_soft_end_resumes_the_same_turn() -> None:
    heard = hear(pattern((0.96, 1.0), (0.32, 0.0), (0.96, 1.0), (0.96, 0.0)))
    assert signals(heard) == [
        Signal.STARTED,
        Signal.SUSTAINED,
        Signal.ENDED,
        Signal.RESUMED,
        Signal.ENDED,
        Signal.OVER,
    ]


def test_a_pause_shorter_than_the_soft_end_goes_unnoticed() -> None:
    heard = hear(pattern((0.96, 1.0), (0.096, 0.0), (0.96, 1.0), (0.96, 0.0)))
    assert signals(heard) == [Signal.STARTED, Signal.SUSTAINED, Signal.ENDED, Signal.OVER]


def test_a_click_after_the_soft_end_neither_reopens_the_turn_nor_delays_its_end() -> None:
    heard = hear(pattern((0.96, 1.0), (0.192, 0.0), (0.064, 1.0), (0.96, 0.0)))
    assert signals(heard) == [Signal.STARTED, Signal.SUSTAINED, Signal.ENDED, Signal.OVER]
    assert at(heard, Signal.OVER) == pytest.approx(0.96 + 0.48)


def test_a_click_after_the_soft_end_counts_towards_no_barge_in() -> None:
    heard = hear(pattern((0.224, 1.0), (0.192, 0.0), (0.032, 1.0), (0.96, 0.0)))
    assert signals(heard) == [Signal.STARTED, Signal.ENDED, Signal.OVER]


def test_speech_on_both_sides_of_a_pause_adds_up_to_a_barge_in() -> None:
    heard = hear(pattern((0.16, 1.0), (0.192, 0.0), (0.16, 1.0), (0.96, 0.0)))
    assert signals(heard) == [
        Signal.STARTED,
        Signal.ENDED,
        Signal.RESUMED,
        Signal.SUSTAINED,
        Signal.ENDED,
        Signal.OVER,
    ]


def test_between_release_and_threshold_the_last_verdict_stands() -> None:
    between = (SETTINGS.release + SETTINGS.threshold) / 2
    assert hear(pattern((2.0, between))) == []
    heard = hear(pattern((0.96, 1.0), (0.96, between), (0.96, 0.0)))
    assert at(heard, Signal.OVER) == pytest.approx(1.92 + 0.48)


def test_a_turn_ends_at_its_longest_length_and_the_next_begins() -> None:
    heard = hear(pattern((9.6, 1.0)))
    assert signals(heard) == [Signal.STARTED, Signal.SUSTAINED, Signal.TOO_LONG] * 2 + [
        Signal.STARTED,
        Signal.SUSTAINED,
    ]
    assert at(heard, Signal.TOO_LONG) == pytest.approx(4.0)


@given(before=st.integers(0, 100_000))
def test_the_soft_end_comes_after_the_same_silence_wherever_the_speech_was(before: int) -> None:
    endpointer = Endpointer(SETTINGS, SUSTAINED)
    found = []
    for number, probability in enumerate(pattern((0.96, 1.0), (0.128, 0.0)), before):
        found = endpointer.feed(probability, number * WINDOW, WINDOW)
    assert found == [Signal.ENDED]


def test_a_dip_is_told_before_the_soft_end_and_again_after_more_speech() -> None:
    heard = hear(pattern((0.32, 1.0), (0.064, 0.0), (0.32, 1.0), (0.16, 0.0)))
    assert [signal for _, signal in heard] == [
        Signal.STARTED,
        Signal.SUSTAINED,
        Signal.DIPPED,
        Signal.DIPPED,
        Signal.ENDED,
    ]
    assert at(heard, Signal.DIPPED) == pytest.approx(0.32 + 0.064)


def test_the_wait_for_the_end_may_become_shorter_meanwhile() -> None:
    endpointer = Endpointer(SETTINGS, SUSTAINED)
    for number, probability in enumerate(pattern((0.96, 1.0), (0.224, 0.0))):
        endpointer.feed(probability, number * WINDOW, WINDOW)
    assert not endpointer.over
    endpointer.wait = 0.2
    assert endpointer.over
    assert endpointer.silence == pytest.approx(0.224)


def test_speech_after_a_soft_end_restores_the_longest_wait_and_tells_the_pause() -> None:
    endpointer = Endpointer(SETTINGS, SUSTAINED)
    for number, probability in enumerate(pattern((0.96, 1.0), (0.16, 0.0))):
        endpointer.feed(probability, number * WINDOW, WINDOW)
    endpointer.wait = 0.2
    for number, probability in enumerate(pattern((0.096, 1.0)), 35):
        endpointer.feed(probability, number * WINDOW, WINDOW)
    assert endpointer.pause == pytest.approx(0.16)
    assert endpointer.wait == SETTINGS.max_silence


@pytest.mark.parametrize("wrong", [{"min_silence": 2.0}, {"soft_end": 0.5}, {"dip": 0.1}])
def test_silences_that_contradict_each_other_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError, match="must not fall"):
        Endpointing(**wrong)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, (0.2, 1.5)),
        ({"min_silence": 0.5}, (0.5, 1.5)),
        ({"min_silence": 3.0}, (3.0, 3.0)),
        ({"max_silence": 0.15}, (0.15, 0.15)),
        ({"min_silence": 0.3, "max_silence": 0.9}, (0.3, 0.9)),
    ],
)
def test_a_silence_follows_the_one_that_passes_it(given: dict[str, float], expected: tuple[float, float]) -> None:
    changed = Endpointing().changed(**given)
    assert (changed.min_silence, changed.max_silence) == expected


def test_after_a_reset_the_turn_is_forgotten_and_the_clock_goes_on() -> None:
    endpointer = Endpointer(SETTINGS, SUSTAINED)
    for number in range(10):
        endpointer.feed(1.0, number * WINDOW, WINDOW)
    endpointer.reset()
    assert not endpointer.in_turn
    assert [endpointer.feed(0.0, number * WINDOW, WINDOW) for number in range(10, 40)] == [[]] * 30
    assert endpointer.now == pytest.approx(40 * WINDOW)


LEGAL: dict[Signal | None, set[Signal]] = {
    None: {Signal.STARTED},
    Signal.STARTED: {Signal.ENDED, Signal.TOO_LONG},
    Signal.RESUMED: {Signal.ENDED, Signal.TOO_LONG},
    Signal.ENDED: {Signal.RESUMED, Signal.OVER, Signal.TOO_LONG},
    Signal.OVER: {Signal.STARTED},
    Signal.TOO_LONG: {Signal.STARTED},
}
"""What may follow each signal, SUSTAINED apart; None is the time before the first."""

stretches = st.lists(st.tuples(st.floats(0.0, 2.0), st.floats(0.0, 1.0)), max_size=20)
settings = st.builds(
    Endpointing,
    start=st.floats(0.01, 0.5),
    dip=st.just(0.01),
    soft_end=st.floats(0.01, 1.0),
    min_silence=st.just(1.0),
    max_silence=st.floats(1.0, 2.0),
    max_speech=st.floats(0.1, 8.0),
)


@given(stretches=stretches, settings=settings, window=st.sampled_from([0.01, WINDOW, 0.1]))
def test_signals_follow_one_another_legally(
    stretches: list[tuple[float, float]], settings: Endpointing, window: float
) -> None:
    found = signals(hear(pattern(*stretches), settings, window=window))
    order = [None, *(signal for signal in found if signal is not Signal.SUSTAINED)]
    assert all(after in LEGAL[before] for before, after in pairwise(order) if after is not None)


@given(stretches=stretches, settings=settings)
def test_a_turn_is_sustained_at_most_once_and_never_while_it_is_quiet(
    stretches: list[tuple[float, float]], settings: Endpointing
) -> None:
    sustained = speaking = False
    for signal in signals(hear(pattern(*stretches), settings)):
        match signal:
            case Signal.SUSTAINED:
                assert speaking
                assert not sustained
                sustained = True
            case Signal.STARTED:
                speaking, sustained = True, False
            case Signal.RESUMED:
                speaking = True
            case _:
                speaking = False


@given(stretches=stretches, settings=settings)
def test_no_turn_is_longer_than_the_longest(stretches: list[tuple[float, float]], settings: Endpointing) -> None:
    endpointer = Endpointer(settings, SUSTAINED)
    for number, probability in enumerate(pattern(*stretches)):
        endpointer.feed(probability, number * WINDOW, WINDOW)
        if endpointer.in_turn:
            assert endpointer.now - endpointer.speech_start <= max(settings.max_speech, settings.start + WINDOW) + 1e-9
