from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.dialog.knowledge.documents import Section
from pipeline.dialog.knowledge.passages import MOST, TITLE_CHARACTERS, cut, version
from pipeline.dialog.knowledge.terms import words

SENTENCE = "The baker bakes the bread early in the morning."


def texts(*paragraphs: str) -> list[str]:
    return [one.text for one in cut([Section((), paragraphs)], "a.md", "en")]


def test_short_paragraphs_below_one_heading_go_together() -> None:
    assert texts("One.", "Two.") == ["One. Two."]


def test_a_full_passage_takes_no_more() -> None:
    first, second = " ".join([SENTENCE] * 8), " ".join([SENTENCE] * 5)
    assert texts(first, second) == [first, second]


def test_a_long_paragraph_is_cut_between_sentences() -> None:
    found = texts(" ".join([SENTENCE] * 40))
    assert len(found) > 3
    assert all(text.startswith("The") and text.endswith("morning.") for text in found)


@pytest.mark.parametrize("text", ["word " * 400, "a" * 9000, "." * 9000, "面包" * 600, "面包。" * 600, "x\n" * 500])
def test_no_passage_is_longer_than_it_may_be(text: str) -> None:
    found = texts(text)
    assert len(found) > 1
    assert all(words(one) <= MOST for one in found)
    assert "".join("".join(found).split()).replace(";", "") == "".join(text.split())


def test_items_do_not_run_into_each_other() -> None:
    assert texts("Bread, two dollars\nRolls, one dollar\nEnd.") == ["Bread, two dollars; Rolls, one dollar; End."]


def test_headings_are_the_title_and_the_innermost_stays() -> None:
    (one,) = cut([Section(("Shop", "Hours"), ("Nine to five.",))], "a.md", "en")
    assert (one.title, one.source, one.position, one.language) == ("Shop > Hours", "a.md", 0, "en")
    (long,) = cut([Section(("x" * 300, "Hours"), ("Nine.",))], "a.md", "en")
    assert long.title == "Hours"
    (longer,) = cut([Section(("x" * 300,), ("Nine.",))], "a.md", "en")
    assert len(longer.title) == TITLE_CHARACTERS


def test_an_approved_answer_stays_whole() -> None:
    answer = " ".join([SENTENCE] * 30)
    (one,) = cut([Section(("When?",), (answer,), "When?", "fr")], "a.csv", "en")
    assert (one.text, one.question, one.language) == (answer, "When?", "fr")


def test_the_version_says_what_is_said() -> None:
    cuts = cut([Section(("Hours",), ("Nine to five.",))], "a.md", "en")
    assert version(cuts) == version(list(cuts))
    assert version(cuts) != version([replace(cuts[0], text="Nine to six.")])
    assert len(version(cuts)) == 64


@given(st.lists(st.text(alphabet="ab .。!?面包\n", max_size=400), max_size=4))
def test_nothing_gets_lost(paragraphs: list[str]) -> None:
    found = "".join(texts(*paragraphs))
    assert "".join(found.split()).replace(";", "") == "".join("".join(paragraphs).split())
