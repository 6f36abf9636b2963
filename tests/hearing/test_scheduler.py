from collections.abc import Sequence
from dataclasses import dataclass, field

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.clock import LoopClock
from pipeline.core.errors import HearingError
from pipeline.core.pcm import Pcm
from pipeline.core.stages import Recognition
from pipeline.hearing.scheduler import RecognitionQueue, Urgency
from tests.virtual_time import VIRTUAL_TIME, Backend, pass_time, run_virtually

pytestmark = pytest.mark.anyio

FINAL, DRAFT, PARTIAL = Urgency.FINAL, Urgency.DRAFT, Urgency.PARTIAL


@pytest.fixture
def anyio_backend() -> Backend:
    return VIRTUAL_TIME


@dataclass
class Recorder:
    """A recognizer that takes a second and notes whose sound it was given, by its length."""

    takes: float = 1.0
    order: list[int] = field(default_factory=list)
    running: int = 0
    most: int = 0

    async def transcribe(self, utterance: Pcm, language: str | None, others: Sequence[str] = ()) -> Recognition:
        self.order.append(utterance.samples)
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await pass_time(self.takes)
        finally:
            self.running -= 1
        return Recognition(str(utterance.samples), "en", 0.9, 0.0)


@dataclass
class Desk:
    """A queue and what came out of it."""

    recorder: Recorder = field(default_factory=Recorder)
    workers: int = 1
    dropped: int = 0
    results: dict[int, str | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.queue = RecognitionQueue(self.recorder, self.workers, LoopClock(), self._drop)

    def _drop(self) -> None:
        self.dropped += 1

    async def ask(self, call: object, name: int, urgency: Urgency) -> None:
        request = self.queue.request(call, Pcm(bytes(2 * name), 16_000), "en", urgency)
        heard = await self.queue.recognize(request)
        self.results[name] = None if heard is None else heard.text


async def in_turn(desk: Desk, *asked: tuple[object, int, Urgency]) -> None:
    """Ask in this order, and wait for all."""
    async with anyio.create_task_group() as tasks:
        for call, name, urgency in asked:
            tasks.start_soon(desk.ask, call, name, urgency)
            await pass_time(0.001)


async def test_finals_go_before_drafts_and_drafts_before_partials() -> None:
    desk = Desk(Recorder(takes=0.05))
    await in_turn(desk, ("a", 1, FINAL), ("b", 2, PARTIAL), ("c", 3, DRAFT), ("d", 4, FINAL))
    assert desk.recorder.order == [1, 4, 3]
    assert desk.results == {1: "1", 2: None, 3: "3", 4: "4"}
    assert desk.dropped == 1


async def test_calls_take_turns() -> None:
    desk = Desk(Recorder(takes=0.05))
    greedy = [("greedy", name, FINAL) for name in (1, 2, 3, 4)]
    await in_turn(desk, *greedy, ("other", 9, FINAL))
    assert desk.recorder.order == [1, 9, 2, 3, 4]


async def test_a_newer_draft_replaces_the_one_that_waits() -> None:
    desk = Desk()
    await in_turn(desk, ("a", 1, FINAL), ("b", 2, DRAFT), ("b", 3, DRAFT))
    assert desk.recorder.order == [1, 3]
    assert desk.results[2] is None
    assert desk.dropped == 0


async def test_a_partial_that_waited_too_long_is_dropped() -> None:
    desk = Desk()
    await in_turn(desk, ("a", 1, DRAFT), ("b", 2, PARTIAL))
    assert desk.recorder.order == [1]
    assert desk.dropped == 1


async def test_partials_leave_a_worker_free() -> None:
    desk = Desk(Recorder(takes=0.1), workers=2)
    await in_turn(desk, ("a", 1, PARTIAL), ("b", 2, PARTIAL), ("c", 3, DRAFT))
    assert desk.recorder.order == [1, 3, 2]


async def test_a_draft_that_is_hurried_counts_as_final() -> None:
    desk = Desk(Recorder(takes=0.05))
    late = desk.queue.request("b", Pcm(bytes(4), 16_000), "en", DRAFT)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(desk.ask, "a", 1, FINAL)
        await pass_time(0.001)
        tasks.start_soon(desk.ask, "c", 3, DRAFT)
        await pass_time(0.001)
        tasks.start_soon(desk.queue.recognize, late)
        await pass_time(0.001)
        desk.queue.hurry(late)
    assert desk.recorder.order == [1, 2, 3]


async def test_a_cancelled_request_gives_up_its_place() -> None:
    desk = Desk()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(desk.ask, "a", 1, FINAL)
        await pass_time(0.001)
        with anyio.move_on_after(0.5):
            await desk.ask("b", 2, FINAL)
        tasks.start_soon(desk.ask, "c", 3, FINAL)
    assert desk.recorder.order == [1, 3]
    assert desk.queue.backlog == 0


async def test_a_failure_frees_the_worker() -> None:
    class Broken(Recorder):
        async def transcribe(self, utterance: Pcm, language: str | None, others: Sequence[str] = ()) -> Recognition:
            if utterance.samples == 1:
                raise HearingError("recognition-failed", "it failed")
            return await super().transcribe(utterance, language)

    desk = Desk(Broken())
    with pytest.raises(HearingError):
        await desk.ask("a", 1, FINAL)
    await desk.ask("a", 2, FINAL)
    assert desk.results == {2: "2"}


async def test_the_backlog_counts_those_who_wait_for_an_answer() -> None:
    desk = Desk()
    async with anyio.create_task_group() as tasks:
        for name, urgency in enumerate((FINAL, FINAL, DRAFT, PARTIAL), 1):
            tasks.start_soon(desk.ask, name, name, urgency)
            await pass_time(0.001)
        assert desk.queue.backlog == 2
        tasks.cancel_scope.cancel()


async def test_a_call_that_is_over_is_forgotten() -> None:
    desk = Desk()
    for number in range(100):
        await desk.ask(number, 1, FINAL)
        desk.queue.forget(number)
    assert desk.queue._served == {}


asked = st.lists(st.tuples(st.integers(0, 3), st.sampled_from(Urgency), st.floats(0, 0.5), st.booleans()), max_size=25)


@settings(max_examples=150, deadline=None)
@given(asked, st.integers(1, 3))
def test_every_request_has_an_outcome_and_finals_are_never_dropped(
    script: list[tuple[int, Urgency, float, bool]], workers: int
) -> None:
    desk = Desk(Recorder(takes=0.3), workers)

    async def ask(name: int, call: int, urgency: Urgency, gives_up: bool) -> None:
        with anyio.move_on_after(0.2 if gives_up else None):
            await desk.ask(call, name, urgency)

    async def run() -> None:
        async with anyio.create_task_group() as tasks:
            for name, (call, urgency, pause, gives_up) in enumerate(script, 1):
                tasks.start_soon(ask, name, call, urgency, gives_up)
                await pass_time(pause)

    run_virtually(run)
    kept = {name for name, entry in enumerate(script, 1) if not entry[3]}
    finals = {name for name, entry in enumerate(script, 1) if entry[1] is FINAL}
    assert kept <= desk.results.keys()
    assert all(desk.results[name] == str(name) for name in kept & finals)
    assert desk.recorder.most <= workers
    assert desk.queue.backlog == 0
