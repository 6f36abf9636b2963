from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.events import ReplyId
from pipeline.core.stages import Message
from pipeline.dialog.history import IN_A_ROW, History
from pipeline.dialog.tokens import PER_MESSAGE, tokens


def told(*said: str, turns: int = 8) -> History:
    """Return a history in which caller and service took turns, the caller first."""
    history = History(turns, 4000)
    for number, text in enumerate(said):
        if number % 2:
            history.heard(ReplyId(number), text)
        else:
            history.caller(text)
    return history


def test_what_was_said_and_heard_comes_back_in_order() -> None:
    assert told("when do you open", "At nine.", "thanks").messages() == [
        Message("user", "when do you open"),
        Message("assistant", "At nine."),
        Message("user", "thanks"),
    ]


def test_a_greeting_comes_before_the_caller() -> None:
    history = History(8, 4000)
    history.heard(ReplyId(1), "Hello!")
    history.caller("hi")
    assert history.messages() == [Message("assistant", "Hello!"), Message("user", "hi")]


def test_a_later_word_on_a_reply_replaces_the_earlier_one() -> None:
    history = told("what do you sell", "We sell bread, and")
    history.caller("stop")
    history.heard(ReplyId(1), "We sell bread")
    assert [message.text for message in history.messages()] == ["what do you sell", "We sell bread", "stop"]


def test_a_reply_of_which_nothing_was_heard_leaves_no_trace() -> None:
    assert told("I would like", " ", "two loaves").messages() == [Message("user", "I would like two loaves")]


def test_an_empty_history_has_no_messages() -> None:
    assert History(8, 4000).messages() == []


def test_only_the_last_turns_are_shown() -> None:
    said = [f"{side} {turn}" for turn in range(1, 11) for side in ("question", "answer")]
    shown = told(*said, turns=4).messages()
    assert shown[0].text == "question 7"
    assert shown[-1].text == "answer 10"


def test_a_caller_who_hears_no_answer_is_shown_with_the_last_turns_only() -> None:
    history = History(4, 4000)
    for number in range(1000):
        history.caller(f"stop {number}")
        history.heard(ReplyId(number + 1), "")
    (message,) = history.messages()
    assert message == Message("user", "stop 996 stop 997 stop 998 stop 999")


def test_phrases_that_are_said_again_and_again_do_not_fill_the_prompt() -> None:
    history = History(4, 4000)
    for number in range(1000):
        history.heard(ReplyId(number + 1), f"Sorry? {number}")
    history.caller("hello")
    assert history.messages() == [
        Message("assistant", " ".join(f"Sorry? {number}" for number in range(1000 - IN_A_ROW, 1000))),
        Message("user", "hello"),
    ]


def test_a_late_word_on_a_reply_that_was_forgotten_is_not_taken_for_a_new_one() -> None:
    history = told("a", "b", "c", "d", "e", turns=1)
    history.heard(ReplyId(1), "b, but less")
    assert history.messages() == [Message("user", "e")]


def test_a_call_of_any_length_keeps_a_window_of_it() -> None:
    history = History(8, 4000)
    for number in range(1000):
        history.caller("question")
        for phrase in range(6):
            history.heard(ReplyId(6 * number + phrase + 1), "answer")
    assert len(history._said) <= (8 + 1) * (1 + IN_A_ROW)


entries = st.lists(
    st.one_of(
        st.tuples(st.just("caller"), st.sampled_from(["a", "b c", "d"])),
        st.tuples(st.integers(1, 6), st.sampled_from(["", "x", " y z "])),
    ),
    max_size=60,
)


def filled(said: list[tuple[str | int, str]], turns: int) -> History:
    history = History(turns, 4000)
    for who, text in said:
        if isinstance(who, int):
            history.heard(ReplyId(who), text)
        else:
            history.caller(text)
    return history


@given(said=entries, turns=st.integers(1, 8))
def test_the_sides_alternate_and_the_model_sees_no_more_turns_than_it_may(
    said: list[tuple[str | int, str]], turns: int
) -> None:
    shown = filled(said, turns).messages()
    assert all(before.role != after.role for before, after in pairwise(shown))
    assert sum(message.role == "user" for message in shown) <= turns
    assert all(message.text == message.text.strip() != "" for message in shown)


@given(said=entries, turns=st.integers(1, 8))
def test_the_last_thing_said_is_always_shown(said: list[tuple[str | int, str]], turns: int) -> None:
    history = filled(said, turns)
    history.caller("last")
    assert history.messages()[-1].text.split()[-1] == "last"


@given(turns=st.integers(2, 10), length=st.integers(1, 60))
def test_the_start_of_the_prompt_stays_for_half_a_window(turns: int, length: int) -> None:
    history, starts = History(turns, 4000), []
    for turn in range(length):
        history.caller(f"question {turn}")
        history.heard(ReplyId(turn + 1), f"answer {turn}")
        starts.append(history.messages()[0].text)
    changes = [turn for turn, (before, after) in enumerate(pairwise(starts), 1) if before != after]
    assert all(after - before >= max(1, turns // 2) for before, after in pairwise(changes))


def test_what_does_not_fit_into_the_context_is_forgotten_in_large_steps() -> None:
    history = History(20, 400)
    starts = []
    for number in range(30):
        history.caller(f"question {number} " + "word " * 20)
        shown = history.messages()
        assert sum(tokens(message.text) + PER_MESSAGE for message in shown) <= 400
        assert shown[-1].text.startswith(f"question {number}")
        starts.append(shown[0].text)
        history.heard(ReplyId(number + 1), "answer " * 20)
    assert len(set(starts)) <= 12


def test_what_would_be_shown_is_shown() -> None:
    history = History(20, 200)
    for number in range(20):
        text = f"question {number} " + "word " * (7 * number % 30)
        before = history.messages(then=text)
        history.caller(text)
        assert history.messages() == before
        history.heard(ReplyId(number + 1), "answer " * (5 * number % 20))


def test_a_turn_that_fills_the_context_is_shown_from_its_end() -> None:
    history = History(8, 100)
    history.caller("hello there " * 400 + "do you have bread?")
    (shown,) = history.messages()
    assert shown.text.endswith("there do you have bread?")
    assert 80 < tokens(shown.text) <= 100
