import base64
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.peers.arms import Arm, Setting, settings_of
from benchmarks.peers.language import CONTEXT, MOST_TOKENS, LanguageModel
from benchmarks.peers.measure import Block, Called, Turn, as_json, compared, of_report, of_telephone, summary
from benchmarks.peers.own import written
from benchmarks.peers.report import table
from benchmarks.peers.run import READ_BACK, Run, in_turn
from benchmarks.speech import Saying
from pipeline import configuration
from pipeline.caller.report import CallReport, Recording, TurnReport
from pipeline.core.pcm import Pcm, silence
from pipeline.dialog.agents import Agent, load
from pipeline.models import catalog
from pipeline.models.store import Store
from pipeline.settings import SHARE, Endpointing

RATE = 16_000


def loud(seconds: float, rate: int = RATE) -> bytes:
    return np.full(round(seconds * rate), 8000, dtype="<i2").tobytes()


def quiet(seconds: float, rate: int = RATE) -> bytes:
    return np.full(round(seconds * rate), 50, dtype="<i2").tobytes()


def saying(name: str, text: str = "press one", seconds: float = 1.0) -> Saying:
    return Saying(name, Pcm(quiet(0.1) + loud(seconds) + quiet(0.4), RATE), text)


def block(*sayings: Saying, kind: str = "single") -> Block:
    return Block(kind, 0, sayings)


def heard(reply: int, at: float, samples: bytes, rate: int = 22_050) -> dict[str, Any]:
    return {"reply": reply, "at": at, "rate": rate, "samples": base64.b64encode(samples).decode()}


def text(who: str, said: str, at: float, reply: int = 1) -> dict[str, Any]:
    return {"at": at, "who": who, "text": said, "reply": reply}


def on_telephone(call: dict[str, Any], calls: Block) -> Called:
    return of_telephone({"seconds": 20.0, "texts": [], **call}, calls, [entry.sound for entry in calls.sayings], "peer")


def turn(arm: str = "voicepipe", gaps: tuple[float, ...] = (), kind: str = "single", **other: Any) -> Turn:
    given = {"block": 0, "name": "a", "pauses": (), "said": "press one", "heard": "Press 1.", "answer": "", "parts": 1}
    return Turn(arm=arm, kind=kind, gaps_ms=gaps, **{**given, **other})


def report_of(utterance: str, gap_ms: float | None, transcript: str = "Press one.") -> TurnReport:
    return TurnReport(
        turn=1,
        utterance=utterance,
        transcript=transcript,
        language="en",
        reply="Thank you.",
        heard="",
        heard_ms=0,
        status="completed",
        filler_ms=None,
        stalled_ms=0.0,
        gap_ms=gap_ms,
        spans={},
    )


def test_the_gap_is_between_what_is_audible() -> None:
    # Said from 1.0 s, audible from 1.1 s to 2.1 s; heard from 2.5 s, audible from 2.6 s.
    call = {"spoken": [{"name": "0:a", "at": 1.0}], "heard": [heard(1, 2.5, quiet(0.1, 22_050) + loud(1, 22_050))]}
    called = on_telephone(call, block(saying("a")))
    assert list(called.turns[0].gaps_ms) == pytest.approx([500.0], abs=0.1)


def test_a_reply_belongs_to_what_was_said_last() -> None:
    call = {
        "spoken": [{"name": "0:a", "at": 1.0}, {"name": "1:b", "at": 8.0}],
        "heard": [heard(1, 2.6, loud(1, 22_050)), heard(2, 10.1, loud(1, 22_050))],
        "texts": [
            text("caller", "Press one.", 2.5),
            text("peer", "Yes.", 3.6),
            text("caller", "Press two.", 10.0, 2),
            text("peer", "No.", 11.2, 2),
        ],
    }
    called = on_telephone(call, block(saying("a"), saying("b")))
    assert [entry.gaps_ms for entry in called.turns] == [(500.0,), (1000.0,)]
    assert [(entry.heard, entry.answer) for entry in called.turns] == [("Press one.", "Yes."), ("Press two.", "No.")]
    assert [written for written, _ in called.replies] == ["Yes.", "No."]


