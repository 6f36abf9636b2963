import pytest

from benchmarks.spelling import in_words, normalized
from benchmarks.wer import Heard, compared, summary


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Please, press ONE.", "please press 1"),
        ("You have 25 new messages!", "you have twenty-five new messages"),
        ("Goodbye; call 555 now.", "good bye, call five five five now"),
        ("Voicemail isn't on", "voice mail isn’t on"),
        ("I'm sorry, that's not it; you can't.", "I am sorry that is not it, you cannot"),
        ("separated by * and #", "separated by star and pound"),
        ("the 3rd floor, 100%", "the three floor one zero zero percent"),
    ],
)
def test_spelling_is_no_error(one: str, other: str) -> None:
    assert normalized(one) == normalized(other)


def test_figures_are_read_as_they_are_said() -> None:
    assert [in_words(figure) for figure in ("0", "07", "19", "20", "99", "101")] == [
        "zero", "seven", "nineteen", "twenty", "ninety nine", "one zero one",
    ]  # fmt: skip


def test_the_rate_counts_words_over_all_recordings() -> None:
    heard = [
        Heard("a", "press one to go on", "press 2 to go on", 2.0, gap_ms=500.0, took=0.5),
        Heard("b", "good bye", "Goodbye!", 1.0, gap_ms=700.0, took=0.25),
        Heard("c", "thank you all", "", 1.0, turns=2),
    ]
    result = summary(heard)
    assert result["words"] == 10
    assert result["word_error_rate"] == 0.4
    assert (result["substitutions"], result["deletions"], result["insertions"]) == (1, 3, 0)
    assert result["without_transcript"] == 1
    assert result["split_into_turns"] == 1
    assert result["gap_ms"] == {"p50": 600, "p95": 690}
    assert result["real_time_factor"] == 0.188
    assert [error["name"] for error in result["errors"]] == ["a", "c"]


def test_contexts_are_compared_recording_by_recording() -> None:
    said = "press one to go on"
    short = [
        Heard("a", said, "press 1 to go on", 2.0, took=0.1),
        Heard("b", said, "press 2 to go on", 2.0, took=0.2),
        Heard("c", said, "press one", 2.0, took=0.3),
    ]
    full = [
        Heard("a", said, "Press one to go on.", 2.0, took=0.4),
        Heard("b", said, said, 2.0, took=0.6),
        Heard("c", said, "", 2.0, took=0.8),
    ]
    assert compared(short, full) == {
        "times_as_fast": 3.0,
        "same_words": 1,
        "fewer_errors_short": 1,
        "fewer_errors_full": 1,
    }
    assert summary(short)["took_ms"] == {"p50": 200, "p95": 290}
    assert summary(short[:1])["took_ms"] is None
