"""Piper's threads, on a scripted network: what happens when a call goes while a piece is being computed."""

import asyncio
from collections.abc import Iterator
from threading import Event
from types import SimpleNamespace
from typing import Any

import anyio
import anyio.lowlevel
import anyio.to_thread
import numpy as np
import pytest

from pipeline.settings import Speaking
from pipeline.speaking.piper import Floats, Piper, Sound

pytestmark = pytest.mark.anyio

VOICE: Any = SimpleNamespace(
    config=SimpleNamespace(
        default_speaker_id=0, num_speakers=1, noise_scale=0.0, length_scale=1.0, noise_w_scale=0.0, sample_rate=22_050
    ),
    phonemize=lambda text: [list(text)],
    phonemes_to_ids=lambda phonemes: list(range(len(phonemes))),
)


class SlowNetwork:
    """Computes one endless piece, until ``go_on``."""

    aligned = False

    def __init__(self) -> None:
        self.begun = Event()
        self.go_on = Event()
        self.closed = False

    def decode(self, inputs: dict[str, Any]) -> Sound:
        return Sound(self._pieces(), np.empty(0, np.int64))

    def _pieces(self) -> Iterator[Floats]:
        try:
            while True:
                self.begun.set()
                self.go_on.wait(10.0)
                yield np.ones(22_050, np.float32)
        finally:
            self.closed = True


async def test_a_task_cancelled_by_asyncio_itself_in_mid_synthesis_waits_for_the_thread_and_raises_nothing_else() -> (
    None
):
    network = SlowNetwork()
    piper = Piper(VOICE, network, Speaking())

    tasks: list[asyncio.Task[None]] = []

    async def speak() -> None:
        tasks.extend(task for task in [asyncio.current_task()] if task is not None)
        async for _ in piper.speak("hello"):
            pass

    async with anyio.create_task_group() as group:
        group.start_soon(speak)
        await anyio.to_thread.run_sync(network.begun.wait, 10.0)
        tasks[0].cancel()
        await anyio.lowlevel.checkpoint()
        network.go_on.set()
    assert network.closed
    assert piper._limiter.borrowed_tokens == 0
