from collections.abc import Callable

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.errors import HearingError
from pipeline.core.events import (
    EndReason,
    FinalTranscript,
    HearingEvent,
    PartialTranscript,
    SpeechEnded,
    SpeechStarted,
    SpeechSustained,
    StageFailed,
    TurnDrafted,
    TurnEnded,
)
from pipeline.hearing.listener import Listener
from pipeline.settings import Endpointing
from tests.fakes import LOUD, RATE, FakeRecognizer
from tests.hearing.hearings import SETTINGS, Hearing, Talk
from tests.virtual_time import VIRTUAL_TIME, Backend, pass_time, run_virtually

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> Backend:
    return VIRTUAL_TIME


async def test_a_turn_is_told_from_its_start_to_its_transcript() -> None:
    hearing = Hearing()
    await hearing.hear([(1.0, 2.0)], 4.0)
    assert [type(event) for event in hearing.told] == [
        SpeechStarted,
        SpeechSustained,
        SpeechEnded,
        PartialTranscript,
        TurnDrafted,
        TurnEnded,
        FinalTranscript,
    ]
    assert {event.turn for event in hearing.told} == {1}
    assert hearing.finals == [(1, "hello")]


async def test_the_attempt_of_the_soft_end_is_the_one_that_counts() -> None:
    hearing = Hearing(FakeRecognizer([(0.1, "hello")]))
    await hearing.hear([(1.0, 2.0)], 4.0)
    (ended,) = hearing.of(TurnEnded)
    (final,) = hearing.of(FinalTranscript)
    assert len(hearing.recognizer.heard) == 1
    # Recognition took 0.1 s of the 0.37 s between the soft end and the turn's: nothing is left to wait for.
    assert final.at == ended.at


async def test_a_recognizer_that_needs_longer_than_the_silence_delays_the_transcript_only() -> None:
    hearing = Hearing(FakeRecognizer([(1.0, "hello")]))
    await hearing.hear([(1.0, 2.0)], 4.0)
    (soft,) = hearing.of(SpeechEnded)
    (ended,) = hearing.of(TurnEnded)
    (final,) = hearing.of(FinalTranscript)
    assert final.at == pytest.approx(soft.at + 1.0 - (SETTINGS.soft_end - SETTINGS.dip), abs=0.02)
    assert ended.at - soft.at == pytest.approx(0.5 - SETTINGS.soft_end, abs=0.04)


async def test_an_attempt_is_thrown_away_when_the_caller_goes_on() -> None:
    hearing = Hearing(FakeRecognizer([(0.05, "half"), (0.05, "both halves")]))
    await hearing.hear([(1.0, 1.5), (1.8, 2.5)], 4.0)
    assert hearing.finals == [(1, "both halves")]
    first, second = hearing.recognizer.heard
    assert second.data.startswith(first.data)


async def test_the_utterance_keeps_the_pre_roll_before_the_speech() -> None:
    hearing = Hearing()
    await hearing.hear([(1.024, 2.048)], 4.0)
    (utterance,) = hearing.recognizer.heard
    assert utterance.audio_at == pytest.approx(1.024 - SETTINGS.pre_roll, abs=0.033)
    assert utterance.audio_end == pytest.approx(2.048 + SETTINGS.dip, abs=0.033)


async def test_without_pre_roll_no_speech_is_lost() -> None:
    hearing = Hearing(settings=Endpointing(pre_roll=0.0, start=0.3))
    await hearing.hear([(1.024, 2.048)], 4.0)
    (utterance,) = hearing.recognizer.heard
    assert utterance.audio_at <= 1.024


async def test_the_onset_of_a_barge_in_is_when_its_first_sound_arrived() -> None:
    hearing = Hearing()
    await hearing.hear([(1.0, 2.0)], 4.0)
    (sustained,) = hearing.of(SpeechSustained)
    assert isinstance(sustained, SpeechSustained)
    assert sustained.onset_at == pytest.approx(1001.0, abs=0.04)
    assert sustained.audio_at == pytest.approx(1.0, abs=0.04)


async def test_the_end_of_speech_is_when_its_last_sound_arrived() -> None:
    hearing = Hearing()
    await hearing.hear([(1.0, 2.0)], 4.0)
    (ended,) = hearing.of(TurnEnded)
    assert isinstance(ended, TurnEnded)
    assert ended.speech_end_at == pytest.approx(1002.0, abs=0.04)
    assert ended.audio_at == pytest.approx(2.0, abs=0.04)


