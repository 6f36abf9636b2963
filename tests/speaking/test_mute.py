import pytest

from pipeline.speaking.mute import RATE, Mute

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("text", "seconds"), [("", 0.0), ("We open at nine.", 1.07), ("我们九点开门", 1.2), ("a" * 300, 20.0)]
)
async def test_silence_lasts_as_long_as_it_takes_to_read(text: str, seconds: float) -> None:
    pieces = [piece.pcm async for piece in Mute().speak(text)]
    assert sum(piece.samples for piece in pieces) / RATE == pytest.approx(seconds, abs=0.01)
    assert not any(any(piece.data) for piece in pieces)
    assert [piece.start for piece in pieces] == [sum(p.samples for p in pieces[:n]) for n in range(len(pieces))]
