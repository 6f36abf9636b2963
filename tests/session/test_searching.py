"""The documents are searched while the caller still speaks, and an answer to the same words finds it done."""

from collections.abc import Sequence

import anyio
import pytest

from pipeline.core.cache import Tally
from pipeline.core.clock import LoopClock
from pipeline.core.errors import KnowledgeError
from pipeline.core.events import (
    CallEvent,
    FinalTranscript,
    PartialTranscript,
    ReplyEnded,
    ReplyStatus,
    TextTyped,
    TurnEnded,
)
from pipeline.dialog.ahead import PATIENCE
from pipeline.dialog.knowledge.search import BUDGET, Knowledge, Passage
from pipeline.dialog.lookup import Documents, Lookup
from pipeline.session.headroom import Headroom
from tests.fakes import FakeLine, FakeModel, FakeRecognizer
from tests.session.calls import ANSWER, Made, orders_at, place
from tests.virtual_time import VIRTUAL_TIME, Backend, pass_time

pytestmark = pytest.mark.anyio

DELIVERY = Passage("Yes, within five miles.", "Delivery", "faq.csv", 1.0, "Do you deliver?", 1)


@pytest.fixture
def anyio_backend() -> Backend:
    return VIRTUAL_TIME


class FakeKnowledge(Knowledge):
    """Takes ``takes`` seconds for approved answers, and vectors for as long as it is let for anything else."""

    def __init__(self, takes: float = 0.0, *, error: KnowledgeError | None = None, vectors: float = 0.0) -> None:
        self.version = "v1"
        self.approvals: list[str] = []
        self.searches: list[str] = []
        self.at_once = 0
        self.most_at_once = 0
        self.waited: list[float] = []
        self._takes = takes
        self._vectors = vectors
        self._error = error

    async def approved(self, question: str, threshold: float, budget: float = BUDGET) -> Passage | None:
        self.approvals.append(question)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await pass_time(self._takes)
        finally:
            with anyio.CancelScope(shield=True):
                await pass_time(self._takes / 10)  # a thread comes back before its work counts as given up
            self.at_once -= 1
        if self._error is not None:
            raise self._error
        return DELIVERY if "deliver" in question else None

    async def search(
        self, question: str, limit: int = 3, budget: float = BUDGET, vectors: anyio.CancelScope | None = None
    ) -> Sequence[Passage]:
        self.searches.append(question)
        began = LoopClock().now()
        with vectors or anyio.move_on_after(budget):
            await pass_time(self._vectors)
        self.waited.append(LoopClock().now() - began)
        return ()


def call(knowledge: FakeKnowledge, *texts: str, ahead: bool = True, tally: Tally | None = None) -> Made:
    """Return a call in which the caller speaks for two seconds, and is understood so, one text after the other."""
    lookup = Lookup(knowledge, Documents(), "US", lambda error: None, tally)
    return Made(
        FakeLine([(1.0, 3.0)], 11.0),
        recognizer=FakeRecognizer([(0.05, text) for text in texts]),
        model=FakeModel(ANSWER),
        partial_every=0.5,
        headroom=Headroom(1, 4, lambda: not ahead),
        lookup=lookup,
    )


def replies(made: Made) -> list[ReplyEnded]:
    return [event for event in made.line.events if isinstance(event, ReplyEnded)]


async def test_what_is_asked_is_searched_for_once_and_before_the_turn_is_over() -> None:
    knowledge, tally = FakeKnowledge(), Tally()
    made = call(knowledge, "when do", "when do you open", "When do you open?", tally=tally)
    await place(made)
    assert knowledge.approvals == knowledge.searches == ["when do", "when do you open"]
    assert len(made.line.of(PartialTranscript)) > 1
    assert (tally.stored, tally.hits, tally.misses) == (2, 1, 0)
    assert [reply.text for reply in replies(made)] == ["We open at nine, and we close at six."]


