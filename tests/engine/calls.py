"""Lets a real listener hear sound as in a call, faster than real time, and keeps what it told and what it held."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

import anyio

from benchmarks.turns import AudioClock, Busy
from pipeline.core.events import FinalTranscript, HearingEvent, TurnId
from pipeline.core.pcm import SAMPLE_BYTES, MicFrame, Pcm, joined, silence
from pipeline.core.stages import VAD_RATE, VAD_WINDOW_SAMPLES
from pipeline.hearing.listener import Ears, Listener
from pipeline.hearing.scheduler import RecognitionQueue
from pipeline.settings import Endpointing, Recognition

BEHIND = 3.0
"""Seconds of silence behind the sound: more than any turn waits."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What became of a sound."""

    events: Sequence[HearingEvent]
    longest: float
    """Most seconds of sound that were kept at once."""

    @property
    def texts(self) -> list[str]:
        """Return the transcripts that are not empty."""
        return [final.text for final in self.finals if final.text]

    @property
    def finals(self) -> list[FinalTranscript]:
        """Return all transcripts."""
        return [event for event in self.events if isinstance(event, FinalTranscript)]


async def hear(sound: Pcm, engines: Busy, *, partial_every: float = Recognition().partial_every) -> Heard:
    """Return what a listener with the service's settings makes of ``sound`` (16 kHz) and the silence behind it."""
    clock, numbers, events, kept = AudioClock(), count(1), list[HearingEvent](), [0.0]
    queue = RecognitionQueue(engines, 2, clock, lambda: None)
    listener = Listener(
        Ears(engines.open(), queue, engines),
        Endpointing(),
        sustained=0.256,
        partial_every=partial_every,
        language="en",
        clock=clock,
        next_turn=lambda: TurnId(next(numbers)),
    )
    microphone_in, microphone = anyio.create_memory_object_stream[MicFrame](1)
    told_in, told = anyio.create_memory_object_stream[HearingEvent](100)
    whole = joined([sound, silence(BEHIND, VAD_RATE)])

    async def speak() -> None:
        async with microphone_in:
            for start in range(0, whole.samples - VAD_WINDOW_SAMPLES, VAD_WINDOW_SAMPLES):
                window = whole.data[SAMPLE_BYTES * start : SAMPLE_BYTES * (start + VAD_WINDOW_SAMPLES)]
                clock.at = (start + VAD_WINDOW_SAMPLES) / VAD_RATE
                await microphone_in.send(MicFrame(Pcm(window, VAD_RATE, start), clock.at))
                await engines.rest()
                kept.append(len(listener._turn.sound._windows) * VAD_WINDOW_SAMPLES / VAD_RATE)

    async with told, microphone, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.run, microphone, told_in)
        tasks.start_soon(speak)
        async for event in told:
            events.append(event)
    return Heard(events, max(kept))
