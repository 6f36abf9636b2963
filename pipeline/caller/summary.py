"""Reports out of what was logged, said and heard. Pure."""

from dataclasses import dataclass

from grpc import StatusCode

from pipeline.caller.log import CallLog, HeardReply, HeardTurn
from pipeline.caller.microphone import Microphone, Spoken
from pipeline.caller.report import CallReport, EndReport, PromptReport, Recording, TurnReport
from pipeline.caller.speaker import Speaker, first_audible_at, stalled
from pipeline.core.latency import SPANS
from pipeline.entrances.generated.voicepipe.v1 import output_pb2


@dataclass(frozen=True, slots=True)
class Ears:
    """What was said and heard at the telephone, and when."""

    microphone: Microphone
    speaker: Speaker
    began_at: float
    """When the first sample of the caller's line was captured, on the clock of ``speaker``."""
    until: float


def call_report(log: CallLog, ears: Ears, status: StatusCode) -> CallReport:
    """Return what the call was like."""
    prompts = [reply for reply in log.replies.values() if reply.turn is None]
    ended = log.ended and EndReport(
        reason=output_pb2.EndReason.Name(log.ended.reason).removeprefix("END_REASON_").lower(),
        status=status.name,
        turns=log.ended.turns,
        duration_ms=log.ended.duration_ms,
    )
    return CallReport(
        call_id=log.started.conversation_id if log.started else "",
        turns=tuple(_turn_report(log, turn, ears) for _, turn in sorted(log.turns.items())),
        prompts=tuple(_prompt_report(reply) for reply in prompts),
        notices=tuple(log.notices),
        ended=ended,
        recording=Recording(
            caller=ears.microphone.recording(), service=ears.speaker.recording(ears.began_at, ears.until)
        ),
    )


def reply_report(log: CallLog, reply: HeardReply, ears: Ears) -> TurnReport | PromptReport:
    """Return the report of a reply that is over: of its turn, or of the prompt that it was."""
    if reply.turn is None:
        return _prompt_report(reply)
    return _turn_report(log, log.turns[reply.turn], ears)


def _prompt_report(reply: HeardReply) -> PromptReport:
    done = reply.done or output_pb2.ResponseDone(text=reply.text)
    return PromptReport(text=done.text, heard=done.heard_text, heard_ms=done.heard_ms, status=_status(reply))


def _turn_report(log: CallLog, turn: HeardTurn, ears: Ears) -> TurnReport:
    reply = log.replies[turn.reply] if turn.reply is not None else HeardReply(0, turn.number)
    done = reply.done or output_pb2.ResponseDone(text=reply.text)
    transcript = turn.transcript or output_pb2.Transcript()
    said = _said(ears.microphone, turn)
    return TurnReport(
        turn=turn.number,
        utterance=said.name if said else "",
        transcript=transcript.text,
        language=transcript.language,
        reply=done.text,
        heard=done.heard_text,
        heard_ms=done.heard_ms,
        status=_status(reply) if turn.reply is not None else "none",
        gap_ms=_gap_ms(reply, said, ears),
        filler_ms=_gap_ms(reply, said, ears, filler=True),
        stalled_ms=round(stalled(ears.speaker.stretches(reply.number)) * 1000, 1),
        spans={name: round(done.spans_ms[name], 1) for name in SPANS if name in done.spans_ms},
    )


def _said(microphone: Microphone, turn: HeardTurn) -> Spoken | None:
    """Return what the caller was saying when the turn ended."""
    begun = [spoken for spoken in microphone.spoken if turn.ended_at is None or spoken.begins_at <= turn.ended_at]
    return begun[-1] if begun else None


def _gap_ms(reply: HeardReply, said: Spoken | None, ears: Ears, *, filler: bool = False) -> float | None:
    heard_at = first_audible_at(ears.speaker.stretches(reply.number, filler=filler))
    if heard_at is None or said is None:
        return None
    return round((heard_at - ears.began_at - said.ends_at) * 1000, 1)


def _status(reply: HeardReply) -> str:
    """Return how a reply ended; ``none`` while it has not."""
    if reply.done is None:
        return "none"
    return output_pb2.ResponseStatus.Name(reply.done.status).removeprefix("RESPONSE_STATUS_").lower()