async def test_a_turn_that_is_open_when_the_microphone_ends_is_taken_as_said() -> None:
    hearing = Hearing()
    await hearing.hear([(1.0, 3.0)], 2.0)
    (ended,) = hearing.of(TurnEnded)
    assert isinstance(ended, TurnEnded)
    assert ended.reason is EndReason.COMMIT
    assert hearing.finals == [(1, "hello")]


async def test_a_recognizer_that_fails_is_told_in_place_of_the_transcript() -> None:
    hearing = Hearing(FakeRecognizer([(0.1, HearingError("engine-failed", "it failed", retryable=True))]))
    await hearing.hear([(1.0, 2.0)], 4.0)
    (failed,) = hearing.of(StageFailed)
    assert isinstance(failed, StageFailed)
    assert (failed.turn, failed.stage, failed.code, failed.retryable) == (1, "hearing", "engine-failed", True)
    assert hearing.finals == []


async def test_a_slow_recognizer_answers_turns_in_their_order() -> None:
    hearing = Hearing(FakeRecognizer([(3.0, "first"), (0.1, "second")]))
    await hearing.hear([(1.0, 1.5), (2.5, 3.0)], 5.0)
    assert hearing.finals == [(1, "first"), (2, "second")]


async def test_a_commit_ends_the_turn_at_once() -> None:
    def commit(listener: Listener, event: HearingEvent) -> None:
        if isinstance(event, SpeechEnded):
            listener.commit()

    hearing = Hearing(on_event=commit)
    await hearing.hear([(1.0, 2.0)], 4.0)
    (ended,) = hearing.of(TurnEnded)
    (soft,) = hearing.of(SpeechEnded)
    assert isinstance(ended, TurnEnded)
    assert ended.reason is EndReason.COMMIT
    assert ended.at == soft.at
    assert hearing.finals == [(1, "hello")]


async def test_a_commit_without_a_turn_does_nothing() -> None:
    def commit(listener: Listener, event: HearingEvent) -> None:
        if isinstance(event, FinalTranscript):
            listener.commit()

    hearing = Hearing(on_event=commit)
    await hearing.hear([(1.0, 2.0)], 4.0)
    assert len(hearing.of(TurnEnded)) == 1


async def test_who_commits_may_be_the_one_who_empties_a_channel_that_is_full() -> None:
    hearing = Hearing(on_event=lambda listener, event: listener.commit(), capacity=0)
    with anyio.fail_after(60):
        await hearing.hear([(1.0, 2.0)], 4.0)
    assert hearing.finals[0] == (1, "hello")


async def test_a_cleared_turn_has_no_end_and_no_transcript() -> None:
    def clear(listener: Listener, event: HearingEvent) -> None:
        if isinstance(event, SpeechSustained):
            listener.clear()

    hearing = Hearing(on_event=clear)
    await hearing.hear([(1.0, 1.3)], 4.0)
    assert [type(event) for event in hearing.told] == [SpeechStarted, SpeechSustained]


@pytest.mark.parametrize("kind", [SpeechStarted, SpeechSustained, SpeechEnded, TurnEnded])
@pytest.mark.parametrize(
    "settings", [SETTINGS, Endpointing(min_silence=0.1, max_silence=0.1, start=0.03)], ids=["usual", "hasty"]
)
@pytest.mark.parametrize("capacity", [0, 64])
async def test_a_turn_may_be_cleared_or_committed_at_any_event(
    kind: type[HearingEvent], settings: Endpointing, capacity: int
) -> None:
    for order in (Listener.clear, Listener.commit, lambda listener: listener.hold(True)):

        def on_event(listener: Listener, event: HearingEvent, order: Callable[[Listener], object] = order) -> None:
            if isinstance(event, kind):
                order(listener)

        hearing = Hearing(settings=settings, on_event=on_event, capacity=capacity)
        await hearing.hear([(1.0, 1.5), (1.7, 1.9), (3.0, 3.5)], 5.0)
        check_turns(hearing.told)


async def test_sound_is_unheard_while_held() -> None:
    def hold(listener: Listener, event: HearingEvent) -> None:
        if isinstance(event, FinalTranscript):
            listener.hold(True)

    hearing = Hearing(on_event=hold)
    await hearing.hear([(1.0, 2.0), (4.0, 5.0)], 7.0)
    assert len(hearing.of(SpeechStarted)) == 1


