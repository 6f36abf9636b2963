from typing import Any
from xml.etree import ElementTree

import pytest

from benchmarks.peers.arms import UNEQUAL, Arm
from benchmarks.peers.measure import Turn
from benchmarks.peers.run import Run
from benchmarks.report.__main__ import stale
from benchmarks.report.gap import bars
from benchmarks.report.markdown import anything, cell, number, table
from benchmarks.report.page import PAGE, render
from benchmarks.report.plot import Bar, svg
from benchmarks.report.results import Result, profiles, provenance, read
from benchmarks.wer import RESULTS
from pipeline.settings import Budget, Profile, Settings

MACHINE = {"cpu": "A processor", "cores": 2, "load": [0.25, 0.1, 0.1], "measured": "2026-11-25T06:05:10+00:00"}
CPU = Settings(
    profile=Profile(name="cpu", status="measured"), budgets={"response_gap": Budget(p50=0.5, p95=1.0)}, agent="shop"
)
T4 = Settings(profile=Profile(name="t4", status="derived"), budgets={"response_gap": Budget(p50=0.4, p95=0.6)})
PROFILES = {"cpu": CPU, "t4": T4}


def gap_result(p95: int = 900) -> Result:
    turn = {"name": "a", "kind": "single", "gap_ms": 620.0, "cut_off_ms": None, "spans_ms": {"endpointing": 300.0}}
    kind = {
        "turns": 3,
        "answered": 1,
        "gap_ms": {"p50": 600, "p95": p95},
        "spans_ms": {"response_gap": {"p50": 500, "p95": 800}, "first_token": None},
        "word_error_rate": 0.021,
    }
    turns = [turn, {**turn, "gap_ms": None}, {**turn, "cut_off_ms": -20.0, "gap_ms": 700.0}]
    return Result("gap-stub.json", {"machine": MACHINE, "profile": "cpu", "measured": {"single": kind}, "turns": turns})


def page(*results: Result) -> str:
    return render(results, PROFILES)[PAGE]


def test_the_page_and_its_plots_are_what_the_results_render_to() -> None:
    assert stale(RESULTS) == {}, "run python -m benchmarks.report"


def test_every_result_is_on_the_page_with_its_machine() -> None:
    results = read(RESULTS)
    shown = render(results, profiles())[PAGE]
    assert all(f"### {result.stem}\n\n{provenance(result)}" in shown for result in results)


def test_a_figure_names_its_machine_and_its_day() -> None:
    assert provenance(gap_result()) == "`gap-stub.json`. Machine: 2 cores of A processor; 2026-11-25, load 0.25."
    assert "derived" in provenance(Result("derived.json", {"measured": {}}))


def test_measured_spans_stand_beside_the_budgets_of_all_profiles() -> None:
    shown = page(gap_result())
    assert "| p50 / p95 ms | one breath | budget of cpu | budget of t4, derived |" in shown
    assert "| response_gap | 500 / 800 | 500 / 1000 | 400 / 600 |" in shown
    assert "| gap as heard | 600 / 900 |  |  |" in shown
    assert "first_token" not in shown


def test_what_is_over_the_budget_of_its_own_profile_is_bold() -> None:
    assert "| gap as heard | **600 / 1001** |" in page(gap_result(1001))


def test_answered_turns_are_plotted_and_no_others() -> None:
    result = gap_result()
    assert bars(result) == {
        "one breath": [Bar("a", {"endpointing": 300.0}, 620.0)],
        "one breath, answered too early and then again": [Bar("a", {"endpointing": 300.0}, 700.0)],
    }
    assert render([result], PROFILES).keys() == {PAGE, "gap-stub.svg"}
    assert render([Result("gap-old.json", {"machine": MACHINE})], PROFILES).keys() == {PAGE}


def test_bars_are_as_long_as_their_spans_and_sorted_by_the_gap() -> None:
    slow = Bar("a < b", {"endpointing": 200.0, "first_token": 700.0}, 1000.0)
    quick = Bar("c", {"endpointing": 200.0, "recognition": 0.0}, 250.0)
    drawing = ElementTree.fromstring(svg("A run", {"one breath": [slow, quick]}))  # noqa: S314  our own
    space = "{http://www.w3.org/2000/svg}"
    turns = drawing.findall(f"{space}g")
    assert [turn.findtext(f"{space}title", "").split(":")[0] for turn in turns] == ["c", "a < b"]
    widths = [[float(piece.attrib["width"]) for piece in turn.findall(f"{space}rect")] for turn in turns]
    assert [len(row) for row in widths] == [2, 3]
    assert widths[1][1] / widths[1][0] == pytest.approx(3.5, abs=0.01)
    legend = {text.text for text in drawing.findall(f"{space}text")}
    assert {"endpointing", "first_token"} <= legend
    assert "recognition" not in legend


def test_a_plot_of_nothing_is_a_plot() -> None:
    assert ElementTree.fromstring(svg("Nothing", {})).tag.endswith("svg")  # noqa: S314  our own


