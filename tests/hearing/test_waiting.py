"""How long a listener waits for the end of a turn, and what it tells meanwhile."""

from typing import Any

import pytest

from pipeline.core.errors import HearingError
from pipeline.core.events import (
    FinalTranscript,
    PartialTranscript,
    SpeechEnded,
    StageFailed,
    TurnDrafted,
    TurnEnded,
)
from pipeline.settings import Endpointing
from tests.fakes import FakeRecognizer, FakeTurnModel
from tests.hearing.hearings import Hearing
from tests.virtual_time import VIRTUAL_TIME, Backend

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> Backend:
    return VIRTUAL_TIME


WAITS = Endpointing(min_silence=0.2, max_silence=1.5)


async def waited(text: str, sounds_over: float, **more: Any) -> float:
    """Return the silence after which a turn with this text and sound is called over."""
    hearing = Hearing(FakeRecognizer([(0.05, text)]), WAITS, turn_model=FakeTurnModel([(0.03, sounds_over)]), **more)
    await hearing.hear([(1.0, 2.0)], 5.0)
    (ended,) = hearing.of(TurnEnded)
    assert isinstance(ended, TurnEnded)
    assert len(hearing.recognizer.heard) == 1
    return ended.at - ended.speech_end_at


async def test_a_turn_that_is_surely_over_ends_after_the_shortest_silence() -> None:
    assert await waited("When do you open?", 0.98) == pytest.approx(0.2, abs=0.033)


async def test_a_turn_that_sounds_unfinished_is_given_the_longest() -> None:
    assert await waited("I would like to order a", 0.02) == pytest.approx(1.5, abs=0.033)


async def test_in_between_the_wait_is_in_between() -> None:
    assert 0.25 < await waited("I would like to order.", 0.08) < 1.4


async def test_a_group_of_digits_is_given_the_longest_however_it_sounds() -> None:
    assert await waited("My number is 555.", 0.99) == pytest.approx(1.5, abs=0.033)


async def test_a_verdict_that_comes_late_ends_the_turn_at_once() -> None:
    hearing = Hearing(FakeRecognizer([(0.6, "When do you open?")]), WAITS, turn_model=FakeTurnModel([(0.0, 0.98)]))
    await hearing.hear([(1.0, 2.0)], 5.0)
    (ended,) = hearing.of(TurnEnded)
    (final,) = hearing.of(FinalTranscript)
    assert ended.at == final.at == pytest.approx(1002.0 + WAITS.dip + 0.6, abs=0.04)


async def test_a_turn_model_that_fails_is_told_and_what_was_said_decides() -> None:
    failure = HearingError("turn-model-failed", "it failed")
    hearing = Hearing(FakeRecognizer([(0.05, "to")]), WAITS, turn_model=FakeTurnModel([(0.03, failure)]))
    await hearing.hear([(1.0, 2.0)], 5.0)
    assert [event.code for event in hearing.told if isinstance(event, StageFailed)] == ["turn-model-failed"]
    (ended,) = hearing.of(TurnEnded)
    assert isinstance(ended, TurnEnded)
    assert ended.at - ended.speech_end_at > 0.5
    assert hearing.finals == [(1, "to")]


async def test_a_caller_who_is_cut_off_is_given_more_time() -> None:
    settings = Endpointing(min_silence=0.2, max_silence=1.5)
    model = FakeTurnModel([(0.03, 0.6)])
    hearing = Hearing(FakeRecognizer([(0.05, "Well.")]), settings, turn_model=model)
    await hearing.hear([(1.0, 2.0), (2.9, 3.9), (4.8, 5.8)], 9.0)
    ends = [event.at - event.speech_end_at for event in hearing.told if isinstance(event, TurnEnded)]
    assert ends[0] < 0.5
    assert ends[-1] > ends[0] + 0.2


async def test_a_draft_is_told_at_the_soft_end_and_its_text_is_the_final_one() -> None:
    hearing = Hearing(FakeRecognizer([(0.01, "Hello.")]))
    await hearing.hear([(1.0, 2.0)], 4.0)
    (soft,) = hearing.of(SpeechEnded)
    (drafted,) = hearing.of(TurnDrafted)
    assert isinstance(drafted, TurnDrafted)
    assert drafted.at == soft.at
    assert [(drafted.turn, drafted.text)] == hearing.finals


async def test_an_unpromising_draft_is_told_later() -> None:
    hearing = Hearing(FakeRecognizer([(0.01, "to the")]), WAITS, turn_model=FakeTurnModel([(0.0, 0.01)]))
    await hearing.hear([(1.0, 2.0)], 5.0)
    (drafted,) = hearing.of(TurnDrafted)
    assert drafted.at == pytest.approx(1002.4, abs=0.04)


async def test_a_reopened_turn_is_drafted_again() -> None:
    hearing = Hearing(FakeRecognizer([(0.01, "Half."), (0.01, "Both halves.")]))
    await hearing.hear([(1.0, 1.5), (1.8, 2.5)], 4.0)
    texts = [event.text for event in hearing.told if isinstance(event, TurnDrafted)]
    assert texts == ["Half.", "Both halves."]


async def test_a_turn_without_words_is_drafted_as_nothing_and_not_waited_for() -> None:
    hearing = Hearing(FakeRecognizer([(0.01, "")]), WAITS, turn_model=FakeTurnModel([(0.0, 0.01)]))
    await hearing.hear([(1.0, 2.0)], 4.0)
    (drafted,) = hearing.of(TurnDrafted)
    (ended,) = hearing.of(TurnEnded)
    assert isinstance(drafted, TurnDrafted)
    assert isinstance(ended, TurnEnded)
    assert drafted.text == ""
    assert ended.at - ended.speech_end_at == pytest.approx(0.2, abs=0.033)


async def test_words_are_shown_while_the_caller_speaks() -> None:
    script = [(0.05, "when"), (0.05, "when do"), (0.05, "When do you"), (0.05, "When do you open?")]
    hearing = Hearing(FakeRecognizer(script), partial_every=0.5)
    await hearing.hear([(1.0, 3.0)], 5.0)
    shown = [event.text for event in hearing.told if isinstance(event, PartialTranscript)]
    assert shown == ["", "when", "When do", "When do you", "When do you open"]
    assert hearing.finals == [(1, "When do you open?")]


async def test_a_partial_in_the_making_does_not_delay_the_final() -> None:
    hearing = Hearing(FakeRecognizer([(5.0, "slow"), (0.05, "fast")]), partial_every=0.5)
    await hearing.hear([(1.0, 2.0)], 4.0)
    (ended,) = hearing.of(TurnEnded)
    (final,) = hearing.of(FinalTranscript)
    assert hearing.finals == [(1, "fast")]
    assert final.at == ended.at
