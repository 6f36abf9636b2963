import pytest
from hypothesis import given

from pipeline.dialog.brevity import FirstSentence
from tests.partitions import cut, cuts


def first(*deltas: str) -> str:
    sentence = FirstSentence()
    return "".join(map(sentence.feed, deltas))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("We open at nine in the morning. We close at six.", "We open at nine in the morning."),
        ("We open at 8 a.m. on Saturday. Come early!", "We open at 8 a.m. on Saturday."),
        ("Yes, we do. It costs five dollars. Anything else?", "Yes, we do. It costs five dollars."),
        ("Do you want it delivered? We do that.", "Do you want it delivered?"),
        ("我们早上七点开门,星期天休息,欢迎您来。还有别的吗?", "我们早上七点开门,星期天休息,欢迎您来。"),
        ("We open at nine", "We open at nine"),
        ("", ""),
    ],
)
def test_a_reply_ends_with_its_first_sentence(text: str, expected: str) -> None:
    assert first(text) == expected


@given(cuts())
def test_every_cut_gives_the_same_sentence(at: list[int]) -> None:
    text = "Yes. We open at 8 a.m. on Saturday, and at 9 on Monday. We close at six. Bye."
    assert first(*cut(text, at)) == first(text)
