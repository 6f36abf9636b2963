from benchmarks.report.results import Result
from benchmarks.report.vision import crowd, section
from benchmarks.vision import figures
from benchmarks.vision_pictures import SHEETS, missing
from pipeline.core.events import PictureNoted, PictureState, TurnId


def note(text: str, took: float) -> PictureNoted:
    return PictureNoted(turn=TurnId(0), at=0.0, media="m", state=PictureState.READY, note=text, took=took)


def test_a_fact_is_missing_when_the_note_does_not_hold_it_whatever_the_spaces() -> None:
    assert missing(SHEETS[0], "TOTAL 17 .50\n2026-11- 03\nno. 004821") == []
    assert missing(SHEETS[0], "TOTAL 11.50") == ["17.50", "2026-11-03", "004821"]


def test_every_sheet_holds_its_own_facts() -> None:
    for sheet in SHEETS:
        assert not missing(sheet, "\n".join(f"{left} {right}" for left, right in sheet.rows))


def test_a_case_tells_its_times_and_what_was_missed_in_any_run() -> None:
    whole = "17.50 2026-11-03 004821"
    found = figures(SHEETS[0], 48_000, [note(whole, 1.0), note("17.50 2026-11-03", 3.0)])
    assert (found["runs"], found["note_ms"]["p50"], found["missing"]) == (2, 2000.0, ["004821"])
    tree = {"side": 1600, "first_ms": 2100, "vision_packages": {"rapidocr": "3"}, "measured": {"receipt": found}}
    told = section(Result("vision.json", tree))
    assert "| receipt | 48 | 2 | 2000 / 2900 | 004821 |" in told
    assert "took 2100 ms" in told


def test_calls_with_and_without_a_crowd_stand_below_each_other_with_what_the_crowd_was_told() -> None:
    def measured(gap_ms: int, stalled: int) -> dict[str, object]:
        return {
            "turns": 30,
            "gap_ms": {"p50": gap_ms, "p95": 2 * gap_ms},
            "stalled": stalled,
            "stalled_ms": {"p50": 0, "p95": 40 * stalled},
            "no_answer": 0,
            "word_error_rate": 0.021,
        }

    answers = {"503 TOO_MANY_PICTURES": 92, "201": 8}
    tree = {"at_once": 100, "answers": answers, "measured": {"quiet": measured(500, 0), "crowded": measured(700, 1)}}
    told = crowd(Result("crowd.json", tree))
    assert "100 pictures at the same moment. Answers: 92 x 503 TOO_MANY_PICTURES, 8 x 201." in told
    assert "| quiet | 30 | 500 / 1000 | 0 | 0 / 0 | 0 | 2.1 % |" in told
    assert "| crowded | 30 | 700 / 1400 | 1 | 0 / 40 | 0 | 2.1 % |" in told
