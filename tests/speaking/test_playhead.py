from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.speaking.playhead import WORD_SLACK, Playhead
from pipeline.speaking.words import words

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


def placed(clauses: list[tuple[str, list[int]]], duration_ms: int) -> Playhead:
    """Return the playhead of a reply whose clauses take so long, and whose words end at these places within them."""
    playhead = Playhead(RATE)
    for number, (text, places) in enumerate(clauses):
        playhead.clause_begins(text, number * duration_ms)
        characters = 0
        for word, at in zip(words(text), places, strict=True):
            characters += len(word)
            playhead.word_ends(characters, number * duration_ms + at)
        playhead.clause_ends((number + 1) * duration_ms)
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


@pytest.mark.parametrize(
    ("played", "heard"),
    [
        (1, ""),
        (559, ""),
        (560, "one "),
        (1659, "one "),
        (1660, "one two "),
        (1760, "one two three"),
        (2000, "one two three"),
        (2059, "one two three"),
        (2060, "one two threefour "),
        (3660, "one two threefour five"),
    ],
)
def test_a_word_whose_end_is_known_is_heard_once_no_more_than_the_slack_is_missing(played: int, heard: str) -> None:
    assert WORD_SLACK == 0.04
    playhead = placed([("one two three", [600, 1700, 1800]), ("four five", [100, 1700])], 2000)
    playhead.frame_sent(4000, now=100.0)
    playhead.reported(played)
    assert playhead.heard(100.0) == heard


def test_a_clause_that_was_cut_off_is_heard_up_to_the_last_word_that_is_over() -> None:
    playhead = Playhead(RATE)
    playhead.clause_begins("one two three", 0)
    playhead.word_ends(4, 600)
    playhead.word_ends(8, 1000)
    playhead.word_ends(13, 1500)
    playhead.frame_sent(1100, now=100.0)
    assert playhead.heard(200.0) == "one two "
    playhead.frame_sent(400, now=200.0)
    assert playhead.heard(300.0) == "one two three"


def test_a_clause_without_places_is_shared_out_beside_one_that_has_them() -> None:
    playhead = placed([("one two ", [100, 900])], 1000)
    playhead.clause_begins("three four", 1000)
    playhead.clause_ends(2000)
    playhead.frame_sent(2000, now=100.0)
    assert playhead.heard(100.5) == "one "
    assert playhead.heard(101.5) == "one two three"


places = st.lists(st.integers(-100, 1500), min_size=4, max_size=4)


@given(first=places, second=places, frames=sends)
def test_whatever_the_places_what_was_heard_only_grows_and_is_a_beginning_of_the_text_in_whole_words(
    first: list[int], second: list[int], frames: list[tuple[int, float]]
) -> None:
    playhead, now = placed([("We open at nine, ", first), ("我们 open ！", second)], 1000), 100.0
    beginnings = ["", "We ", "We open ", "We open at ", "We open at nine, "]
    beginnings += [f"{beginnings[-1]}{more}" for more in ("我", "我们 ", "我们 open ", "我们 open ！")]
    found = []
    for samples, pause in frames:
        playhead.frame_sent(samples, now)
        now += pause
        found.append(playhead.heard(now))
    assert set(found) <= set(beginnings)
    assert found == sorted(found, key=len)
