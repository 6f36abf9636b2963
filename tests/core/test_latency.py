from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.events import (
    CallEvent,
    Clause,
    EndReason,
    FinalTranscript,
    PlaybackStarted,
    ReplyId,
    ReplyStatus,
    ReplyStopped,
    SpeechReady,
    TextDelta,
    TurnEnded,
    TurnId,
)
from pipeline.core.latency import SEGMENTS, SPANS, Timeline

TURN, REPLY = TurnId(1), ReplyId(1)


def turn_ended(at: float, speech_end_at: float = 100.0) -> TurnEnded:
    return TurnEnded(turn=TURN, at=at, reason=EndReason.SILENCE, audio_at=1.0, speech_end_at=speech_end_at)


def transcript(at: float) -> FinalTranscript:
    return FinalTranscript(turn=TURN, at=at, text="hi", language="en", confidence=1.0, audio_start=0.0, audio_end=1.0)


def delta(at: float) -> TextDelta:
    return TextDelta(turn=TURN, at=at, reply=REPLY, text="Hello")


def clause(at: float) -> Clause:
    return Clause(turn=TURN, at=at, reply=REPLY, index=0, text="Hello")


def ready(at: float) -> SpeechReady:
    return SpeechReady(turn=TURN, at=at, reply=REPLY, index=0)


def playing(at: float) -> PlaybackStarted:
    return PlaybackStarted(turn=TURN, at=at, reply=REPLY)


def spans(*events: CallEvent) -> dict[str, float]:
    timeline = Timeline()
    for event in events:
        timeline.feed(event)
    return timeline.spans()


def test_each_segment_runs_from_the_milestone_before_it() -> None:
    found = spans(turn_ended(100.5), transcript(100.6), delta(100.9), clause(101.0), ready(101.2), playing(101.25))
    assert found == {
        "endpointing": pytest.approx(0.5),
        "recognition": pytest.approx(0.1),
        "first_token": pytest.approx(0.3),
        "first_clause": pytest.approx(0.1),
        "synthesis": pytest.approx(0.2),
        "handover": pytest.approx(0.05),
        "response_gap": pytest.approx(1.25),
    }


def test_only_the_first_of_each_milestone_counts() -> None:
    first = (turn_ended(100.5), transcript(100.6), delta(100.9), clause(101.0), ready(101.2), playing(101.25))
    later = (turn_ended(109.0, 108.0), delta(109.1), clause(109.2), ready(109.3), playing(109.4))
    assert spans(*first, *later) == spans(*first)


def test_a_milestone_that_was_passed_early_costs_nothing() -> None:
    found = spans(transcript(100.2), turn_ended(100.5), delta(100.9))
    assert found["recognition"] == 0.0
    assert found["first_token"] == pytest.approx(0.4)


def test_a_milestone_without_an_event_may_be_noted() -> None:
    timeline = Timeline()
    timeline.feed(turn_ended(100.5))
    timeline.passed("knowledge", 100.7)
    assert timeline.spans()["knowledge"] == pytest.approx(0.2)


def test_a_reply_that_answers_no_speech_has_no_gap() -> None:
    assert spans(delta(100.9), clause(101.0), ready(101.2), playing(101.25)) == {}


def test_a_stop_runs_from_the_onset_of_the_speech_that_caused_it() -> None:
    stopped = ReplyStopped(turn=TURN, at=103.3, reply=REPLY, status=ReplyStatus.BARGE_IN, onset_at=103.0)
    assert spans(stopped) == {"stop": pytest.approx(0.3)}


def test_a_stop_that_no_speech_caused_has_no_span() -> None:
    assert spans(ReplyStopped(turn=TURN, at=103.3, reply=REPLY, status=ReplyStatus.CANCELLED)) == {}


@given(
    steps=st.lists(st.floats(0.0, 5.0), min_size=6, max_size=6),
    early=st.floats(0.0, 10.0),
    knowledge=st.none() | st.floats(0.0, 1.0),
)
def test_the_segments_add_up_to_the_gap(steps: list[float], early: float, knowledge: float | None) -> None:
    ended, recognized, written, cut, spoken, sent = accumulate(steps[1:], initial=100.0 + steps[0])
    timeline = Timeline()
    for event in (turn_ended(ended), transcript(recognized - early), delta(written), clause(cut), ready(spoken)):
        timeline.feed(event)
    timeline.feed(playing(sent))
    if knowledge is not None:
        timeline.passed("knowledge", recognized + knowledge * (written - recognized))
    found = timeline.spans()
    assert sum(found[name] for name in SEGMENTS if name in found) == pytest.approx(found["response_gap"])
    assert min(found.values()) >= 0.0
    assert set(found) <= set(SPANS)


def test_the_time_that_a_picture_took_stands_beside_the_gap_and_not_in_it() -> None:
    timeline = Timeline()
    for event in (turn_ended(100.2), transcript(100.3)):
        timeline.feed(event)
    before = timeline.spans()
    timeline.looked(1.5)
    timeline.looked(0.5)
    assert timeline.spans() == {**before, "vision": 1.5}
