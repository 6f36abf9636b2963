import math

import numpy as np
import pytest

from pipeline.audio.level import first_audible, last_audible, rms_dbfs
from pipeline.core.pcm import Pcm


def pcm(values: list[int], start: int = 0) -> Pcm:
    return Pcm(np.array(values, dtype="<i2").tobytes(), 8000, start)


def test_a_full_scale_square_wave_is_at_zero_decibels() -> None:
    assert rms_dbfs(pcm([-32768] * 10)) == 0
    assert rms_dbfs(pcm([3277, -3277] * 10)) == pytest.approx(-20, abs=0.01)


def test_silence_and_nothing_are_infinitely_quiet() -> None:
    assert rms_dbfs(pcm([0] * 10)) == -math.inf
    assert rms_dbfs(pcm([])) == -math.inf


def test_audible_samples_are_found_on_the_stream_and_not_in_the_piece() -> None:
    piece = pcm([0, 300, -400, 0, 500, -327, 0], start=1000)
    assert first_audible(piece) == 1002
    assert last_audible(piece) == 1004


def test_the_most_negative_sample_is_loud() -> None:
    assert first_audible(pcm([0, -32768])) == 1


def test_a_threshold_of_its_own_is_used() -> None:
    assert last_audible(pcm([0, 300, 0]), threshold_dbfs=-46) == 1


def test_nothing_audible_has_no_place() -> None:
    assert first_audible(pcm([100] * 5)) is None
    assert last_audible(pcm([])) is None
