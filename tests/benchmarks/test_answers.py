from collections import Counter

import pytest

from benchmarks.dialog.answers import PERSONAS, Case, Given, alternating, by_language, cases, grounded, summary
from benchmarks.report.dialog import section
from benchmarks.report.results import Result


@pytest.mark.parametrize(
    ("answer", "fact"),
    [
        ("We open at SEVEN.", "seven"),
        ("We open at 7:00 AM.", "7"),
        ("It costs $4.50.", "4.50"),
        ("Forty-five dollars.", "forty five dollars"),
        ("早上7点开门。", "7点"),
        ("在解放路２８号。", "解放路28号"),
        ("Line three, or line eleven.", "three+eleven"),
    ],
)
def test_an_answer_with_a_fact_is_grounded(answer: str, fact: str) -> None:
    assert grounded(answer, [fact, "never said"], [])


@pytest.mark.parametrize(
    ("answer", "fact"),
    [("We open at 17.", "7"), ("Seventy cents.", "seven"), ("Line three.", "three+eleven"), ("", "seven")],
)
def test_an_answer_without_one_is_not(answer: str, fact: str) -> None:
    assert not grounded(answer, [fact], [])


def test_a_forbidden_fact_outweighs_an_expected_one() -> None:
    assert not grounded("At seven, or at nine.", ["seven"], ["nine"])


def test_every_question_has_facts_that_are_not_forbidden() -> None:
    asked = cases()
    assert all(count >= 30 for count in Counter(one.agent for one in asked).values())
    assert {one.agent for one in asked} == PERSONAS.keys()
    for one in asked:
        assert one.expected, one
        assert one.forbidden, one
        assert all(grounded(fact.replace("+", " "), one.expected, one.forbidden) for fact in one.expected), one


def test_the_agents_are_asked_in_turn() -> None:
    asked = [Case("shop", str(number), (), ()) for number in range(3)] + [Case("bakery-zh", "a", (), ())]
    assert [one.asked for one in alternating(asked, 0)] == ["0", "a", "1", "2"]
    assert [one.asked for one in alternating(asked, 1)] == ["0", "a"]


def given(agent: str, *, right: bool, approved: bool = False, clause_ms: float = 500.0) -> Given:
    return Given(agent, "asked?", "said.", right, approved, 0 if approved else 12, 1 if approved else 7, clause_ms)


ANSWERS = [
    given("shop", right=True, approved=True, clause_ms=5.0),
    given("shop", right=True),
    given("shop", right=False, clause_ms=700.0),
    given("bakery-zh", right=False),
]


def test_shares_are_of_all_answers_and_times_of_those_that_the_model_wrote() -> None:
    figures = summary(ANSWERS)
    assert (figures["questions"], figures["grounded"], figures["approved"]) == (4, 0.5, 0.25)
    assert (figures["model_grounded"], figures["approved_grounded"]) == (0.3333, 1.0)
    assert figures["first_clause_ms"] == {"p50": 500, "p95": 680}


def test_the_page_shows_shares_failures_and_that_a_run_was_cut_short() -> None:
    answers = [{"asked": one.asked, "text": one.text, "grounded": one.grounded} for one in ANSWERS]
    tree = {"benchmark": "dialog-answers", "asked": 9, "measured": by_language(ANSWERS), "answers": answers}
    shown = section(Result("dialog-answers.json", tree))
    assert "Only 4 of 9 were asked." in shown
    assert "| both | 4 | 50.0 % | 25.0 % | 33.3 % | 7 / 7 | 500 / 680 |" in shown
    assert shown.count("| asked? | said. |") == 2
