import json
from typing import Any

import pytest

from benchmarks import derived_model as model
from benchmarks.derived import afterwards, ahead, budgets, check, derived, spans, stages
from benchmarks.derived_model import MACHINES, T4, WHISPERS
from benchmarks.wer import RESULTS
from pipeline import configuration
from pipeline.core.latency import SEGMENTS
from pipeline.settings import Settings

TOOK = {
    "turn_model": 0.1,
    "recognition": 0.2,
    "first_token": 0.05,
    "first_clause": 0.1,
    "synthesis": 0.1,
    "handover": 0.02,
}


@pytest.mark.parametrize("profile", list(MACHINES))
def test_a_profile_promises_what_is_derived(profile: str) -> None:
    settings = configuration.load(profile=profile)
    promised = {name: {"p50": budget.p50, "p95": budget.p95} for name, budget in settings.budgets.items()}
    assert settings.profile.status == "derived"
    assert promised == budgets(profile), "write what python -m benchmarks.derived gives into the profile"


@pytest.mark.parametrize("profile", list(MACHINES))
def test_the_result_holds_what_is_derived(profile: str) -> None:
    kept = json.loads((RESULTS / "derived.json").read_text(encoding="utf-8"))
    assert kept["profiles"][profile] == derived(profile), "run python -m benchmarks.derived"


def test_encoder_operations_are_those_of_the_notes() -> None:
    operations = {name: size.encoder_operations() / 1e12 for name, size in WHISPERS.items()}
    assert operations["whisper-base"] == pytest.approx(0.084, rel=0.05)
    assert operations["whisper-small"] == pytest.approx(0.34, rel=0.05)
    assert operations["whisper-large-v3-turbo"] == pytest.approx(2.27, rel=0.05)


def test_an_answer_begun_ahead_hides_behind_the_wait() -> None:
    settings = Settings()
    long = ahead(settings, TOOK, 1.5, "p50")
    assert long["endpointing"] == pytest.approx(1.5 + 0.061)
    assert [long[name] for name in ("recognition", "first_token", "first_clause", "synthesis")] == [0.0] * 4
    short = ahead(settings, TOOK, 0.2, "p50")
    assert short["response_gap"] == pytest.approx(0.032 + 0.061 + 0.2 + 0.05 + 0.1 + 0.1 + 0.02)
    for turn in (long, short):
        assert sum(turn[name] for name in SEGMENTS if name in turn) == pytest.approx(turn["response_gap"])


def test_what_is_not_begun_ahead_follows_the_wait() -> None:
    turn = afterwards(Settings(), TOOK, "p50")
    assert turn["first_token"] == 0.05
    assert turn["response_gap"] == pytest.approx(0.2 + 0.061 + turn["recognition"] + 0.05 + 0.1 + 0.1 + 0.02)


def test_slow_is_never_faster() -> None:
    for profile, machine in MACHINES.items():
        found = spans(configuration.load(profile=profile), machine)
        assert all(span["p50"] <= span["p95"] for span in found.values())


def test_a_longer_wait_moves_the_end_of_the_turn() -> None:
    settings = configuration.load(profile="t4")
    patient = settings.model_copy(update={"endpointing": settings.endpointing.changed(min_silence=0.5)})
    moved = spans(patient, T4)["endpointing"]["p50"] - spans(settings, T4)["endpointing"]["p50"]
    assert moved == pytest.approx(0.3)
    assert stages(patient, T4, "p50") == stages(settings, T4, "p50")


def test_every_constant_says_where_it_comes_from() -> None:
    found = [value for value in vars(model).values() if isinstance(value, model.Constant)]
    found += [value for machine in MACHINES.values() for value in vars_of(machine)]
    assert all(constant.source and constant.unit for constant in found)


def vars_of(machine: model.Machine) -> list[model.Constant]:
    return [machine.bandwidth, machine.encoder_rate, machine.prompt_rate, machine.launch, machine.token]


def test_the_check_predicts_what_the_fit_was_not_made_of() -> None:
    def row(name: str, **figures: Any) -> dict[str, Any]:
        return {"input": name, "at_once": 1, **figures}

    measured = {
        "language": [
            row("cold prompt", first_ms={"p50": 5050.0}, tokens_read=500.0),
            row("known prefix", first_ms={"p50": 150.0}, tokens_read=10.0, tokens_per_second=20.0),
        ]
    }
    (found,) = check(measured, whisper="whisper-tiny.en", llm="qwen2.5-1.5b-instruct", llm_bytes=1e9)
    assert (found["derived_ms"], found["measured_ms"]) == (150.0, 150.0)
    assert found["bytes_per_second"] == 20e9
