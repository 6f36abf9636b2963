"""Lets a listener hear on virtual time, with a scripted recognizer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count

import anyio

from pipeline.core.clock import LoopClock
from pipeline.core.events import FinalTranscript, HearingEvent, TurnId
from pipeline.hearing.listener import Ears, Listener
from pipeline.settings import Endpointing
from tests.fakes import FakeLine, FakeRecognizer, FakeTurnModel, FakeVoice, recognitions

SETTINGS = Endpointing(min_silence=0.5, max_silence=0.5)
Talk = Sequence[tuple[float, float]]


@dataclass
class Hearing:
    """A listener, what it is told and what it told. ``on_event`` may act on it in between."""

    recognizer: FakeRecognizer = field(default_factory=lambda: FakeRecognizer([(0.1, "hello")]))
    settings: Endpointing = SETTINGS
    on_event: Callable[[Listener, HearingEvent], None] = lambda listener, event: None
    capacity: int = 64
    turn_model: FakeTurnModel | None = None
    partial_every: float = 0.0
    told: list[HearingEvent] = field(default_factory=list)

    async def hear(self, talk: Talk, duration: float, *, lost: Talk = ()) -> None:
        """Let the caller talk in the stretches of ``talk``, in seconds; the stretches of ``lost`` never arrive."""
        numbers = count(1)
        caller = FakeLine(talk, duration, lost=lost)
        listener = Listener(
            Ears(FakeVoice(), recognitions(self.recognizer), self.turn_model),
            self.settings,
            sustained=0.256,
            partial_every=self.partial_every,
            language="en",
            clock=LoopClock(),
            next_turn=lambda: TurnId(next(numbers)),
        )
        events_in, events = anyio.create_memory_object_stream[HearingEvent](self.capacity)
        async with events, anyio.create_task_group() as tasks:
            tasks.start_soon(listener.run, caller.microphone, events_in)
            tasks.start_soon(caller.run)
            async for event in events:
                self.told.append(event)
                self.on_event(listener, event)
        caller.close()

    def of(self, kind: type[HearingEvent]) -> list[HearingEvent]:
        return [event for event in self.told if isinstance(event, kind)]

    @property
    def finals(self) -> list[tuple[int, str]]:
        return [(event.turn, event.text) for event in self.told if isinstance(event, FinalTranscript)]
