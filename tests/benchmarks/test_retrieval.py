from collections import Counter
from pathlib import Path

import pytest

from benchmarks.dialog.retrieval import LANGUAGES, Answer, Question, answered, generated, questions, spoken, summary
from pipeline.dialog.knowledge.build import gather
from pipeline.settings import SHARE


def test_there_are_questions_enough_in_both_languages_and_none_twice() -> None:
    asked = questions()
    assert len(asked) == len({one.asked for one in asked})
    assert all(count >= 40 for count in Counter(one.agent for one in asked).values())
    assert {one.agent for one in asked} == LANGUAGES.keys()


@pytest.mark.parametrize("agent", LANGUAGES)
def test_the_documents_hold_what_is_asked_for(agent: str) -> None:
    cuts, skipped = gather(SHARE / "agents" / agent, "en")
    assert not skipped
    for one in (one for one in questions() if one.agent == agent):
        assert any(cut.source in one.sources and one.fact in cut.text for cut in cuts), one


@pytest.mark.anyio
async def test_full_text_finds_most_answers(tmp_path: Path) -> None:
    result = summary(await answered(questions(), tmp_path, None))
    assert result["recall_at_3"] >= 0.85


def test_recall_counts_what_was_among_the_first_three() -> None:
    asked = [Question("shop", f"question {number}", (), "") for number in range(4)]
    result = summary([Answer(question, rank) for question, rank in zip(asked, [1, 3, 0, 1], strict=True)])
    assert (result["recall_at_1"], result["recall_at_3"], result["missed"]) == (0.5, 0.75, ["question 2"])


def test_generated_passages_are_the_same_for_the_same_seed() -> None:
    cuts = list(generated(20, 1))
    assert cuts == list(generated(20, 1)) != list(generated(20, 2))
    assert {cut.language for cut in cuts} == {"en", "zh"}
    assert spoken(cuts, 5, 1) == spoken(cuts, 5, 1)
