"""The outgoing track, on virtual time."""

import anyio
import numpy as np
import pytest
from aiortc.mediastreams import MediaStreamError

from pipeline.core.clock import LoopClock
from pipeline.entrances.webrtc.track import DEPTH, FRAME, FRAME_BYTES, LATE, ReplyTrack
from tests.virtual_time import VIRTUAL_TIME, Backend, pass_time

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> Backend:
    return VIRTUAL_TIME


def loud(frames: float, level: int = 1000) -> bytes:
    return np.full(round(frames * FRAME_BYTES) // 2, level, dtype="<i2").tobytes()


async def levels(track: ReplyTrack, frames: int) -> list[list[int]]:
    """Return the different levels of each of the next frames."""
    return [np.unique((await track.recv()).to_ndarray()).tolist() for _ in range(frames)]


async def test_frames_come_every_20_ms_and_are_silent_without_a_reply() -> None:
    track, clock = ReplyTrack(LoopClock()), LoopClock()
    began_at = clock.now()
    assert await levels(track, 6) == [[0]] * 6
    assert clock.now() - began_at == pytest.approx(5 * FRAME)
    assert (await track.recv()).pts == 6 * 960


async def test_a_reply_is_cut_into_frames_and_its_last_is_filled_up() -> None:
    track = ReplyTrack(LoopClock())
    await track.play(1, loud(1.5))
    assert await levels(track, 3) == [[1000], [0, 1000], [0]]


async def test_what_is_cleared_is_not_heard_and_what_comes_later_is() -> None:
    track = ReplyTrack(LoopClock())
    await track.play(1, loud(1))
    track.clear(1)
    await track.play(2, loud(1, 2000))
    assert await levels(track, 2) == [[2000], [0]]


async def test_little_is_queued_so_little_is_late() -> None:
    track = ReplyTrack(LoopClock())
    heard: list[list[int]] = []
    async with anyio.create_task_group() as tasks:

        async def speak() -> None:
            for level in range(1, 11):
                await track.play(1, loud(1, level))
                assert sum(len(samples) for _, samples in track._queued) <= DEPTH

        tasks.start_soon(speak)
        await pass_time(0.001)
        heard += await levels(track, 10)
    assert heard == [[level] for level in range(1, 11)]


async def test_a_loop_that_stood_still_is_not_made_up_for() -> None:
    track, clock = ReplyTrack(LoopClock()), LoopClock()
    await track.recv()
    await pass_time(10 * LATE)
    began_at = clock.now()
    await levels(track, 5)
    assert clock.now() - began_at == pytest.approx(4 * FRAME)


async def test_a_stopped_track_lets_everybody_go() -> None:
    track = ReplyTrack(LoopClock())
    async with anyio.create_task_group() as tasks:

        async def speak() -> None:
            for _ in range(10):
                await track.play(1, loud(1))

        tasks.start_soon(speak)
        await pass_time(0.1)
        track.stop()
    with pytest.raises(MediaStreamError):
        await track.recv()
