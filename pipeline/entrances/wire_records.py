"""Reads and writes what is asked about calls beside their streams: their outcome, and feedback on them. Pure."""

from google.protobuf.timestamp_pb2 import Timestamp

from pipeline.core.events import CallEnd
from pipeline.entrances import fields
from pipeline.entrances.fields import Choice, uint32, uint64
from pipeline.entrances.generated.voicepipe.v1 import conversation_pb2, output_pb2
from pipeline.entrances.switchboard import Conversation, CutOff
from pipeline.entrances.wire_out import END_REASONS
from pipeline.entrances.wire_start import CONVERSATION
from pipeline.store.rows import Feedback

TEXT_CHARS = 4000
"""Longest correction or comment."""
KEY_CHARS = 128

_RATING = Choice(
    conversation_pb2.Rating,
    {
        conversation_pb2.RATING_UNSPECIFIED: "",
        conversation_pb2.RATING_UP: "up",
        conversation_pb2.RATING_DOWN: "down",
    },
)
_CUT_OFF = {
    CutOff.VANISHED: output_pb2.END_REASON_CLIENT_LOST,
    CutOff.STALLED: output_pb2.END_REASON_CLIENT_LOST,
    CutOff.DRAINING: output_pb2.END_REASON_DRAINING,
}


def read_id(value: str) -> str:
    """Return the id of a call. Raises EntranceError."""
    if not CONVERSATION.fullmatch(value):
        raise fields.wrong("conversation_id", f"is malformed; allowed: {CONVERSATION.pattern}")
    return value


def read_feedback(request: conversation_pb2.SubmitFeedbackRequest) -> Feedback:
    """Return a feedback, checked. Raises EntranceError."""
    key = fields.line_of_text(request.idempotency_key, "idempotency_key", KEY_CHARS)
    if not key:
        raise fields.wrong("idempotency_key", f"is empty; allowed: 1 to {KEY_CHARS} characters")
    rating = _RATING.read(request.rating, "rating")
    correction, comment = _text(request.correction, "correction"), _text(request.comment, "comment")
    if not (rating or correction or comment):
        raise fields.wrong("rating", "is RATING_UNSPECIFIED; allowed without correction and comment: UP, DOWN")
    return Feedback(
        conversation=read_id(request.conversation_id),
        turn=request.turn_id if request.HasField("turn_id") else None,
        rating=rating,
        correction=correction,
        comment=comment,
        key=key,
    )


def write_conversation(conversation: Conversation, *, waits: bool) -> conversation_pb2.GetConversationResponse:
    """Return the state or the outcome of a call; ``waits``: its client is lost, and may come back."""
    began = Timestamp()
    began.FromMilliseconds(round(conversation.began * 1000))
    response = conversation_pb2.GetConversationResponse(
        conversation_id=conversation.id,
        agent_id=conversation.agent,
        state=conversation_pb2.CONVERSATION_STATE_RESUMABLE if waits else conversation_pb2.CONVERSATION_STATE_LIVE,
        start_time=began,
    )
    outcome = conversation.outcome
    if outcome is not None:
        reason = END_REASONS[outcome.reason] if isinstance(outcome.reason, CallEnd) else _CUT_OFF[outcome.reason]
        ended = output_pb2.Ended(
            reason=reason, turns=uint32(outcome.turns), duration_ms=uint64(outcome.duration * 1000)
        )
        response.state = conversation_pb2.CONVERSATION_STATE_ENDED
        response.ended.CopyFrom(ended)
    return response


def _text(value: str, field: str) -> str:
    if len(value) > TEXT_CHARS:
        raise fields.wrong(field, f"has {len(value)} characters; allowed: {TEXT_CHARS}")
    return value.strip()
