import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.caller.speaker import Speaker, first_audible_at, stalled
from pipeline.core.events import PlaybackKind, PlaybackReported, ReplyId
from tests.partitions import cut, cuts

RATE = 1000
STARTED, COMPLETED, CLEARED = PlaybackKind.STARTED, PlaybackKind.COMPLETED, PlaybackKind.CLEARED


def sound(samples: int, first: int = 1000) -> bytes:
    return np.arange(first, first + samples).astype("<i2").tobytes()


def reported(kind: PlaybackKind, played_ms: int, reply: int = 1) -> PlaybackReported:
    return PlaybackReported(reply=ReplyId(reply), kind=kind, played_ms=played_ms)


def values(speaker: Speaker, begin: float, until: float) -> list[int]:
    return list(np.frombuffer(speaker.recording(begin, until).data, dtype="<i2"))


@given(samples=st.integers(1, 300), at=cuts())
def test_however_a_reply_is_cut_the_same_is_heard(samples: int, at: list[int]) -> None:
    whole = sound(samples)
    speaker = Speaker(RATE)
    parts = cut(range(samples), at)
    for index, part in enumerate(parts):
        last = index == len(parts) - 1
        speaker.arrived(1, whole[2 * part.start : 2 * part.stop], 10.0 if index == 0 else 10.001, last=last)
    assert speaker.heard(1, 99.0) == pytest.approx(samples / RATE)
    if len(parts[0]):
        assert values(speaker, 10.0, 10.0 + samples / RATE) == list(range(1000, 1000 + samples))


def test_frames_that_arrive_early_are_heard_back_to_back() -> None:
    speaker = Speaker(RATE)
    speaker.arrived(1, sound(20), 5.0, last=False)
    speaker.arrived(1, sound(20, 2000), 5.001, last=True)
    assert values(speaker, 5.0, 5.04) == [*range(1000, 1020), *range(2000, 2020)]


def test_a_late_frame_leaves_silence_that_does_not_count_as_heard() -> None:
    speaker = Speaker(RATE)
    speaker.arrived(1, sound(20), 5.0, last=False)
    speaker.arrived(1, sound(20, 2000), 5.05, last=True)
    assert values(speaker, 5.0, 5.07) == [*range(1000, 1020), *([0] * 30), *range(2000, 2020)]
    assert speaker.heard(1, 5.06) == pytest.approx(0.03)


def test_each_report_comes_once_when_it_has_become_true() -> None:
    speaker = Speaker(RATE)
    assert speaker.next_at() is None
    speaker.arrived(1, sound(100), 5.0, last=True)
    assert speaker.next_at() == 5.0
    assert speaker.due(5.0) == [reported(STARTED, 0)]
    assert speaker.due(5.05) == []
    assert speaker.next_at() == pytest.approx(5.1)
    assert speaker.due(5.11) == [reported(COMPLETED, 100)]
    assert speaker.due(9.0) == []
    assert speaker.next_at() is None


def test_a_reply_is_not_complete_before_its_last_message() -> None:
    speaker = Speaker(RATE)
    speaker.arrived(1, sound(10), 5.0, last=False)
    assert speaker.due(6.0) == [reported(STARTED, 0 + 10)]
    speaker.arrived(1, b"", 6.0, last=True)
    assert speaker.due(6.0) == [reported(COMPLETED, 10)]


def test_a_reply_without_sound_is_complete_at_once() -> None:
    speaker = Speaker(RATE)
    speaker.arrived(1, b"", 5.0, last=True)
    assert speaker.due(5.0) == [reported(COMPLETED, 0)]


def test_clearing_stops_within_a_sample_and_says_how_much_was_heard() -> None:
    speaker = Speaker(RATE)
    speaker.arrived(1, sound(100), 5.0, last=False)
    assert speaker.clear(1, 5.03) == reported(CLEARED, 30)
    speaker.arrived(1, sound(100), 5.04, last=True)
    assert values(speaker, 5.0, 5.2) == [*range(1000, 1030), *([0] * 170)]
    assert not speaker.playing(5.04)
    assert speaker.due(9.0) == []


def test_clearing_before_anything_was_heard_reports_nothing_heard() -> None:
    speaker = Speaker(RATE)
    assert speaker.clear(3, 5.0) == reported(CLEARED, 0, reply=3)


def test_what_is_queued_behind_a_cleared_reply_moves_up() -> None:
    speaker = Speaker(RATE)
    speaker.arrived(1, sound(100), 5.0, last=True)
    speaker.arrived(2, sound(10, 2000), 5.0, last=True)
    assert speaker.next_at() == 5.0
    speaker.clear(1, 5.02)
    assert values(speaker, 5.0, 5.03) == [*range(1000, 1020), *range(2000, 2010)]
    assert speaker.due(5.03) == [reported(STARTED, 10, reply=2), reported(COMPLETED, 10, reply=2)]


def test_what_was_heard_before_is_kept_when_another_reply_is_cleared() -> None:
    speaker = Speaker(RATE)
    speaker.arrived(1, sound(10), 5.0, last=True)
    speaker.arrived(2, sound(50, 2000), 6.0, last=True)
    speaker.clear(2, 6.0)
    assert values(speaker, 5.0, 5.01) == list(range(1000, 1010))
    assert speaker.heard(2, 9.0) == 0


def test_the_first_audible_sample_is_found_behind_leading_silence() -> None:
    speaker = Speaker(RATE)
    speaker.arrived(1, bytes(2 * 40), 5.0, last=False)
    speaker.arrived(1, sound(10), 5.1, last=True)
    assert first_audible_at(speaker.stretches(1)) == pytest.approx(5.1)
    assert first_audible_at(speaker.stretches(2)) is None


def test_a_filler_is_heard_apart_from_the_answer_behind_it() -> None:
    speaker = Speaker(RATE)
    speaker.arrived(1, sound(10), 5.0, last=False, filler=True)
    speaker.arrived(1, sound(10), 5.005, last=True)
    assert first_audible_at(speaker.stretches(1, filler=True)) == pytest.approx(5.0)
    assert first_audible_at(speaker.stretches(1)) == pytest.approx(5.0 + 10 / 1000, abs=0.02)


def test_a_reply_stalls_where_its_next_sound_is_late_and_a_filler_before_it_does_not_count() -> None:
    speaker = Speaker(RATE)
    speaker.arrived(1, sound(100), 10.0, last=False, filler=True)
    speaker.arrived(1, sound(100), 10.5, last=False)
    speaker.arrived(1, sound(100), 10.55, last=False)
    speaker.arrived(1, sound(100), 10.9, last=True)
    speaker.arrived(2, sound(100), 20.0, last=True)
    assert stalled(speaker.stretches(1)) == pytest.approx(0.2)
    assert stalled(speaker.stretches(2)) == stalled(speaker.stretches(3)) == 0
