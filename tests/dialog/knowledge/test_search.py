import inspect
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.core.errors import DialogError, KnowledgeError
from pipeline.dialog.knowledge.database import Database, write
from pipeline.dialog.knowledge.search import AGAIN, LATE, POSTINGS, TERMS, Knowledge, fused, likeness, worth
from tests.dialog.knowledge.conftest import CUTS

pytestmark = pytest.mark.anyio

LONG = 5.0
"""Seconds of a search that is not about time: other tests run beside this one."""
OPERATORS = [
    '"',
    "'",
    "*",
    "^",
    ":",
    "(",
    ")",
    "{",
    "}",
    "+",
    "-",
    "NEAR",
    "AND",
    "OR",
    "NOT",
    "title",
    "\0",
    "\\",
    ";",
]


class FakeEmbedder:
    """Gives the vector of the passage that a question names, or never does."""

    def __init__(self, *, never: bool = False, error: DialogError | None = None, model: str = "minilm") -> None:
        self.model = model
        self.asked: list[str] = []
        self.never = never
        self._error = error

    async def embed(self, texts: Sequence[str]) -> list[Sequence[float]]:
        self.asked += texts
        if self.never:
            await anyio.Event().wait()
        if self._error is not None:
            raise self._error
        return [[0.01 + (text.split()[-1] == cut.source) for cut in CUTS] for text in texts]


@pytest.fixture
def with_vectors(tmp_path: Path) -> Path:
    path = tmp_path / "vectors.kb"
    vectors = {one: [float(one == other) for other in range(len(CUTS))] for one in range(len(CUTS))}
    write(path, CUTS, {"embedding_model": "minilm"}, vectors)
    return path


async def sources(knowledge: Knowledge, question: str, **options: Any) -> list[str]:
    return [passage.source for passage in await knowledge.search(question, **{"budget": LONG, **options})]


async def test_a_question_finds_its_passage(knowledge: Knowledge) -> None:
    (first, *_) = await knowledge.search("How much is the rye bread please?", budget=LONG)
    assert (first.source, first.title, first.question) == ("prices.md", "Prices > Bread", None)
    assert "five dollars" in first.text
    assert first.score > 0


async def test_a_chinese_question_finds_its_passage(knowledge: Knowledge) -> None:
    assert (await sources(knowledge, "请问面包店几点开门？"))[0] == "营业时间.md"


async def test_no_more_come_than_are_wanted(knowledge: Knowledge) -> None:
    assert len(await knowledge.search("open", 2, LONG)) == 2
    assert await knowledge.search("open", 0, LONG) == ()


@pytest.mark.parametrize("question", ["", "   ", "the", "xylophone", "?!", "😀", "\ud800"])
async def test_what_nothing_fits_finds_nothing(knowledge: Knowledge, question: str) -> None:
    assert await knowledge.search(question, budget=LONG) == ()
    assert await knowledge.approved(question, 0.1, LONG) is None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.one_of(st.sampled_from(OPERATORS), st.just("bread"), st.text(max_size=4))).map(" ".join))
async def test_no_question_can_do_harm(knowledge: Knowledge, question: str) -> None:
    found = await knowledge.search(question, budget=LONG)
    assert len(found) <= 3
    await knowledge.approved(question, 0.5, LONG)


async def test_operators_are_words_like_others(knowledge: Knowledge) -> None:
    assert await sources(knowledge, 'bread" OR title:* NEAR(') == await sources(knowledge, "bread or title near")


@pytest.mark.parametrize("word", ["bread ", "面包", "a", "\u0301", '"', "word%d "])
async def test_five_thousand_characters_are_a_question(knowledge: Knowledge, word: str) -> None:
    question = "".join(word % number if "%" in word else word for number in range(5000))[:5000]
    await knowledge.search(question, budget=LONG)
    await knowledge.approved(question, 0.5, LONG)


async def test_many_searches_at_once_find_the_same(knowledge: Knowledge) -> None:
    alone = await sources(knowledge, "open on Sunday")
    found: list[list[str]] = []

    async def one() -> None:
        found.append(await sources(knowledge, "open on Sunday"))

    async with anyio.create_task_group() as group:
        for _ in range(50):
            group.start_soon(one)
    assert found == [alone] * 50


async def test_without_any_time_nothing_is_found_and_nothing_raised(knowledge: Knowledge) -> None:
    assert await knowledge.search("bread", budget=0.0) == ()
    assert await knowledge.approved("Do you deliver?", 0.5, budget=0.0) is None


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        ("are you open on sunday", "No, on Sunday we are closed."),
        ("Hello, are you open Sunday please?", "No, on Sunday we are closed."),
        ("are you open on Saturday", "Yes, until two."),
        ("你们星期天开门吗", "星期天不营业。"),
        ("请问星期天开不开门", "星期天不营业。"),
    ],
)
async def test_an_approved_answer_is_given_to_its_question(knowledge: Knowledge, asked: str, answer: str) -> None:
    found = await knowledge.approved(asked, 0.8, LONG)
    assert found is not None
    assert (found.text, 0.8 <= found.score <= 1) == (answer, True)


@pytest.mark.parametrize(
    "asked",
    [
        "are you open on Monday",
        "are you not open on Sunday",
        "你们星期天不开门吗",
        "when do you deliver",
        "do you deliver on Sunday",
        "你们星期三开门吗",
        "We are open on Sunday, are you selling flowers then",
    ],
)
async def test_an_approved_answer_is_not_given_to_another_question(knowledge: Knowledge, asked: str) -> None:
    assert await knowledge.approved(asked, 0.8, LONG) is None