async def test_after_a_hold_the_caller_is_heard_again_and_nothing_of_before() -> None:
    held: list[Listener] = []

    def hold(listener: Listener, event: HearingEvent) -> None:
        if isinstance(event, SpeechSustained) and not held:
            held.append(listener)
            listener.hold(True)

    async def release() -> None:
        await pass_time(3.5)
        held[0].hold(False)

    hearing = Hearing(on_event=hold)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(release)
        await hearing.hear([(1.0, 3.0), (4.0, 5.0)], 7.0)
    (utterance,) = hearing.recognizer.heard
    assert utterance.audio_at >= 3.5
    assert hearing.finals == [(2, "hello")]


async def test_other_settings_hold_from_the_next_window_on() -> None:
    def change(listener: Listener, event: HearingEvent) -> None:
        if isinstance(event, SpeechStarted):
            listener.change(Endpointing(min_silence=1.5, max_silence=1.5))

    hearing = Hearing(on_event=change)
    await hearing.hear([(1.0, 2.0), (3.0, 4.0)], 7.0)
    (ended,) = hearing.of(TurnEnded)
    assert isinstance(ended, TurnEnded)
    assert ended.at - ended.speech_end_at == pytest.approx(1.5, abs=0.04)


async def test_sound_that_was_lost_moves_the_audio_clock_on() -> None:
    hearing = Hearing()
    await hearing.hear([(3.0, 4.0)], 6.0, lost=[(0.5, 2.5)])
    started = hearing.of(SpeechStarted)[0]
    assert isinstance(started, SpeechStarted)
    assert started.audio_at == pytest.approx(3.0, abs=0.04)


async def test_frames_lost_in_mid_speech_cost_no_turn() -> None:
    hearing = Hearing()
    await hearing.hear([(1.0, 3.0)], 5.0, lost=[(1.5, 1.56), (2.0, 2.06)])
    assert hearing.finals == [(1, "hello")]
    (utterance,) = hearing.recognizer.heard
    assert utterance.data.count(LOUD) == pytest.approx((2.0 - 0.12) * RATE, abs=2 * 512)


def check_turns(told: list[HearingEvent]) -> None:
    """Every end of a turn has one outcome, behind it and in the order of the turns; there is no other outcome."""
    ended = [event.turn for event in told if isinstance(event, TurnEnded)]
    outcomes = [event.turn for event in told if isinstance(event, FinalTranscript | StageFailed)]
    assert ended == outcomes == sorted(set(ended))
    for place, event in enumerate(told):
        if isinstance(event, FinalTranscript | StageFailed):
            assert event.turn in [before.turn for before in told[:place] if isinstance(before, TurnEnded)]


FAILURE = HearingError("engine-failed", "it failed")
talks = st.lists(st.tuples(st.floats(0.05, 1.5), st.floats(0.03, 2.0)), min_size=1, max_size=6).map(
    lambda pairs: [
        (sum(map(sum, pairs[:number])) + pause, sum(map(sum, pairs[: number + 1])))
        for number, (pause, _) in enumerate(pairs)
    ]
)
orders = st.lists(st.sampled_from([None, Listener.clear, Listener.commit]), max_size=12)


@settings(max_examples=60, deadline=None)
@given(
    talk=talks,
    script=st.lists(st.tuples(st.floats(0.0, 3.0), st.sampled_from(["hi", "", FAILURE])), min_size=1, max_size=6),
    orders=orders,
    capacity=st.sampled_from([0, 1, 64]),
)
def test_every_turn_has_one_outcome_whatever_the_caller_and_the_client_do(
    talk: Talk,
    script: list[tuple[float, str | HearingError]],
    orders: list[Callable[[Listener], None] | None],
    capacity: int,
) -> None:
    due = list(orders)

    def on_event(listener: Listener, _event: HearingEvent) -> None:
        order = due.pop(0) if due else None
        if order is not None:
            order(listener)

    hearing = Hearing(FakeRecognizer(script), on_event=on_event, capacity=capacity)
    run_virtually(lambda: hearing.hear(talk, talk[-1][1] + 1.0))
    check_turns(hearing.told)


async def test_after_a_quarter_of_an_hour_of_silence_a_turn_holds_its_own_sound_only() -> None:
    hearing = Hearing()
    await hearing.hear([(899.0, 900.0)], 902.0)
    assert hearing.finals == [(1, "hello")]
    (utterance,) = hearing.recognizer.heard
    assert utterance.duration < 2
