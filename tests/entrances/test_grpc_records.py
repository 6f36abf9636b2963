from typing import Any

import grpc
import pytest

from pipeline.core.events import CallEnd
from pipeline.entrances.generated.voicepipe.v1 import conversation_pb2, output_pb2
from pipeline.entrances.generated.voicepipe.v1.config_pb2 import Caller as CallerMessage
from pipeline.entrances.generated.voicepipe.v1.conversation_pb2 import (
    RATING_DOWN,
    RATING_UP,
    GetConversationRequest,
    SubmitFeedbackRequest,
)
from pipeline.entrances.generated.voicepipe.v1.conversation_pb2_grpc import ConversationServiceStub
from pipeline.entrances.switchboard import Conversation, CutOff, Outcome
from pipeline.store.rows import Feedback
from tests.entrances.calls import Caller, Refusal, Served, served

pytestmark = pytest.mark.anyio

Code = grpc.StatusCode

LIVE = Conversation(id="c1", agent="shop", began=1_780_000_000.25, outcome=None)


async def told(service: Served, conversation: str = "c1") -> conversation_pb2.GetConversationResponse:
    return await ConversationServiceStub(service.channel).GetConversation(
        GetConversationRequest(conversation_id=conversation)
    )


async def given(service: Served, **parts: Any) -> str:
    own = {"conversation_id": "c1", "rating": RATING_UP, "idempotency_key": "k1", **parts}
    return (await ConversationServiceStub(service.channel).SubmitFeedback(SubmitFeedbackRequest(**own))).feedback_id


def refusal(error: grpc.aio.AioRpcError) -> Refusal:
    return Refusal(error.code(), error.details() or "", error.trailing_metadata())


async def test_a_live_call_is_told_as_live() -> None:
    async with served() as service:
        service.board.known["c1"] = LIVE
        answer = await told(service)
        assert (answer.conversation_id, answer.agent_id) == ("c1", "shop")
        assert answer.state == conversation_pb2.CONVERSATION_STATE_LIVE
        assert answer.start_time.ToMilliseconds() == 1_780_000_000_250
        assert not answer.HasField("ended")


@pytest.mark.parametrize(
    ("reason", "told_as"),
    [
        (CallEnd.CLIENT, output_pb2.END_REASON_CLIENT),
        (CallEnd.FAILED, output_pb2.END_REASON_FAILED),
        (CutOff.VANISHED, output_pb2.END_REASON_CLIENT_LOST),
        (CutOff.STALLED, output_pb2.END_REASON_CLIENT_LOST),
        (CutOff.DRAINING, output_pb2.END_REASON_DRAINING),
    ],
)
async def test_a_call_that_is_over_is_told_with_its_end(
    reason: CallEnd | CutOff, told_as: output_pb2.EndReason.ValueType
) -> None:
    async with served() as service:
        outcome = Outcome(reason=reason, turns=3, duration=12.5)
        service.board.known["c1"] = Conversation(id="c1", agent="shop", began=1.0, outcome=outcome)
        answer = await told(service)
        assert answer.state == conversation_pb2.CONVERSATION_STATE_ENDED
        assert answer.ended == output_pb2.Ended(reason=told_as, turns=3, duration_ms=12_500)


async def test_feedback_arrives_as_it_was_given() -> None:
    async with served() as service:
        service.board.known["c1"] = LIVE
        assert await given(service, turn_id=2, rating=RATING_DOWN, correction=" At nine. ", comment="wrong") == "f1"
        assert await given(service, idempotency_key="k2") == "f1"
        assert service.board.feedback == [
            Feedback(conversation="c1", turn=2, rating="down", correction="At nine.", comment="wrong", key="k1"),
            Feedback(conversation="c1", turn=None, rating="up", key="k2"),
        ]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"conversation_id": ""}, "conversation_id"),
        ({"conversation_id": "no spaces"}, "conversation_id"),
        ({"rating": 9}, "rating"),
        ({"rating": 0}, "rating"),
        ({"rating": 0, "comment": "  \n "}, "rating"),
        ({"correction": "x" * 4001}, "correction"),
        ({"comment": "字" * 4001}, "comment"),
        ({"idempotency_key": ""}, "idempotency_key"),
        ({"idempotency_key": "k" * 129}, "idempotency_key"),
        ({"idempotency_key": "a\0b"}, "idempotency_key"),
    ],
)
async def test_feedback_that_cannot_be_taken_names_the_field(wrong: dict[str, Any], field: str) -> None:
    async with served() as service:
        service.board.known["c1"] = LIVE
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await given(service, **wrong)
        assert (refusal(caught.value).code, refusal(caught.value).fields) == (Code.INVALID_ARGUMENT, [field])
        assert service.board.feedback == []


async def test_a_call_that_nobody_knows_is_not_found() -> None:
    async with served() as service:
        for ask in (told(service), given(service)):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await ask
            assert (refusal(caught.value).code, refusal(caught.value).reason) == (
                Code.NOT_FOUND,
                "UNKNOWN_CONVERSATION",
            )


@pytest.mark.parametrize("consents", [False, True])
async def test_consent_comes_with_the_start(consents: bool) -> None:
    async with served() as service:
        caller = Caller(service.channel)
        await caller.start(caller=CallerMessage(training_consent=consents))
        assert service.board.starts[0].caller.training_consent is consents
        await caller.rest()
