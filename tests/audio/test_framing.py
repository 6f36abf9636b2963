import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.audio.framing import Framer
from pipeline.core.pcm import Pcm
from tests.partitions import cut, cuts


def stream(samples: list[bytes], rate: int = 8000, start: int = 0) -> list[Pcm]:
    pieces = []
    for piece in samples:
        pieces.append(Pcm(piece, rate, start))
        start += len(piece) // 2
    return pieces


@given(samples=st.integers(0, 500), frame=st.integers(1, 170), start=st.integers(0, 10_000), at=cuts())
def test_frames_are_exact_in_order_and_lose_nothing_however_the_stream_is_cut(
    samples: int, frame: int, start: int, at: list[int]
) -> None:
    sound = b"".join(number.to_bytes(2, "little") for number in range(samples))
    pieces = [sound[2 * piece.start : 2 * piece.stop] for piece in cut(range(samples), at)]
    framer = Framer(frame)
    frames = [made for piece in stream(pieces, start=start) for made in framer.feed(piece)]
    rest = framer.rest()
    assert all(made.samples == frame for made in frames)
    assert [made.start for made in frames] == [start + frame * index for index in range(samples // frame)]
    assert b"".join(made.data for made in frames) + (rest.data if rest else b"") == sound
    if rest:
        assert 0 < rest.samples < frame
        assert rest.start == start + frame * len(frames)


def test_rest_forgets_the_stream() -> None:
    framer = Framer(4)
    framer.feed(Pcm(bytes(6), 8000, 100))
    assert framer.rest() == Pcm(bytes(6), 8000, 100)
    assert framer.rest() is None
    assert framer.feed(Pcm(bytes(8), 16_000, 7)) == [Pcm(bytes(8), 16_000, 7)]


def test_a_stream_that_changes_its_rate_is_refused() -> None:
    framer = Framer(4)
    framer.feed(Pcm(bytes(2), 8000))
    with pytest.raises(ValueError, match="8000 Hz went on at 16000 Hz"):
        framer.feed(Pcm(bytes(2), 16_000))


def test_a_frame_without_samples_is_refused() -> None:
    with pytest.raises(ValueError, match="0 samples"):
        Framer(0)
