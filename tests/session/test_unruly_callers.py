"""Callers who never let the service finish, and those who only hum: minutes of it, and nothing piles up."""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field

import anyio
import pytest

from pipeline.core.events import Backchannel, CallEvent, FinalTranscript, ReplyEnded, ReplyStatus, TurnEnded
from pipeline.core.pcm import Pcm
from pipeline.core.stages import Message, Recognition
from pipeline.session.session import Session
from pipeline.settings import Call, Endpointing
from tests.fakes import FakeLine, FakeModel, FakeRecognizer, FakeSynthesizer, FakeTurnModel
from tests.session.calls import Made
from tests.virtual_time import VIRTUAL_TIME, Backend, pass_time

pytestmark = pytest.mark.anyio

UNRULY = 300.0
"""Seconds of it."""
QUESTION = "What do you sell?"
LONG = [(0.05, f"Kind number {n} of our bread. ") for n in range(30)]
"""Takes a minute to say."""


@pytest.fixture
def anyio_backend() -> Backend:
    return VIRTUAL_TIME


class Ear(FakeRecognizer):
    """Hears ``noise`` until the caller asks a question at ``asks_at``, and keeps nothing of it."""

    def __init__(self, noise: str, asks_at: float) -> None:
        super().__init__([])
        self._noise = noise
        self._asks_at = asks_at
        self.times_asked = 0
        self.longest = 0.0

    async def transcribe(self, utterance: Pcm, language: str | None, others: Sequence[str] = ()) -> Recognition:
        self.times_asked += 1
        self.longest = max(self.longest, utterance.duration)
        await pass_time(0.02)
        return Recognition(QUESTION if utterance.audio_end > self._asks_at else self._noise, "en", 0.9, 0.0)


class Sure(FakeTurnModel):
    """Takes every turn for over, and keeps nothing of it."""

    def __init__(self) -> None:
        super().__init__([])

    async def probability(self, sound: Pcm) -> float:
        await pass_time(0.01)
        return 0.95


@dataclass
class Watch:
    """Looks now and then at what a call holds."""

    session: Session
    sizes: list[tuple[float, int]] = field(default_factory=list)
    tasks: list[int] = field(default_factory=list)

    async def run(self) -> None:
        while True:
            await pass_time(1.7)
            self.sizes.append((asyncio.get_running_loop().time() - 1000.0, size(self.session)))
            self.tasks.append(len(asyncio.all_tasks()))

    def most(self, begin: float, end: float) -> int:
        return max(held for at, held in self.sizes if begin <= at < end)


def size(root: object) -> int:
    """Return how many things hang on ``root``, in containers and objects of the service; strings by their length."""
    seen, due, total = {id(root)}, [root], 0
    while due:
        parts = _parts(due.pop())
        total += len(parts)
        for part in parts:
            if isinstance(part, str):
                total += len(part)
            elif id(part) not in seen:
                seen.add(id(part))
                due.append(part)
    return total


def _parts(thing: object) -> Sequence[object]:
    if isinstance(thing, Mapping):
        return [*thing.keys(), *thing.values()]
    if isinstance(thing, list | tuple | deque | Set):
        return list(thing)
    if not type(thing).__module__.startswith("pipeline."):
        return []
    slots = [name for kind in type(thing).__mro__ for name in getattr(kind, "__slots__", ())]
    return [*vars(thing).values()] if hasattr(thing, "__dict__") else [getattr(thing, name, None) for name in slots]


async def watched(made: Made) -> Watch:
    """Run the call to its end, and return what it held meanwhile."""
    session = made.session()
    watch = Watch(session)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(made.line.run)
        tasks.start_soon(watch.run)
        await session.run()
        tasks.cancel_scope.cancel()
    made.line.close()
    return watch


def call(talk: Sequence[tuple[float, float]], ear: Ear, *, asks_at: float, **other: object) -> Made:
    """Return a call whose caller does what ``talk`` says and asks a question at ``asks_at``."""
    made = Made(
        FakeLine([*talk, (asks_at, asks_at + 1.0)], asks_at + 10.0),
        recognizer=ear,
        model=FakeModel([(0.02, "We open at nine,"), (0.02, " and we close at six.")]),
        synthesizer=FakeSynthesizer(delay=0.01),
        call=Call(no_input=100.0, no_input_limit=9, max_duration=1000.0),
        endpointing=Endpointing(min_silence=0.1, max_silence=0.5),
        turn_model=Sure(),
        partial_every=0.6,
    )
    for name, value in other.items():
        setattr(made, name, value)
    return made


