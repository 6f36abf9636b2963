from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.speaking.playhead import Playhead, whole_words

RATE = 1000
"""One sample a millisecond, so that figures can be read."""
CLAUSES = ["We open at nine, ", "and we close at six. ", "Goodbye."]
TEXT = "".join(CLAUSES)


def spoken(clauses: list[str], durations_ms: list[int]) -> Playhead:
    """Return the playhead of a reply whose clauses take so long."""
    playhead, made = Playhead(RATE), 0
    for text, duration in zip(clauses, durations_ms, strict=True):
        playhead.clause_begins(text, made)
        made += duration
        playhead.clause_ends(made)
    return playhead


def test_nothing_is_heard_before_anything_left() -> None:
    playhead = spoken(CLAUSES, [1000, 1000, 500])
    assert playhead.heard(5000.0) == ""
    assert playhead.heard_ms(5000.0) == 0
    assert playhead.dry_at is None


def test_a_clause_without_sound_is_not_heard_before_anything_left() -> None:
    assert spoken(["..."], [0]).heard(5000.0) == ""


def test_what_was_sent_at_once_is_heard_as_time_passes() -> None:
    playhead = spoken(CLAUSES, [1000, 1000, 500])
    playhead.frame_sent(2500, now=100.0)
    assert playhead.heard_ms(100.0) == 0
    assert playhead.heard_ms(101.2) == 1200
    assert playhead.heard(101.0) == CLAUSES[0]
    assert playhead.heard(102.0) == CLAUSES[0] + CLAUSES[1]
    assert playhead.heard(110.0) == TEXT
    assert playhead.heard_ms(110.0) == 2500


def test_a_client_that_ran_dry_waits_for_the_next_frame() -> None:
    playhead = spoken(CLAUSES, [1000, 1000, 500])
    playhead.frame_sent(1000, now=100.0)
    playhead.frame_sent(1000, now=105.0)
    assert playhead.dry_at == pytest.approx(106.0)
    assert playhead.heard_ms(105.3) == 1300


def test_a_clause_that_is_being_spoken_is_heard_word_by_word() -> None:
    playhead = spoken(["one two three four"], [1800])
    playhead.frame_sent(1800, now=100.0)
    assert playhead.heard(100.5) == "one "
    assert playhead.heard(100.9) == "one two "
    assert playhead.heard(101.3) == "one two three"


def test_the_end_of_a_clause_that_is_not_complete_is_never_heard() -> None:
    playhead = Playhead(RATE)
    playhead.clause_begins("one two three four", 0)
    playhead.frame_sent(500, now=100.0)
    assert playhead.heard(100.5) == "one two"
    playhead.frame_sent(60_000, now=100.5)
    assert playhead.heard(200.0) == "one two three "


def test_a_hair_before_the_end_of_a_clause_is_its_end() -> None:
    playhead = spoken(["one two"], [1000])
    playhead.frame_sent(1000, now=100.0)
    playhead.reported(995)
    assert playhead.heard(100.0) == "one two"


def test_the_word_of_the_client_counts_more_than_the_clock() -> None:
    playhead = spoken(CLAUSES, [1000, 1000, 500])
    playhead.frame_sent(2500, now=100.0)
    playhead.reported(1000)
    assert playhead.heard_ms(110.0) == 1000
    assert playhead.heard(110.0) == CLAUSES[0]


def test_a_client_cannot_have_played_more_than_was_sent() -> None:
    playhead = spoken(CLAUSES, [1000, 1000, 500])
    playhead.frame_sent(800, now=100.0)
    playhead.reported(60_000)
    assert playhead.heard_ms(100.0) == 800
    playhead.reported(-5)
    assert playhead.heard_ms(100.0) == 0


sends = st.lists(st.tuples(st.integers(1, 400), st.floats(0.0, 1.0)), min_size=1, max_size=40)
lengths = st.lists(st.integers(0, 1500), min_size=3, max_size=3)


@given(durations=lengths, frames=sends)
def test_what_was_heard_only_grows_and_is_a_beginning_of_the_text_in_whole_words(
    durations: list[int], frames: list[tuple[int, float]]
) -> None:
    playhead, now = spoken(CLAUSES, durations), 100.0
    found = []
    for samples, pause in frames:
        playhead.frame_sent(samples, now)
        found.append((playhead.heard_ms(now), playhead.heard(now)))
        now += pause
        found.append((playhead.heard_ms(now), playhead.heard(now)))
    assert all(before <= after for (before, _), (after, _) in pairwise(found))
    assert all(after.startswith(before) for (_, before), (_, after) in pairwise(found))
    for _, heard in found:
        assert TEXT.startswith(heard)
        assert heard == TEXT or not (TEXT + " ")[len(heard)].isalnum() or heard[-1:] in ("", " ")


@given(durations=lengths, frames=sends, played=st.integers(0, 5000))
def test_what_the_client_says_it_played_is_what_was_heard(
    durations: list[int], frames: list[tuple[int, float]], played: int
) -> None:
    playhead, now = spoken(CLAUSES, durations), 100.0
    for samples, pause in frames:
        playhead.frame_sent(samples, now)
        now += pause
    playhead.reported(played)
    assert playhead.heard_ms(now) == min(played, playhead.sent)
    assert TEXT.startswith(playhead.heard(now))


texts = st.text(alphabet="ab ,.\n你好!é", max_size=30)


@pytest.mark.parametrize(
    ("text", "characters", "words"),
    [
        ("one two", 0, ""),
        ("one two", 2, ""),
        ("one two", 3, "one"),
        ("one two", 4, "one "),
        ("one two", 6, "one "),
        ("one two", 7, "one two"),
        ("one two", 99, "one two"),
        ("我们九点", 2, "我们"),
        ("我用iPhone", 4, "我用"),
        ("one\ntwo", 5, "one\n"),
    ],
)
def test_a_word_is_heard_when_all_of_it_is(text: str, characters: int, words: str) -> None:
    assert whole_words(text, characters) == words


@given(text=texts)
def test_more_characters_are_never_fewer_words(text: str) -> None:
    found = [whole_words(text, characters) for characters in range(len(text) + 2)]
    assert found[-1] == text
    assert all(after.startswith(before) for before, after in pairwise(found))
