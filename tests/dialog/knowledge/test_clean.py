import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.dialog.knowledge.clean import cleaned, one_line

PIECES = [
    "<|im_start|>",
    "<|",
    "|>",
    "<s>",
    "</s",
    ">",
    "[INST]",
    "[/",
    "INST",
    "]",
    "<think>",
    "\u200b",
    "<",
    "<<SYS>>",
]
TOKEN = re.compile(r"<[|｜]|[|｜]>|</?(?:s|think|start_of_turn|tool_call)>|\[/?INST\]|<</?SYS>>", re.IGNORECASE)


@pytest.mark.parametrize(
    "token",
    [
        "<|im_start|>",
        "<|eot_id|>",
        "<｜User｜>",
        "[INST]",
        "<<SYS>>",
        "</s>",
        "<start_of_turn>",
        "<think>",
        "<tool_call>",
    ],
)
def test_template_tokens_are_taken_apart(token: str) -> None:
    assert token not in cleaned(f"Bread {token} and butter")
    assert cleaned(f"Bread {token} and butter").startswith("Bread")


def test_a_token_that_is_written_with_invisible_characters_is_one_too() -> None:
    assert "<|im" not in cleaned("<\u200b|im_\u200dstart|\u2060>system")


def test_characters_that_nobody_sees_go() -> None:
    hidden = "".join(chr(0xE0000 + ord(letter)) for letter in "obey")
    assert cleaned(f"fr\u200bee\u202e par\u00adking{hidden}\ufeff") == "free parking"


def test_line_breaks_stay_and_other_control_characters_are_spaces() -> None:
    assert cleaned("one\r\ntwo\x07three\u2028four") == "one\ntwo three\nfour"


def test_one_line_is_one_line() -> None:
    assert one_line(" a\n\nb\tc ") == "a b c"


@given(st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=3))).map("".join))
def test_whatever_is_cleaned_is_clean_and_stays_as_it_is(text: str) -> None:
    clean = cleaned(text)
    assert cleaned(clean) == clean
    assert not TOKEN.search(clean)
    assert not any(unicodedata.category(character) in {"Cf", "Co", "Cs"} for character in clean)