def of(made: Made, kind: type[CallEvent]) -> list[CallEvent]:
    return [event for event in made.line.events if isinstance(event, kind)]


BARKS = {
    "0.15 s": ([(1.0 + 0.3 * n, 1.15 + 0.3 * n) for n in range(round(UNRULY / 0.3))], 0.1),
    "0.15 s, with a patient service": ([(1.0 + 0.3 * n, 1.15 + 0.3 * n) for n in range(round(UNRULY / 0.3))], 0.3),
    "0.3 s": ([(1.0 + 0.6 * n, 1.3 + 0.6 * n) for n in range(round(UNRULY / 0.6))], 0.1),
}


@pytest.mark.parametrize("barks", BARKS)
async def test_five_minutes_of_barging_in_pile_nothing_up(barks: str) -> None:
    talk, min_silence = BARKS[barks]
    asks_at = UNRULY + 5.0
    ear = Ear("Stop it now.", asks_at)
    made = call(talk, ear, asks_at=asks_at, endpointing=Endpointing(min_silence=min_silence, max_silence=0.5))
    watch = await watched(made)
    assert watch.most(UNRULY - 100, UNRULY) < 1.2 * watch.most(0, 100)
    assert max(watch.tasks) < 30
    assert ear.times_asked <= 3 * len(talk)  # a draft at the dip, a final, a partial
    assert ear.longest < 27.0
    assert len(made.model.asked) <= 2 * len(talk)
    assert made.model.open_streams == made.synthesizer.open_streams == 0
    longest = [sum(len(message.text) for message in messages) for messages in made.model.asked]
    assert max(longest) < 3000
    assert made.model.asked[-1][-1].text.endswith(QUESTION)
    last = of(made, ReplyEnded)[-1]
    assert isinstance(last, ReplyEnded)
    assert (last.status, last.heard) == (ReplyStatus.COMPLETED, "We open at nine, and we close at six.")
    assert len(of(made, TurnEnded)) == len(of(made, FinalTranscript))


HUMS = {
    "now and then": [(3.0 + 1.5 * n, 3.4 + 1.5 * n) for n in range(36)],
    "all the time": [(3.0 + 0.5 * n, 3.35 + 0.5 * n) for n in range(110)],
    "without a breath": [(3.0, 58.0)],
}


@pytest.mark.parametrize("hums", HUMS)
async def test_a_caller_who_hums_through_a_minute_hears_all_of_it_and_is_understood_afterwards(hums: str) -> None:
    ear = Ear("Mm-hm.", 100.0)
    made = call([(1.0, 1.6), *HUMS[hums]], ear, asks_at=100.0)
    made.recognizer = First(QUESTION, ear)
    made.model = FakeModel(LONG, [(0.02, "Of course.")])
    await watched(made)
    ends = [event for event in made.line.events if isinstance(event, ReplyEnded)]
    assert [end.status for end in ends] == [ReplyStatus.COMPLETED, ReplyStatus.COMPLETED]
    assert ends[0].heard == ends[0].text == "".join(delta for _, delta in LONG).strip()
    assert len(made.line.of(Backchannel)) >= 2
    first = [sent for sent in made.line.audio if sent.audio.reply == ends[0].reply and sent.audio.pcm.samples]
    sound = sum(sent.audio.pcm.duration for sent in first)
    assert first[-1].at - first[0].at < sound + 5.0
    assert made.model.asked[-1][-3:] == [
        Message("user", QUESTION),
        Message("assistant", ends[0].heard),
        Message("user", QUESTION),
    ]


class First(FakeRecognizer):
    """Hears ``text`` in what is said within the first two seconds; then another hears."""

    def __init__(self, text: str, then: FakeRecognizer) -> None:
        super().__init__([(0.02, text)])
        self._then = then

    async def transcribe(self, utterance: Pcm, language: str | None, others: Sequence[str] = ()) -> Recognition:
        if utterance.audio_at < 2.0:
            return await super().transcribe(utterance, language)
        return await self._then.transcribe(utterance, language)