def test_a_reply_that_another_one_follows_was_perhaps_not_heard_to_its_end() -> None:
    call = {
        "spoken": [{"name": "0:a", "at": 1.0}],
        "heard": [heard(1, 2.6, loud(0.2, 22_050)), heard(2, 3.6, loud(1, 22_050))],
        "texts": [text("peer", "Well.", 2.8), text("peer", "Yes.", 4.6, 2)],
    }
    called = on_telephone(call, block(saying("a")))
    assert called.turns[0].gaps_ms == (500.0, 1500.0)
    assert [written for written, _ in called.replies] == ["Yes."]


def test_pieces_of_a_reply_are_one_reply() -> None:
    pieces = [(2.3, quiet(0.1, 8000)), (2.6, loud(1, 8000)), (4.0, loud(1, 8000))]
    call = {"spoken": [{"name": "0:a", "at": 1.0}], "heard": [heard(1, at, piece, 8000) for at, piece in pieces]}
    assert on_telephone(call, block(saying("a"))).turns[0].gaps_ms == (500.0,)


def test_what_was_never_said_has_no_answer() -> None:
    called = on_telephone({"spoken": [], "heard": []}, block(saying("a")))
    assert called.turns[0].gaps_ms == ()
    assert called.turns[0].heard == ""


def test_both_sides_of_a_call_are_on_one_clock() -> None:
    call = {"spoken": [{"name": "0:a", "at": 1.0}], "heard": [heard(1, 2.5, loud(1, RATE), RATE)], "seconds": 4.0}
    called = on_telephone(call, block(saying("a")))
    for side, (begin, end) in ((called.caller, (1.1, 2.1)), (called.service, (2.5, 3.5))):
        samples = np.flatnonzero(np.abs(np.frombuffer(side.data, dtype="<i2").astype(int)) > 1000)
        assert (samples[0] / side.rate, samples[-1] / side.rate) == pytest.approx((begin, end), abs=1e-3)
        assert side.duration == pytest.approx(4.0)


def test_voicepipes_client_measures_its_gaps() -> None:
    turns = (report_of("0:a", -300.0, "Press"), report_of("0:a", 700.0, "one."), report_of("1:b", None))
    line = silence(1.0, 8000)
    report = CallReport(
        call_id="", turns=turns, prompts=(), notices=(), ended=None, recording=Recording(caller=line, service=line)
    )
    called = of_report(report, block(saying("a"), saying("b"), saying("c")), "voicepipe")
    assert [entry.gaps_ms for entry in called.turns] == [(-300.0, 700.0), (), ()]
    assert [(entry.heard, entry.parts) for entry in called.turns] == [("Press one.", 2), ("Press one.", 1), ("", 0)]


def test_an_early_reply_is_a_cut_off_and_no_gap() -> None:
    early = turn(gaps=(-250.0,))
    assert (early.cut_off_ms, early.gap_ms) == (-250.0, None)
    mended = turn(gaps=(-250.0, 600.0))
    assert (mended.cut_off_ms, mended.gap_ms) == (-250.0, 600.0)


def test_the_reply_to_all_that_was_said_counts() -> None:
    assert turn(gaps=(100.0, 2900.0)).gap_ms == 2900.0


def test_an_answer_after_eight_seconds_is_none() -> None:
    assert turn(gaps=(8001.0,)).gap_ms is None
    assert turn(gaps=(8000.0,)).gap_ms == 8000.0


