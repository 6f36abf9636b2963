import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.session.digits import DigitRules, Digits


def press(digits: Digits, keys: str) -> list[str]:
    """Press one key a second from the instant 100 on; return the inputs that they completed."""
    pressed = [digits.press(key, 100.0 + number) for number, key in enumerate(keys)]
    return [found for found in pressed if found is not None]


def test_the_terminator_completes_the_input_and_is_no_part_of_it() -> None:
    digits = Digits(DigitRules())
    assert press(digits, "12#") == ["12"]
    assert digits.complete_at is None


def test_the_input_is_complete_at_its_limit() -> None:
    assert press(Digits(DigitRules(limit=4)), "1234567890") == ["1234", "5678"]


def test_each_key_gives_the_next_its_pause() -> None:
    digits = Digits(DigitRules(pause=3.0))
    assert press(digits, "12") == []
    assert digits.complete_at == pytest.approx(101.0 + 3.0)


def test_the_pause_may_begin_anew() -> None:
    digits = Digits(DigitRules(pause=3.0))
    digits.wait_anew(100.0)
    assert digits.complete_at is None
    press(digits, "1")
    digits.wait_anew(110.0)
    assert digits.complete_at == pytest.approx(113.0)


def test_what_was_pressed_is_taken_once() -> None:
    digits = Digits(DigitRules())
    press(digits, "12")
    assert digits.take() == "12"
    assert digits.complete_at is None
    assert digits.take() is None


def test_a_terminator_alone_is_no_input() -> None:
    assert press(Digits(DigitRules()), "##") == []


def test_without_terminators_every_key_is_input() -> None:
    digits = Digits(DigitRules(terminators=""))
    assert press(digits, "1#") == []
    assert digits.take() == "1#"


@given(keys=st.text(alphabet="0123456789*#", max_size=40), limit=st.integers(1, 8))
def test_no_key_is_lost_or_doubled(keys: str, limit: int) -> None:
    digits = Digits(DigitRules(limit=limit))
    found = press(digits, keys)
    assert all(1 <= len(complete) <= limit for complete in found)
    assert "".join(found) + (digits.take() or "") == keys.replace("#", "")
