"""Numbers that were said in words, written in one piece."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.dialog.dictated import joined


@pytest.mark.parametrize(
    ("said", "figures", "code"),
    [
        ("order four eight two one three please", "order 48213 please", "order 48213 please"),
        ("it's 4-8-2 1 3.", "it's 48213.", "it'S48213."),
        ("A B double four two", "A B 442", "AB442"),
        ("AB12 3", "AB123", "AB123"),
        ("订单四八二一三号", "订单48213号", "订单48213号"),
        ("\uff12 \uff11", "21", "21"),
        ("nothing here", "nothing here", "nothing here"),
    ],
)
def test_figures_that_belong_together_are_joined(said: str, figures: str, code: str) -> None:
    assert joined(said, letters=False) == figures
    assert joined(said, letters=True) == code


@given(st.lists(st.sampled_from("0123456789"), min_size=1, max_size=12), st.sampled_from([" ", ", ", "-"]))
def test_figures_said_one_by_one_are_what_they_are_together(figures: list[str], between: str) -> None:
    names = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
    assert joined(between.join(names[int(figure)] for figure in figures), letters=False) == "".join(figures)


@given(st.text(alphabet="abcdef ghi,.!? äé 订单"))
def test_text_without_figures_stays_as_it_is(text: str) -> None:
    assert joined(text, letters=False) == text
