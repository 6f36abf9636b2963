from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.speaking.trimming import LEAD, Samples, Trimmer
from tests.partitions import cut, cuts

RATE = 16_000


def tone(duration: float, level: float = 0.3) -> Samples:
    times = np.arange(round(duration * RATE)) / RATE
    return (32767 * level * np.sin(2 * np.pi * 440 * times)).astype(np.int16)


def hush(duration: float) -> Samples:
    return np.zeros(round(duration * RATE), np.int16)


def trimmed(sound: Samples, tail: float, at: Sequence[int] = ()) -> Samples:
    trimmer = Trimmer(RATE, tail)
    pieces = [trimmer.feed(piece) for piece in cut(sound, at)]
    return np.concatenate([*pieces, trimmer.flush()])


def test_silence_before_speech_is_cut_but_for_a_soft_onset() -> None:
    kept = trimmed(np.concatenate([hush(0.3), tone(0.2)]), tail=0.1)
    assert len(kept) / RATE == pytest.approx(0.2 + 0.015, abs=0.002)


def test_silence_behind_speech_is_shortened_to_the_tail() -> None:
    kept = trimmed(np.concatenate([tone(0.2), hush(0.5)]), tail=0.1)
    assert len(kept) / RATE == pytest.approx(0.3, abs=0.002)


def test_a_short_tail_is_not_lengthened() -> None:
    kept = trimmed(np.concatenate([tone(0.2), hush(0.03)]), tail=0.1)
    assert len(kept) / RATE == pytest.approx(0.23, abs=0.002)


def test_a_pause_inside_speech_stays_as_it_is() -> None:
    sound = np.concatenate([tone(0.2), hush(0.6), tone(0.2)])
    assert len(trimmed(sound, tail=0.1)) == pytest.approx(len(sound), abs=0.002 * RATE)


def test_silence_alone_gives_nothing() -> None:
    assert not len(trimmed(hush(1.0), tail=0.1, at=[100, 5000]))


def test_the_kept_silence_fades_out() -> None:
    kept = trimmed(np.concatenate([tone(0.2), np.full(RATE, 200, np.int16)]), tail=0.1)
    assert kept[-1] == 0
    assert kept[-200] == 200


@given(at=cuts(), lead=st.integers(0, 4000), tail=st.floats(0, 0.3))
def test_the_result_does_not_depend_on_how_the_sound_is_cut(at: list[int], lead: int, tail: float) -> None:
    sound = np.concatenate([hush(lead / RATE), tone(0.2), hush(0.2), tone(0.1), hush(0.3)])
    assert np.array_equal(trimmed(sound, tail), trimmed(sound, tail, at))


@given(at=cuts(), lead=st.integers(0, 4000), inner=st.floats(0, 0.2))
def test_what_is_kept_lies_behind_what_was_dropped_however_the_sound_is_cut(
    at: list[int], lead: int, inner: float
) -> None:
    sound = np.concatenate([np.full(lead, 20, np.int16), tone(0.1)[7:], hush(inner), tone(0.1), hush(0.3)])
    trimmer = Trimmer(RATE, 0.1)
    kept = np.concatenate([trimmer.feed(piece) for piece in cut(sound, at)])
    assert np.array_equal(kept, sound[trimmer.dropped : trimmer.dropped + len(kept)])
    assert trimmer.dropped == max(0, lead - round(LEAD * RATE))
