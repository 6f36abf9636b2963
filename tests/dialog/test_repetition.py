import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.dialog.repetition import Repetition
from tests.partitions import cut, cuts

ROUNDS = [
    ("We open at nine in the morning. ", 3),
    ("We open at nine in the morning. We close at six in the evening, on Saturday at two. ", 3),
    ("the ", 4),
    ("ha", 9),
    ("a", 16),
    ("我们早上九点开门。", 3),
    ("好的", 3),
    ("哈", 4),
    ("0", 16),
]
SUNG = "Happy birthday to you, happy birthday to you, happy birthday dear Ann, happy birthday to you!"
ORDINARY = [
    SUNG,
    "No, no, no, no, no, we do not!",
    "It is very, very, very good, very good indeed.",
    "Ha ha ha ha ha! Ten million is 10000000, and a billion is 1000000000.",
    "Monday: from seven in the morning until six in the evening. Tuesday: from seven in the morning until six in the "
    "evening. Wednesday: from seven in the morning until six in the evening. Saturday: from eight until two.",
    "A roll is three dollars, two rolls are six dollars, three rolls are nine dollars, four rolls are twelve dollars.",
    "zero zero zero zero zero zero zero zero, then one",
    "哈哈哈哈哈,好的好的好的,我们九点开门。",
    "一个面包三元,两个面包六元,三个面包九元,四个面包十二元。",
    "",
]


def passed(*deltas: str) -> tuple[str, bool]:
    filtered = Repetition()
    return "".join([*map(filtered.feed, deltas), filtered.flush()]), filtered.over


@pytest.mark.parametrize(("unit", "most"), ROUNDS)
@pytest.mark.parametrize("before", ["", "Yes, of course. ", "您好!", "The line, "])
def test_what_goes_round_in_circles_is_stopped_before_the_third_round(unit: str, most: int, before: str) -> None:
    text, over = passed(before + unit * 100)
    assert over
    assert text.startswith(before + unit)
    assert len(text) < len(before) + most * len(unit)


@pytest.mark.parametrize("text", ORDINARY)
def test_what_is_only_emphasis_passes(text: str) -> None:
    assert passed(text) == (text, False)


def test_what_is_stopped_ends_with_a_word() -> None:
    assert passed("Please, we open at nine, " + "we open at nine, " * 50)[0].endswith(("nine", "nine, "))


def test_other_marks_do_not_hide_a_round() -> None:
    text, over = passed("We sell bread. we sell bread! We  sell bread\nWE SELL BREAD, we sell bread; we sell bread.")
    assert over
    assert text.lower().count("we sell") == 2


def test_nothing_comes_after_the_end() -> None:
    filtered = Repetition()
    filtered.feed("round and round " * 20)
    assert filtered.over
    assert filtered.feed("We open at nine.") + filtered.flush() == ""


def test_ordinary_text_is_not_held_back() -> None:
    filtered = Repetition()
    text = "We open at nine in the morning and close at six in the evening, on Saturday at two."
    assert [filtered.feed(character) for character in text] == list(text)


@given(
    st.lists(st.sampled_from(["ha", "no ", "We open. ", "0", "你好", "。", "a", "A", "x y ", SUNG]), max_size=40).map(
        "".join
    ),
    cuts(),
)
def test_every_cut_gives_the_same_text(text: str, at: list[int]) -> None:
    assert passed(*cut(text, at)) == passed(text)
    assert text.startswith(passed(text)[0])
