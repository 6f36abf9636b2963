import numpy as np
import pytest

from pipeline.core.pcm import Pcm
from pipeline.hearing.loudness import DROP, Loudness

RATE = 16_000


def window(dbfs: float, seconds: float = 0.032) -> Pcm:
    """Return a square wave of this level."""
    peak = round(32768 * 10 ** (dbfs / 20))
    return Pcm(np.tile(np.array([peak, -peak], "<i2"), round(seconds * RATE / 2)).tobytes(), RATE)


def test_speech_is_left_as_it_was() -> None:
    loudness = Loudness()
    assert [loudness.weigh(p, window(-20)) for p in (0.1, 0.4, 0.9)] == [0.1, 0.4, 0.9]


def test_what_is_far_below_the_callers_level_is_silence() -> None:
    loudness = Loudness()
    loudness.weigh(0.9, window(-15))
    assert loudness.weigh(0.6, window(-15 - DROP - 1)) == 0.0
    assert loudness.weigh(0.6, window(-15 - DROP + 1)) == 0.6


def test_certain_speech_counts_however_weak_it_is() -> None:
    loudness = Loudness()
    loudness.weigh(0.9, window(-10))
    assert loudness.weigh(0.97, window(-58)) == 0.97


def test_a_caller_who_speaks_softly_from_the_beginning_is_heard() -> None:
    assert Loudness().weigh(0.6, window(-58)) == 0.6


def test_a_caller_who_becomes_softer_is_heard_again_before_long() -> None:
    loudness = Loudness()
    loudness.weigh(0.9, window(-3))
    softer = [loudness.weigh(0.6, window(-45)) for _ in range(100)]
    assert softer[0] == 0.0
    assert softer[-1] == 0.6


@pytest.mark.parametrize("probability", [0.0, 0.4, 1.0])
def test_nothing_at_all_is_no_louder_than_anything(probability: float) -> None:
    assert Loudness().weigh(probability, Pcm(bytes(1024), RATE)) in {0.0, probability}