async def test_an_answer_that_was_not_begun_ahead_finds_its_search_done() -> None:
    knowledge, tally = FakeKnowledge(takes=0.1), Tally()
    made = call(knowledge, "do you deliver", ahead=False, tally=tally)
    await place(made)
    assert knowledge.approvals == ["do you deliver"]
    assert knowledge.searches == []
    assert (tally.hits, tally.misses) == (1, 0)
    assert [(reply.text, reply.sources) for reply in replies(made)] == [(DELIVERY.text, (DELIVERY.source,))]


async def test_an_approved_answer_that_was_found_ahead_comes_sooner() -> None:
    gaps = {}
    for takes in (0.0, 0.3):
        made = call(FakeKnowledge(takes), "do you deliver", ahead=False)
        await place(made)
        gaps[takes] = replies(made)[0].spans["response_gap"]
    assert gaps[0.3] == pytest.approx(gaps[0.0], abs=0.01)


async def test_the_latest_words_win_and_one_search_is_under_way_at_a_time() -> None:
    knowledge = FakeKnowledge(takes=30.0)
    words = ("when", "when do", "when do you", "when do you open")
    made = call(knowledge, *words)
    made.line.duration = 80.0
    await place(made)
    assert knowledge.approvals == list(words)
    assert knowledge.most_at_once == 1
    assert replies(made)[0].status is ReplyStatus.COMPLETED


async def test_other_words_than_those_searched_for_are_searched_for_as_ever() -> None:
    knowledge, tally = FakeKnowledge(), Tally()
    made = call(knowledge, "when do you open", tally=tally)
    made.line.on_event = orders_at(ReplyEnded, TextTyped(text="do you deliver", language=""))
    await place(made)
    assert knowledge.approvals == ["when do you open", "do you deliver"]
    assert (tally.hits, tally.misses) == (1, 1)
    assert replies(made)[-1].text == DELIVERY.text


async def test_documents_that_fail_ahead_are_asked_again_and_cost_no_answer() -> None:
    knowledge = FakeKnowledge(error=KnowledgeError("knowledge-closed", "it is closed"))
    made = call(knowledge, "do you deliver")
    await place(made)
    assert knowledge.approvals == ["do you deliver"] * 2
    assert [reply.status for reply in replies(made)] == [ReplyStatus.COMPLETED]


async def test_vectors_have_time_while_nobody_waits() -> None:
    knowledge = FakeKnowledge(vectors=60.0)
    made = call(knowledge, "when do you open", ahead=False)
    made.line.talk = [(1.0, 5.0)]
    await place(made)
    assert knowledge.waited == [pytest.approx(PATIENCE, abs=0.01)]


async def test_vectors_have_their_budget_from_when_an_answer_waits_for_them() -> None:
    knowledge = FakeKnowledge(vectors=60.0)
    # The last words come with the end of the turn, and read like one: the answer is begun at once.
    await place(call(knowledge, "when", "when", "when", "when", "When do you open?"))
    assert knowledge.searches == ["when", "When do you open?"]
    assert knowledge.waited[-1] == pytest.approx(BUDGET, abs=0.001)


async def test_nothing_is_searched_for_ahead_without_documents() -> None:
    made = Made(FakeLine([(1.0, 3.0)], 11.0), partial_every=0.5)
    await place(made)
    assert replies(made)[0].status is ReplyStatus.COMPLETED


async def test_nothing_is_kept_after_the_turn() -> None:
    made = call(FakeKnowledge(), "when do you open")
    session = made.session()
    kept: dict[type, bool] = {}

    def on_event(line: FakeLine, event: CallEvent) -> None:
        kept[type(event)] = session._floor.searching.latest is not None

    made.line.on_event = on_event
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(made.line.run)
            await session.run()
            tasks.cancel_scope.cancel()
    finally:
        made.line.close()
    assert (kept[TurnEnded], kept[FinalTranscript], kept[ReplyEnded]) == (True, True, False)