def test_peers_are_shown_as_multiples_of_voicepipe() -> None:
    given: dict[str, Any] = {"block": 0, "name": "a", "pauses": (), "said": "one", "heard": "one", "answer": ""}
    run = Run()
    run.turns = [
        Turn(arm=arm, kind="single", gaps_ms=(gap,), parts=1, **given)
        for arm, gaps in {"voicepipe": (400.0, 600.0), "pipecat": (1200.0, 1400.0)}.items()
        for gap in gaps
    ]
    tree = run.to_json([Arm.VOICEPIPE, Arm.PIPECAT], {"machine": MACHINE})
    shown = page(Result("peers-stub.json", tree), Result("peers-qwen.json", tree))
    assert (
        "as a multiple of Voicepipe's median gap: pipecat 2.6; answers before the caller's end: voicepipe 0 of 2,"
        in shown
    )
    assert "| pipecat | 2 | 1300 / 1390 | 2.6 | 0 | 0 | 0 | 0.0 % |" in shown
    assert all(shown.count(note) == 1 for notes in UNEQUAL.values() for note in notes)


def test_turns_are_shown_setting_by_setting() -> None:
    whole = {"cases": 2, "pauses": 0, "cut_off": 0, "wait_ms": {"p50": 250, "p95": 300}}
    measured = {"default": {"whole": whole, "hesitant": {**whole, "pauses": 4, "cut_off": 1}}}
    shown = page(Result("turns.json", {"machine": MACHINE, "measured": measured}))
    assert "| setting | whole | hesitant |" in shown
    assert "| default | 250 / 300 | 25 % cut, 250 / 300 |" in shown


def test_a_result_of_unknown_shape_is_shown_key_by_key() -> None:
    tree = {
        "machine": MACHINE,
        "measured": {
            "silero": {"window_ms": {"p50": 0.31, "p95": 0.4}, "rtf": 0.01},
            "piper": {"first_ms": {"p50": 80, "p95": 120}, "cores": {"1": 3, "2": None}},
        },
        "odd": {"deep": {"deeper": {"deepest": {"x": 1}}}, "empty": {}, "words": ["a|b", "c"]},
        "rows": [{"at": 1, "found": True}, {"at": 2}],
    }
    shown = page(Result("later.json", tree))
    assert "|  | window_ms | rtf | first_ms | cores 1 | cores 2 |" in shown
    assert "| silero | 0.31 / 0.4 | 0.01 |  |  |  |" in shown
    assert "| piper |  |  | 80 / 120 | 3 |  |" in shown
    assert "| words | a\\|b, c |" in shown
    assert "| at | found |\n| --- | ---: |\n| 1 | yes |\n| 2 |  |" in shown
    assert "## Later" in shown


@pytest.mark.parametrize("value", [None, 3, "words", [], {}, [[1, 2], [3]], [{}], {"a": []}, {"a": {"b": [{"c": {}}]}}])
def test_no_shape_breaks_the_page(value: Any) -> None:
    assert isinstance(anything(value, "name"), str)


def test_figures_have_three_digits_that_count() -> None:
    assert [number(value) for value in (2413.1, 95.62, 0.0421, 7.0, 0.0)] == ["2413", "95.6", "0.0421", "7", "0"]


def test_a_cell_stays_a_cell() -> None:
    assert cell("one | two\nthree") == "one \\| two three"
    assert table(["a"], []) == ""


def test_stages_are_shown_with_a_column_for_each_number_of_callers() -> None:
    rows = [
        {"input": "3 words", "at_once": at_once, "first_ms": {"p50": 30 * at_once, "p95": 40}, "rtf": 0.07 * at_once}
        for at_once in (1, 2)
    ]
    tree = {"machine": MACHINE, "times_as_fast": {"3 s": 4.49}, "measured": {"synthesis": rows}}
    shown = page(Result("stages-cpu.json", tree))
    assert "|  | first part, 1 at once | first part, 2 at once | rtf |" in shown
    assert "| 3 words | 30 / 40 | 60 / 40 | 0.07 |" in shown
    assert "so many times as fast as the full window: 4.49 at 3 s." in shown


def test_derived_figures_stand_side_by_side_with_their_sources() -> None:
    entry = {
        "machine": "A card",
        "models": "a model",
        "stages_ms": {},
        "spans_ms": {"synthesis": {"p50": 9, "p95": 12}},
    }
    constant = {"typical": 2e11, "slow": 1e11, "unit": "B/s", "source": "datasheet"}
    tree = {"profiles": {"t4": entry, "a10": entry}, "constants": {"A card": {"bandwidth": constant}}}
    shown = page(Result("derived.json", tree))
    assert "| synthesis | 9 / 12 | 9 / 12 |" in shown
    assert "| A card | bandwidth | 2e+11 | 1e+11 | B/s | datasheet |" in shown
