import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.dialog.sanitize import Sanitizer
from tests.partitions import cut, cuts

PIECES = [
    "Hello", " ", "\n", "\n\n", "- ", "* ", "**", "*", "_", "`", "```", "```python\n", "# ", "> ", "|", "1. ", "~~",
    "-5", "<think>", "</think>", "<THINK>", "<|im_start|>", "<|im_end|>", "<|", "|>", "<", ">", "<b>", "<br/>", "</s>",
    "[", "](", "](http://a.b/c_d)", ")", "[INST]", "<<SYS>>", "Assistant:", "User:", "user", "assistant", "😀", "👋🏽",
    "🇩🇪", "\u200d", "好", "。", ".", ", ", "a_b", "3 < 4", "\\", "\t", "\r\n", '"', "!", "°", "\ud800", "x" * 70,
]  # fmt: skip
texts = st.one_of(st.text(max_size=80), st.lists(st.sampled_from(PIECES), max_size=25).map("".join))


def sanitized(text: str) -> str:
    sanitizer = Sanitizer()
    return sanitizer.feed(text) + sanitizer.flush()


@given(text=texts, at=cuts())
def test_where_the_deltas_are_cut_does_not_matter(text: str, at: list[int]) -> None:
    sanitizer = Sanitizer()
    assert "".join(map(sanitizer.feed, cut(text, at))) + sanitizer.flush() == sanitized(text)


@given(text=texts)
def test_no_mark_and_no_emoji_reaches_the_voice(text: str) -> None:
    clean = sanitized(text)
    assert not set(clean) & set("*`~\\|•\n\r\t\u200b\ufe0f")
    assert not any("\U0001f000" <= character <= "\U0001faff" for character in clean)
    assert not any(unicodedata.category(character) == "Cs" for character in clean)
    assert not any(token in clean for token in ("<think>", "</think>", "<|", "[INST]", "<<SYS>>", "<b>"))
    assert clean == clean.strip()
    assert "  " not in clean


@given(text=texts)
def test_little_is_held_back(text: str) -> None:
    sanitizer = Sanitizer()
    for character in text:
        sanitizer.feed(character)
    assert len(sanitizer.flush()) <= 64 + 4


@given(text=st.lists(st.sampled_from(["We", "are", "open,", "Mr.", "9:30.", "Really?", "(yes)", "3.50", "can't"])))
def test_plain_prose_passes_unchanged(text: list[str]) -> None:
    prose = " ".join(text)
    assert sanitized(prose) == prose


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("**Sure!** We *do* have `tea`, ~~coffee~~ and __milk__.", "Sure! We do have tea, coffee and milk."),
        ("# Opening hours\nWe open at nine.", "Opening hours. We open at nine."),
        ("We have:\n- Coffee\n- Tea\n\nAnything else?", "We have: Coffee. Tea. Anything else?"),
        ("1. Coffee\n2. Tea", "1. Coffee. 2. Tea"),
        ("* **Tea**: 2 euros\n* Milk!", "Tea: 2 euros. Milk!"),
        ("> quoted\n> text", "quoted text"),
        ("a line\nthat goes on", "a line that goes on"),
        ("您好\n\n- 咖啡\n- 茶", "您好。咖啡。茶"),
        ("| Drink | Price |\n|:---|---:|\n| Tea | 2 |\n| Milk | 1 |", "Drink, Price. Tea, 2. Milk, 1"),
        ("```python\nprint(1)\n```\nThat is all.", "print(1). That is all."),
        ("See [our shop](https://a.example/b_c) for more.", "See our shop for more."),
        ("Your order_number is [here].", "Your order_number is here."),
        ("Hi 😊! See you 👋🏽 soon 🇩🇪.", "Hi! See you soon."),
        ("It is 5°C, 3 < 4 and 7 > 6.", "It is 5°C, 3 < 4 and 7 > 6."),
        ("-5 degrees, or #1 choice\n#2", "-5 degrees, or #1 choice. #2"),
        ("One <b>bold</b> word<br>and a line.", "One bold word and a line."),
        ("less <than nothing", "less than nothing"),
    ],
)
def test_markdown_becomes_prose(written: str, said: str) -> None:
    assert sanitized(written) == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("<think>\nThe caller wants \"tea\".\n</think>\n\nTea it is.", "Tea it is."),
        ("<thinking>a</think> b</thinking>Yes.", "Yes."),
        ("<think>no end", ""),
        ("Stray.</think>\n\nYes.", "Stray. Yes."),
        ("<|im_start|>assistant\nYes.<|im_end|>\n<|im_start|>user\nNo.", "Yes."),
        ("<|start_header_id|>assistant<|end_header_id|>\n\nYes.<|eot_id|>No.", "Yes."),
        ("Yes.<｜end▁of▁sentence｜>No.", "Yes."),
        ("[INST] Yes. [/INST]", "Yes."),
        ("Assistant: Yes.\nUser: No.", "Yes."),
        ("**Agent:** Yes.\n\n**Caller**: No.", "Yes."),
        ("Users like it. Our agent: Bob.", "Users like it. Our agent: Bob."),
        ("Human resources is closed.", "Human resources is closed."),
    ],
)  # fmt: skip
def test_thoughts_and_template_tokens_stay_inside(written: str, said: str) -> None:
    assert sanitized(written) == said


def test_text_is_passed_on_as_soon_as_it_is_plain() -> None:
    sanitizer = Sanitizer()
    assert [sanitizer.feed(delta) for delta in ("Of", " course", ",", " we", " are.")] == [
        "Of", " course", ",", " we", " are.",
    ]  # fmt: skip
    assert sanitizer.flush() == ""
