import numpy as np

from benchmarks.echo import Cell, runs, table
from benchmarks.echo_cases import TUNED_ON, callers
from tests.recordings import prompts


def test_a_run_is_told_by_its_beginning_and_only_when_it_is_long_enough() -> None:
    speech = np.array([True, True, True, False, True, True, False, True, True, True, True])
    assert runs(speech, 3) == [0, 7]
    assert runs(speech, 4) == [7]
    assert runs(~speech, 2) == []


def test_nobody_speaks_who_was_heard_while_the_gate_was_tuned() -> None:
    assert {prompt.name for prompt in prompts("en")} >= TUNED_ON
    people = {prompt.name for prompt in callers(1)}
    assert len(people) > 100
    assert not people & TUNED_ON


def test_cells_add_up() -> None:
    some, more, both = Cell(), Cell(), Cell()
    some.echo_windows, some.passed, some.seconds, some.onsets, some.added = 90, 9, 30.0, 4, [0.0]
    more.echo_windows, more.passed, more.seconds, more.onsets, more.added = 10, 1, 30.0, 2, [32.0]
    more.said["over"], more.lost["over"] = 8, 2
    both.add(some)
    both.add(more)
    figures = both.figures()
    assert (figures["echo_passed"], figures["onsets_per_minute"], figures["lost"]["over"]) == (0.1, 6.0, 0.25)
    assert both.added == [0.0, 32.0]
    measured = {"lines": {"a line": figures}, "ways": {}, "all": figures, "without echo": Cell().figures()}
    assert table({**measured, "gate_us": None}).row_count == 3
