import pytest

from pipeline.core.errors import DialogError, HearingError
from pipeline.core.events import (
    FinalTranscript,
    ReplyEnded,
    ReplyStatus,
    StageFailed,
)
from pipeline.core.stages import Message
from tests.fakes import FakeLine, FakeModel, FakeRecognizer, FakeSynthesizer
from tests.session.calls import ANSWER, LONG_ANSWER, Made, place

pytestmark = pytest.mark.anyio


async def test_a_recognizer_that_fails_costs_a_notice_and_an_apology_not_the_call() -> None:
    broken = HearingError("engine-failed", "the engine failed")
    made = Made(FakeLine([(1.0, 2.0), (7.0, 8.0)], 14.0), recognizer=FakeRecognizer([(0.1, broken), (0.1, "again")]))
    await place(made)
    (failure,) = made.line.of(StageFailed)
    assert isinstance(failure, StageFailed)
    assert failure.code == "engine-failed"
    assert made.line.of(FinalTranscript)[-1].turn == 2


async def test_a_model_that_fails_is_replaced_by_a_phrase() -> None:
    error = DialogError("engine-unreachable", "nobody answers", retryable=True)
    made = Made(FakeLine([(1.0, 2.0)], 8.0), model=FakeModel([(0.2, error)]))
    await place(made)
    (reply,) = made.line.of(ReplyEnded)
    assert isinstance(reply, ReplyEnded)
    assert reply.status is ReplyStatus.DEGRADED
    assert reply.heard == "Something went wrong."


async def test_a_model_that_breaks_off_leaves_what_it_wrote() -> None:
    broken = DialogError("engine-timeout", "no token")
    script: list[tuple[float, str | DialogError]] = [(0.2, "We open now. "), (0.1, "And"), (0.1, broken)]
    made = Made(FakeLine([(1.0, 2.0)], 8.0), model=FakeModel(script))
    await place(made)
    (reply,) = made.line.of(ReplyEnded)
    assert isinstance(reply, ReplyEnded)
    assert reply.status is ReplyStatus.FAILED
    assert reply.heard == "We open now. And"


async def test_a_voice_that_fails_ends_the_reply_not_the_call() -> None:
    made = Made(
        FakeLine([(1.0, 2.0), (6.0, 7.0)], 14.0),
        model=FakeModel([(0.1, "This breaks here.")], ANSWER),
        synthesizer=FakeSynthesizer(fails_at="breaks"),
    )
    await place(made)
    first, second = made.line.of(ReplyEnded)
    assert isinstance(first, ReplyEnded)
    assert isinstance(second, ReplyEnded)
    assert first.status is ReplyStatus.FAILED
    assert second.status is ReplyStatus.COMPLETED


async def test_a_model_that_writes_nothing_is_replaced_by_a_phrase() -> None:
    made = Made(FakeLine([(1.0, 2.0)], 8.0), model=FakeModel([(0.1, "")]))
    await place(made)
    assert made.synthesizer.spoken == ["Something went wrong."]


async def test_a_recognizer_that_lags_behind_costs_no_turn_of_a_caller_who_talks_on() -> None:
    made = Made(
        FakeLine([(1.0, 2.0), (2.9, 5.5)], 20.0),
        recognizer=FakeRecognizer([(1.5, "first"), (0.3, "second")]),
        model=FakeModel(LONG_ANSWER, ANSWER),
    )
    await place(made)
    first = made.line.of(ReplyEnded)[0]
    assert isinstance(first, ReplyEnded)
    assert first.status is ReplyStatus.BARGE_IN
    assert made.model.asked[1][-1] == Message("user", "second")