def test_the_summary_keeps_cut_offs_out_of_the_percentiles() -> None:
    turns = [
        turn(gaps=(500.0,)),
        turn(gaps=(700.0,)),
        turn(gaps=(-900.0, 900.0), parts=2),
        turn(gaps=(-100.0,)),
        turn(),
    ]
    figures = summary(turns)
    assert figures["gap_ms"] == {"p50": 700, "p95": 880}
    assert (figures["turns"], figures["answered"], figures["false_cut_offs"], figures["split"]) == (5, 3, 2, 1)
    assert figures["cut_off_gap_ms"] == {"median": -500, "all": [-900.0, -100.0]}
    assert (figures["no_answer"], figures["cut_off_and_no_answer"]) == (1, 1)
    assert figures["word_error_rate"] == 0.0


def test_arms_are_compared_by_their_medians_kind_by_kind() -> None:
    turns = [turn("voicepipe", (gap,)) for gap in (400.0, 600.0)] + [turn("pipecat", (gap,)) for gap in (900.0, 1100.0)]
    turns += [turn("pipecat", (gap,), "pauses") for gap in (900.0, 1100.0)]
    figures = compared(turns, ["voicepipe", "pipecat"], "voicepipe")
    assert {arm: entry["ratio_of_medians"] for arm, entry in figures["single"].items()} == {
        "voicepipe": 1.0,
        "pipecat": 2.0,
    }
    assert figures["pauses"]["pipecat"]["ratio_of_medians"] is None
    assert [table(kind, entry).row_count for kind, entry in figures.items()] == [2, 1]


def test_a_turn_is_kept_with_what_follows_from_it() -> None:
    assert as_json(turn(gaps=(-1.0, 5.0)))["cut_off_ms"] == -1.0


def test_every_arm_is_first_now_and_then() -> None:
    arms = [Arm.VOICEPIPE, Arm.PIPECAT, Arm.CHAIN]
    orders = [list(in_turn(arms, number)) for number in range(3)]
    assert [order[0] for order in orders] == arms
    assert all(sorted(order) == sorted(arms) for order in orders)


def test_a_run_keeps_some_replies_and_what_broke() -> None:
    run, line = Run(), silence(1.0, 8000)
    for _ in range(3):
        called = Called((turn("pipecat"),), line, line, (("Yes.", line), ("No.", line)), broken="it broke off")
        run.take(Arm.PIPECAT, block(saying("a")), called)
    assert (len(run.turns), len(run.replies[Arm.PIPECAT]), len(run.broken)) == (3, READ_BACK, 3)


def test_voicepipe_runs_with_the_models_of_the_others_and_its_own_defaults(tmp_path: Path) -> None:
    agent = Agent(id="shop", name="A “shop”", greeting="Hello.", persona='You say "yes".\nAlways.\n')
    model = LanguageModel("http://127.0.0.1:1", "any:tag")
    settings = configuration.load(config=written(tmp_path, agent, model, "whisper-tiny.en", "int8", "a-voice"))
    assert (settings.dialog.ollama_url, settings.dialog.models) == (model.url, (model.model,))
    assert (settings.dialog.num_predict, settings.dialog.num_ctx, settings.dialog.temperature) == (
        MOST_TOKENS,
        CONTEXT,
        0,
    )
    assert (settings.recognition.models, settings.speaking.voice) == (("whisper-tiny.en",), "a-voice")
    assert settings.endpointing == Endpointing()
    answering = load(settings.agents)[settings.agent]
    assert (answering.persona, answering.greeting) == (agent.persona, "")


def test_the_patient_arm_differs_in_the_shortest_silence_only(tmp_path: Path) -> None:
    language = LanguageModel("http://127.0.0.1:1", "any:tag")
    setting = Setting(
        Store(tmp_path, catalog.read(SHARE / "models" / "catalog.toml")),
        language,
        Path("python"),
        tmp_path,
        stop_secs=3.0,
        silence=0.7,
    )
    told = settings_of((Arm.VOICEPIPE, Arm.VOICEPIPE_PATIENT), setting)
    usual, patient = told["voicepipe"], told["voicepipe-patient"]
    assert patient["endpointing"] == {**usual["endpointing"], "min_silence": 0.7}
    assert {**patient, "endpointing": {}} == {**usual, "endpointing": {}}
