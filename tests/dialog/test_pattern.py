"""Patterns that an agent's file declares."""

import pytest

from pipeline.dialog.pattern import TEXT, checked, last


@pytest.mark.parametrize(
    "pattern",
    [
        r"\b\d{5}\b",
        r"(?:\d[ -]?){5}",
        r"\b([A-Z]{2}-?\d{4,8})\b",
        r"order (?:number )?(?:is )?(\w{3,12})",
        r"(?P<day>monday|tuesday)|(?P<other>\w+day)",
        r"(?<=order )\d{1,9}(?!\d)",
        r"[^\]()+*]{1,20}",
        r"\(\d{3}\) \d{4}",
        r"(?i:abc)+?",
        r"x{,3}",
        r"a{b}",
    ],
)
def test_usual_patterns_are_taken(pattern: str) -> None:
    assert checked(pattern).pattern == pattern


@pytest.mark.parametrize(
    "pattern",
    [
        r"(\d+)+",
        r"(\d+)*x",
        r"(a|a)*b",
        r"(x+x+)+y",
        r"\w+@\w+",
        r"(a?){20}a{20}",
        r"(?:(?:a{1,9}){1,9}){1,9}",
        "(a{2,})+",
    ],
)
def test_patterns_that_can_take_long_are_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="ways to match"):
        checked(pattern)


def test_the_last_match_counts_and_only_the_beginning_of_a_long_text_is_looked_at() -> None:
    pattern = checked(r"\d{2}")
    assert last(pattern, "12 then 34") == "34"
    assert last(pattern, "12" + "." * TEXT + "34") == "12"
    assert last(pattern, "none") == ""
