"""Mute: says nothing, for as long as a text takes to read. For languages that no voice is installed for."""

from collections.abc import AsyncGenerator

import anyio

from pipeline.core.pcm import Pcm, silence
from pipeline.core.stages import Speech
from pipeline.speaking.words import is_east_asian

NONE = "none"
"""Stands for a voice's name."""
RATE = 16_000
SIGNS_PER_SECOND = 15.0
EAST_ASIAN_PER_SECOND = 5.0
"""How fast captions are read. Source: the BBC's subtitle guidelines (160 to 180 words a minute) and Netflix' timed text
style guides (9 signs a second for Chinese at most), on the safe side."""
PIECE = 0.5


class Mute:
    """A Synthesizer of silence, so that captions are paced, and barge-in and history work as with a voice."""

    @property
    def rate(self) -> int:
        """Return the rate of the silence in hertz."""
        return RATE

    async def speak(self, text: str) -> AsyncGenerator[Speech, None]:
        """Yield as much silence as it takes to read ``text``."""
        dense = sum(map(is_east_asian, text))
        left = dense / EAST_ASIAN_PER_SECOND + (len(text) - dense) / SIGNS_PER_SECOND
        start = 0
        while left > 0:
            await anyio.lowlevel.checkpoint()
            piece = silence(min(left, PIECE), RATE)
            yield Speech(Pcm(piece.data, RATE, start))
            start += piece.samples
            left -= PIECE
