import pytest

from pipeline.core.errors import (
    DialogError,
    EntranceError,
    HearingError,
    KnowledgeError,
    ModelError,
    PipelineError,
    SpeakingError,
)
from pipeline.core.events import StageFailed, TurnId

STAGES = {
    HearingError: "hearing",
    DialogError: "dialog",
    SpeakingError: "speaking",
    EntranceError: "entrance",
    ModelError: "models",
    KnowledgeError: "knowledge",
}


@pytest.mark.parametrize(("kind", "stage"), STAGES.items())
def test_each_error_names_its_stage(kind: type[PipelineError], stage: str) -> None:
    error = kind("engine-failed", "the engine failed")
    assert (error.stage, error.code, str(error)) == (stage, "engine-failed", "the engine failed")


def test_an_error_is_final_unless_it_says_otherwise() -> None:
    assert not HearingError("engine-failed", "it failed").retryable
    assert HearingError("engine-busy", "it is busy", retryable=True).retryable


def test_an_entrance_error_names_the_field() -> None:
    error = EntranceError("invalid-value", "is 0", field="start.input_audio.sample_rate_hz")
    assert error.field == "start.input_audio.sample_rate_hz"


def test_a_model_error_says_what_to_type() -> None:
    assert ModelError("model-missing", "is not here", fix="voicepipe models pull x").fix == "voicepipe models pull x"


def test_clients_are_told_of_an_error_as_it_stands() -> None:
    error = DialogError("engine-timeout", "no token for 10 s", retryable=True)
    assert StageFailed.by(error, turn=TurnId(3), at=12.5) == StageFailed(
        turn=TurnId(3),
        at=12.5,
        stage="dialog",
        code="engine-timeout",
        message="no token for 10 s",
        retryable=True,
    )
