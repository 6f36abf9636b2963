import os
from typing import Any

import pytest

from benchmarks.calls import Measured
from benchmarks.load import Tally, Watched, mixed, p95, summary, table, within
from benchmarks.peers.measure import Block, Turn
from benchmarks.process import Look, counted, cpu_seconds, speculations


def measured(gap_ms: float, kind: str = "single") -> Measured:
    turn = Turn(
        arm="voicepipe",
        kind=kind,
        block=0,
        name="a",
        pauses=(),
        said="press one",
        heard="Press 1.",
        answer="",
        gaps_ms=(gap_ms,),
        parts=1,
    )
    return Measured(turn, spans_ms={}, filler_ms=None, stalled_ms=0.0, status="completed")


def look(at: float, cpu: float, rss_mib: float = 500.0) -> Look:
    return Look(at=at, rss_mib=rss_mib, threads=14, files=20, calls=1, cpu=cpu)


def step(calls: int, *gaps_ms: float) -> dict[str, Any]:
    tally = Tally(calls=calls, found=[measured(gap) for gap in gaps_ms], call_seconds=50.0)
    watched = Watched([look(0.0, 3.0), look(10.0, 6.0, 600.0), look(20.0, 8.0)], SCRAPES[0], SCRAPES[1], 2.5)
    return summary(calls, tally, watched)


SCRAPES = (
    'voicepipe_over_budget_total{span="response_gap"} 2.0\n',
    'voicepipe_over_budget_total{span="response_gap"} 5.0\n'
    'voicepipe_over_budget_total{span="endpointing"} 1.0\n'
    'voicepipe_speculations_total{outcome="committed"} 3.0\n'
    'voicepipe_speculations_total{outcome="reopened"} 1.0\n'
    'voicepipe_speculations_total{outcome="refused"} 4.0\n',
)


def test_a_step_is_counted_from_what_grew_in_it() -> None:
    figures = step(2, 400.0, 600.0)
    assert figures["over_budget"] == {"response_gap": 3.0, "endpointing": 1.0}
    assert figures["speculations"]["hit_rate"] == 0.75
    assert (figures["service_cpu_per_call_second"], figures["client_cpu_per_call_second"]) == (0.1, 0.05)
    assert (figures["service_cores"], figures["rss_mib"]) == (0.25, 600.0)
    assert figures["measured"]["single"]["gap_ms"] == {"p50": 500, "p95": 590}


def test_kinds_are_spread_over_the_calls() -> None:
    calls = [Block("single", number, ()) for number in range(6)] + [Block("pauses", number, ()) for number in range(2)]
    assert [block.kind[0] for block in mixed(calls)] == ["s", "s", "p", "s", "s", "s", "p", "s"]
    assert sorted(map(str, mixed(calls))) == sorted(map(str, calls))


def test_the_budget_holds_up_to_the_step_that_breaks_it() -> None:
    steps = [step(1, 400.0, 500.0), step(2, 700.0, 800.0), step(3, 900.0, 2000.0), step(4, 400.0, 500.0)]
    assert within(steps, 1000.0) == 2
    assert within(steps, 100.0) == 0
    assert within(steps[:2], 1000.0) == 2


def test_a_step_without_answers_breaks_every_budget() -> None:
    assert p95(step(4)) is None
    assert within([step(1, 400.0, 500.0), step(4)], 10_000.0) == 1
    assert table([step(1, 400.0, 500.0), step(4)]).row_count == 2


def test_counters_are_told_by_their_label() -> None:
    before, after = SCRAPES
    assert counted(before, after, "voicepipe_degradations", "what") == {}
    assert speculations(after, after)["hit_rate"] == 0.0


def test_processor_time_is_read_behind_the_name_of_the_process() -> None:
    ticks = os.sysconf("SC_CLK_TCK")
    stat = f"7 (a (b) c) S 1 7 7 0 -1 4194560 100 0 0 0 {3 * ticks} {ticks} 0 0 20 0 14 0 100 1000 10"
    assert cpu_seconds(stat) == pytest.approx(4.0)
