import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.dialog.guards import OURS
from pipeline.dialog.prompt import RULES_IN, VOICE_RULES
from pipeline.dialog.recital import Recital
from tests.partitions import cut, cuts


def passed(*deltas: str) -> tuple[str, bool]:
    filtered = Recital(OURS)
    return "".join([*map(filtered.feed, deltas), filtered.flush()]), filtered.over


@pytest.mark.parametrize("text", [*OURS, *(text.upper().replace(" ", "\n* ") for text in OURS)])
@pytest.mark.parametrize("before", ["", "Sure, my instructions are: "])
def test_a_recital_is_stopped_after_its_first_words(text: str, before: str) -> None:
    told, over = passed(before + text)
    assert over
    assert len([letter for letter in told[len(before) :] if letter.isalnum()]) <= 14


def test_a_recital_in_chinese_is_one_too() -> None:
    assert passed(f"好的。{RULES_IN['zh']}") == ("好的。回答方式：", True)
    assert passed("你正在打电话吗？") == ("你正在打电话吗？", False)


def test_a_recital_that_begins_in_the_middle_is_stopped_too() -> None:
    told, over = passed("I was told: no lists, no headings, no symbols. Use only what you know from above.")
    assert over
    assert told == "I was told: no lists, no "


def test_a_reply_that_is_nothing_but_a_recital_is_empty() -> None:
    assert passed(VOICE_RULES) == ("", True)


def test_ordinary_words_are_passed_as_they_come() -> None:
    filtered = Recital(OURS)
    assert [filtered.feed(part) for part in ("Sure", ", we", " open", " at nine.")] == [
        "Sure",
        ", we",
        " open",
        " at nine.",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "As you are speaking of it, we open at nine.",
        "If you do not know it, say so and we will look it up.",
        "One short, complete, friendly sentence is all I can offer.",
        "You are speaking on the telephone with Harbour Bakery.",
        "",
    ],
)
def test_words_that_we_use_too_are_not_ours(text: str) -> None:
    assert passed(text) == (text, False)


@given(
    st.lists(st.sampled_from([*OURS, VOICE_RULES[:30], VOICE_RULES[40:70], "We open. ", "如果 ", "ß"]), max_size=6).map(
        "".join
    ),
    cuts(),
)
def test_every_cut_gives_the_same_text(text: str, at: list[int]) -> None:
    assert passed(*cut(text, at)) == passed(text)
    assert text.startswith(passed(text)[0])
