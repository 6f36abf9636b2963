from benchmarks.dialog.cache import APPROVED, ASKED, figures
from benchmarks.report.dialog import section
from benchmarks.report.results import Result


def test_at_least_forty_turns_are_measured() -> None:
    times = 5
    assert len({*ASKED, *APPROVED}) * times >= 40


def test_figures_count_what_was_within_the_limit() -> None:
    found = figures({"typed, cached answer": [10.0, 20.0, 30.0, 61.0], "typed, the model": [900.0]})
    assert found["typed, cached answer"]["turns"] == 4
    assert found["typed, cached answer"]["within_limit"] == 0.75
    assert found["typed, cached answer"]["ms"]["p50"] == 25.0
    assert found["typed, the model"]["ms"] is None


def test_the_page_shows_each_kind_of_turn() -> None:
    found = figures({"typed, cached answer": [10.0, 20.0], "typed, the model": [900.0]})
    shown = section(Result("dialog-cache.json", {"benchmark": "dialog-cache", "limit_ms": 60, "measured": found}))
    assert "within 60 ms" in shown
    assert "| typed, cached answer | 2 | 15 / 19.5 | 19.9 | 100.0 % |" in shown
    assert "| typed, the model | 1 |  |  | 0.0 % |" in shown