async def test_the_same_words_are_as_alike_as_can_be(knowledge: Knowledge) -> None:
    found = await knowledge.approved("ARE YOU OPEN, ON SUNDAY", 1.0, LONG)
    assert found is not None
    assert found.score == 1.0


async def test_meaning_finds_what_words_do_not(with_vectors: Path) -> None:
    knowledge = Knowledge.open(with_vectors, FakeEmbedder())
    assert knowledge.by_meaning
    assert (await sources(knowledge, "fermeture 营业时间.md"))[0] == "营业时间.md"
    knowledge.close()


async def test_both_rankings_together_beat_either(with_vectors: Path) -> None:
    knowledge = Knowledge.open(with_vectors, FakeEmbedder())
    assert (await sources(knowledge, "parking bread prices.md"))[0] == "prices.md"
    knowledge.close()


async def test_late_vectors_are_not_waited_for(with_vectors: Path) -> None:
    embedder = FakeEmbedder(never=True)
    knowledge = Knowledge.open(with_vectors, embedder)
    with anyio.fail_after(LONG):
        assert (await sources(knowledge, "rye bread", budget=0.3))[0] == "prices.md"
    assert embedder.asked == ["rye bread"]
    knowledge.close()


async def test_vectors_that_are_always_late_are_seldom_waited_for(with_vectors: Path) -> None:
    embedder = FakeEmbedder(never=True)
    knowledge = Knowledge.open(with_vectors, embedder)
    for _ in range(AGAIN):
        await sources(knowledge, "rye bread", budget=0.02)
    assert len(embedder.asked) == LATE + 1
    embedder.never = False
    for _ in range(AGAIN + 5):
        await sources(knowledge, "rye bread prices.md")
    assert len(embedder.asked) == LATE + 1 + 6
    knowledge.close()


async def test_a_server_that_fails_costs_the_vectors_only(with_vectors: Path) -> None:
    errors: list[DialogError] = []
    failing = FakeEmbedder(error=DialogError("engine-unreachable", "nobody there"))
    knowledge = Knowledge(Database(with_vectors), failing, errors.append)
    assert (await sources(knowledge, "rye bread"))[0] == "prices.md"
    assert [error.code for error in errors] == ["engine-unreachable"]
    knowledge.close()


async def test_vectors_of_another_model_are_not_compared(with_vectors: Path, file: Path) -> None:
    assert not Knowledge.open(with_vectors, FakeEmbedder(model="other")).by_meaning
    assert not Knowledge.open(file, FakeEmbedder()).by_meaning
    assert Knowledge.open(with_vectors, FakeEmbedder(model="minilm:latest")).by_meaning


async def test_vectors_have_no_say_in_languages_that_are_not_their_own(tmp_path: Path) -> None:
    file, embedder = tmp_path / "shop.kb", FakeEmbedder()
    about = {"embedding_model": "minilm", "embedding_languages": "en de", "language": "en"}
    write(file, CUTS, about, {one: [1.0] * len(CUTS) for one in range(len(CUTS))})
    knowledge = Knowledge.open(file, embedder)
    assert (await sources(knowledge, "面包店几点开门"))[0] == "营业时间.md"
    assert embedder.asked == []
    await sources(knowledge, "bread")
    assert embedder.asked == ["bread"]
    knowledge.close()


async def test_vectors_of_another_length_are_an_error_of_the_file(with_vectors: Path) -> None:
    class Short(FakeEmbedder):
        async def embed(self, texts: Sequence[str]) -> list[Sequence[float]]:
            return [[1.0] for _ in texts]

    knowledge = Knowledge.open(with_vectors, Short())
    with pytest.raises(KnowledgeError):
        await knowledge.search("rye bread", budget=LONG)
    knowledge.close()


async def test_a_closed_file_can_not_be_searched(knowledge: Knowledge) -> None:
    knowledge.close()
    with pytest.raises(KnowledgeError) as caught:
        await knowledge.search("bread", budget=LONG)
    assert caught.value.code == "knowledge-closed"


def test_rare_terms_are_looked_up_first_and_within_bounds() -> None:
    assert worth({"bread": 50, "rye": 2}) == ["rye", "bread"]
    assert worth({"bread": 2 * POSTINGS}) == ["bread"]
    assert worth({"bread": POSTINGS, "rye": 2}) == ["rye"]
    assert len(worth({f"word{number}": 1 for number in range(500)})) == TERMS
    assert worth({}) == []


def test_a_character_within_a_known_pair_is_not_looked_up() -> None:
    assert worth({"面": 9, "包": 9, "面包": 3, "店": 4}) == ["面包", "店"]


def test_fusion_puts_what_both_rank_first() -> None:
    scores = fused([[1, 2, 3], [3, 4]])
    assert max(scores, key=lambda number: scores[number]) == 3
    assert scores[1] == 1 / 61


@given(st.text(alphabet="ab the?面包 "), st.text(alphabet="ab the?面包 "))
def test_likeness_is_a_share(one: str, other: str) -> None:
    assert 0 <= likeness(one, other) <= 1
    assert likeness(one, other) == likeness(other, one)
    assert likeness(one, one) == 1
    assert likeness(one.upper(), f"{one}!") == 1


def test_the_interface_is_what_was_agreed() -> None:
    names = list(inspect.signature(Knowledge.search).parameters)
    assert names == ["self", "question", "limit", "budget", "vectors"]
