import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.pcm import Pcm, joined, silence
from tests.partitions import cut, cuts

samples = st.integers(0, 400).map(lambda number: bytes(index % 256 for index in range(2 * number)))


def test_half_a_sample_is_refused() -> None:
    with pytest.raises(ValueError, match="3 bytes"):
        Pcm(b"abc", 8000)


def test_a_rate_of_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="0 Hz"):
        Pcm(b"", 0)


def test_a_stretch_knows_its_length_and_its_place() -> None:
    pcm = Pcm(bytes(320), 8000, start=4000)
    assert pcm.samples == 160
    assert pcm.duration == pytest.approx(0.02)
    assert pcm.audio_at == pytest.approx(0.5)
    assert pcm.audio_end == pytest.approx(0.52)


@given(data=samples, places=cuts(), start=st.integers(0, 10**9))
def test_the_pieces_of_a_stretch_joined_are_the_stretch(data: bytes, places: list[int], start: int) -> None:
    whole = Pcm(data, 16_000, start)
    pieces, at = [], start
    for piece in cut(range(whole.samples), places):
        pieces.append(Pcm(data[2 * (at - start) : 2 * (at - start + len(piece))], 16_000, at))
        at += len(piece)
    assert joined(pieces) == whole


def test_no_pieces_do_not_join() -> None:
    with pytest.raises(ValueError, match="no audio"):
        joined([])


def test_pieces_of_different_rates_do_not_join() -> None:
    with pytest.raises(ValueError, match="different rates"):
        joined([Pcm(b"ab", 8000), Pcm(b"ab", 16_000)])


def test_silence_is_silent_and_of_the_length_asked_for() -> None:
    pcm = silence(0.25, 8000, start=7)
    assert pcm == Pcm(bytes(4000), 8000, 7)
