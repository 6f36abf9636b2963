import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.hearing.turn_end import Patience, digits_at_end, likelihood
from pipeline.settings import Endpointing

SETTINGS = Endpointing(min_silence=0.2, max_silence=1.5)


@pytest.mark.parametrize(
    ("complete", "incomplete"),
    [
        ("I would like to order a cake.", "I would like to order a"),
        ("I would like to order a cake.", "I would like to order a cake and."),
        ("I would like to order a cake.", "I would like to order..."),
        ("Do you deliver?", "Do you deliver,"),
        ("Ja, bitte.", "Ich möchte zwei Brote und"),
        ("Да, спасибо.", "Я хочу заказать торт и"),
        ("我想订一个蛋糕。", "我想订蛋糕,因为"),
    ],
)
def test_an_unfinished_text_makes_the_end_less_likely(complete: str, incomplete: str) -> None:
    assert likelihood(0.7, incomplete) < likelihood(0.7, complete)
    assert likelihood(None, incomplete) < likelihood(None, complete)


def test_a_missing_mark_says_nothing_in_scripts_for_which_whisper_sets_none() -> None:
    assert likelihood(0.7, "我想订一个蛋糕") == likelihood(0.7, "我想订一个蛋糕。")


@given(st.floats(0, 1), st.text(max_size=40))
def test_the_likelihood_is_a_probability_and_rises_with_that_of_the_sound(sound: float, text: str) -> None:
    assert 0 < likelihood(sound, text) < 1
    assert likelihood(0.0, text) <= likelihood(sound, text) <= likelihood(1.0, text)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("My number is 555.", 3),
        ("555-1234", 7),
        ("My number is five five five.", 3),
        ("It's 4, 8, 2.", 3),
        ("4 8 2 one 3", 5),
        ("double seven", 2),
        ("我的电话是一三八", 3),
        ("我的电话是 138", 3),
        ("At 10:30.", 0),
        ("at 10:30 am", 0),
        ("It was $4.50.", 0),
        ("Room 204 please", 0),
        ("Hello.", 0),
        ("", 0),
    ],
)
def test_digits_at_the_end_are_counted(text: str, count: int) -> None:
    assert digits_at_end(text) == count


@pytest.mark.parametrize("text", ["My number is 555.", "five five five", "My number is 555 123"])
def test_who_reads_out_digits_is_never_cut_off(text: str) -> None:
    assert Patience().wait(0.99, text, SETTINGS) == SETTINGS.max_silence


@pytest.mark.parametrize("text", ["A table for 2.", "555 123 4567", "+49 30 1234567", "At 10:30."])
def test_a_figure_and_a_whole_number_are_no_group(text: str) -> None:
    assert Patience().wait(0.99, text, SETTINGS) == SETTINGS.min_silence


def test_the_wait_falls_from_the_longest_to_the_shortest() -> None:
    waits = [Patience().wait(over / 20, "yes.", SETTINGS) for over in range(21)]
    assert waits == sorted(waits, reverse=True)
    assert (waits[0], waits[-1]) == (1.5, 0.2)


def test_who_pauses_long_is_waited_for_longer_where_the_end_is_open() -> None:
    slow, quick = Patience(), Patience()
    for _ in range(3):
        slow.went_on(0.9)
        quick.went_on(0.15)
    assert slow.wait(0.5, "well.", SETTINGS) > quick.wait(0.5, "well.", SETTINGS) + 0.2
    assert quick.wait(0.5, "well.", SETTINGS) == Patience().wait(0.5, "well.", SETTINGS)


def test_who_was_cut_off_is_waited_for_longer_even_where_the_end_seems_sure() -> None:
    patience = Patience()
    patience.was_cut_off(0.8)
    after_one = patience.wait(0.95, "well.", SETTINGS)
    patience.was_cut_off(0.8)
    after_two = patience.wait(0.95, "well.", SETTINGS)
    for _ in range(12):
        patience.was_right()
    assert 0.2 < after_one < after_two
    assert patience.wait(0.95, "well.", SETTINGS) < after_one


history = st.lists(
    st.tuples(st.sampled_from(["went_on", "was_cut_off", "was_right"]), st.floats(0.0, 5.0)), max_size=20
)


@given(history, st.floats(0, 1), st.text(max_size=30))
def test_the_wait_lies_between_the_settings_whatever_was_learnt(
    history: list[tuple[str, float]], over: float, text: str
) -> None:
    patience = Patience()
    for what, pause in history:
        patience.was_right() if what == "was_right" else getattr(patience, what)(pause)
    assert SETTINGS.min_silence <= patience.wait(over, text, SETTINGS) <= SETTINGS.max_silence
