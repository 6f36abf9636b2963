"""A search that is begun ahead, over a real file of knowledge."""

from collections.abc import Iterator, Sequence
from contextlib import aclosing
from pathlib import Path

import anyio
import pytest

from pipeline.core.cache import Tally
from pipeline.core.errors import KnowledgeError
from pipeline.core.stages import ChatOptions, Message
from pipeline.dialog.ahead import Search
from pipeline.dialog.knowledge.database import write
from pipeline.dialog.knowledge.search import Knowledge
from pipeline.dialog.lookup import Documents, Lookup
from pipeline.dialog.responder import Responder
from pipeline.dialog.routing import Router
from tests.dialog.knowledge.conftest import CUTS
from tests.fakes import FakeModel

pytestmark = pytest.mark.anyio


class CountingKnowledge(Knowledge):
    """A real file that tells how often it was searched."""

    searched = 0

    async def search(self, *asked: object, **options: object) -> Sequence[object]:  # type: ignore[override]
        self.searched += 1
        return await super().search(*asked, **{**options, "budget": 5.0})  # type: ignore[arg-type]


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[CountingKnowledge]:
    write(tmp_path / "shop.kb", CUTS, {"built_with": "tests"})
    opened = CountingKnowledge.open(tmp_path / "shop.kb")
    yield opened
    opened.close()


def asking(shop: Knowledge, tally: Tally | None = None) -> tuple[Responder, FakeModel]:
    model = FakeModel([(0.0, "Five dollars.")])
    lookup = Lookup(shop, Documents(), "US", lambda error: None, tally)
    return Responder(Router.of(model), "You keep a shop.", ChatOptions(), lookup=lookup), model


def said(question: str) -> list[Message]:
    return [Message("user", question)]


async def answered(responder: Responder, question: str, ahead: Search | None) -> str:
    async with aclosing(responder.reply(said(question), ahead=ahead)) as reply:
        return "".join([delta.text async for delta in reply])


async def test_what_was_found_ahead_is_what_the_model_is_shown(shop: CountingKnowledge) -> None:
    tally = Tally()
    responder, model = asking(shop, tally)
    ahead = responder.search(said("how much is the rye bread"))
    assert ahead is not None
    await ahead.run()
    await answered(responder, "How much is the rye bread?", ahead)
    assert shop.searched == 1
    await answered(responder, "How much is the rye bread?", None)
    assert shop.searched == 2
    assert model.asked[0] == model.asked[1]
    assert "A rye bread is five dollars." in model.asked[0][-1].text
    assert (tally.stored, tally.hits, tally.misses) == (1, 1, 1)


async def test_an_approved_answer_that_was_found_ahead_is_given(shop: CountingKnowledge) -> None:
    responder, model = asking(shop)
    ahead = responder.search(said("are you open on sunday"))
    assert ahead is not None
    await ahead.run()
    shop.close()
    assert await answered(responder, "Are you open on Sunday?", ahead) == "No, on Sunday we are closed."
    assert model.asked == []


async def test_the_answer_waits_for_a_search_that_is_under_way(shop: CountingKnowledge) -> None:
    responder, model = asking(shop)
    ahead = responder.search(said("how much is the rye bread"))
    assert ahead is not None
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(answered, responder, "How much is the rye bread?", ahead)
        tasks.start_soon(ahead.run)
    assert shop.searched == 1
    assert "five dollars" in model.asked[0][-1].text


@pytest.mark.parametrize("begun", ["rye bread", "how much is the rye"])
async def test_other_words_are_searched_for_anew(shop: CountingKnowledge, begun: str) -> None:
    responder, model = asking(shop)
    ahead = responder.search(said(begun))
    assert ahead is not None
    await ahead.run()
    await answered(responder, "How much is a baguette?", ahead)
    assert "two dollars" in model.asked[0][-1].text


async def test_a_search_that_was_given_up_keeps_nobody_waiting(shop: CountingKnowledge) -> None:
    responder, model = asking(shop)
    ahead = responder.search(said("how much is the rye bread"))
    assert ahead is not None
    ahead.cancel()
    await answered(responder, "How much is the rye bread?", ahead)
    await ahead.run()
    assert "five dollars" in model.asked[0][-1].text


async def test_documents_that_fail_ahead_are_told_of_by_who_asks_them_again(shop: CountingKnowledge) -> None:
    trouble: list[KnowledgeError] = []
    lookup = Lookup(shop, Documents(), "US", trouble.append)
    shop.close()
    ahead = lookup.ahead(said("how much is the rye bread"))
    assert ahead is not None
    await ahead.run()
    assert trouble == []
    assert (await lookup.found(said("how much is the rye bread"), ahead)).lacking
    assert [error.code for error in trouble] == ["knowledge-closed"]


@pytest.mark.parametrize("question", ["", "?!", "  "])
def test_nothing_is_searched_for_without_words(shop: CountingKnowledge, question: str) -> None:
    assert asking(shop)[0].search(said(question)) is None
    assert asking(shop)[0].search([]) is None
    assert asking(shop)[0].search([Message("assistant", "Hello!")]) is None
