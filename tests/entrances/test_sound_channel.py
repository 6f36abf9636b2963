import anyio
import pytest

from pipeline.core.pcm import MicFrame, Pcm
from pipeline.entrances.sound_channel import SoundChannel


def frame(duration: float, mark: int = 0) -> MicFrame:
    return MicFrame(Pcm(bytes(2 * round(16_000 * duration)), 16_000, mark), 0.0)


class Full:
    def __init__(self, capacity: float = 1.0) -> None:
        self.dropped = 0
        self.channel = SoundChannel(capacity, 0.2, self._drop)

    def _drop(self) -> None:
        self.dropped += 1

    def marks(self) -> list[int]:
        found = []
        self.channel.end()
        try:
            while True:
                found.append(self.channel.receive.receive_nowait().pcm.start)
        except anyio.EndOfStream:
            self.channel.close()
        return found


@pytest.mark.parametrize(("duration", "fits"), [(0.2, 5), (0.125, 8), (0.0625, 16)])
def test_a_second_of_sound_fits_whatever_the_chunks(duration: float, fits: int) -> None:
    full = Full()
    for mark in range(20):
        full.channel.put(frame(duration, mark))
    assert full.dropped == 20 - fits
    assert full.marks() == list(range(20 - fits, 20))


def test_what_was_received_makes_room() -> None:
    full = Full()
    for mark in range(20):
        full.channel.put(frame(0.2, mark))
        assert full.channel.receive.receive_nowait().pcm.start == mark
    assert full.dropped == 0
    assert full.marks() == []


def test_a_filled_gap_does_not_push_out_the_sound_before_it() -> None:
    full = Full()
    for mark in range(3):
        full.channel.put(frame(0.2, mark))
    full.channel.put(frame(5.0, 3))
    full.channel.put(frame(0.2, 4))
    assert full.dropped == 0
    assert full.marks() == [0, 1, 2, 3, 4]


def test_the_newest_sound_is_kept_even_where_it_alone_is_too_long() -> None:
    full = Full(capacity=0.1)
    full.channel.put(frame(0.2, 1))
    full.channel.put(frame(0.2, 2))
    assert full.marks() == [2]
