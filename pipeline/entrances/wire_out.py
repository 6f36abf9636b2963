"""Writes what happens in a call as messages for the client. Pure."""

from pipeline.core.errors import VisionError
from pipeline.core.events import (
    ActionRequested,
    CallEnd,
    CallEnded,
    CallEnding,
    CallEvent,
    DigitsCollected,
    FinalTranscript,
    InputMissing,
    InputProblem,
    PartialTranscript,
    PictureNoted,
    PictureState,
    ReplyEnded,
    ReplyStarted,
    ReplyStatus,
    ReplyStopped,
    SpeechEnded,
    SpeechStarted,
    StageFailed,
    TextDelta,
    ToolRequested,
    ToolsCancelled,
    TurnEnded,
)
from pipeline.entrances.fields import uint32, uint64
from pipeline.entrances.generated.voicepipe.v1 import audio_pb2, output_pb2
from pipeline.entrances.generated.voicepipe.v1.conversation_pb2 import ConverseResponse
from pipeline.entrances.statuses import status
from pipeline.entrances.switchboard import OutputRules
from pipeline.entrances.wire_tools import write_errand
from pipeline.session.line import ReplyAudio

_PROBLEMS = {
    InputProblem.NO_INPUT: output_pb2.INPUT_EVENT_KIND_NO_INPUT,
    InputProblem.NO_MATCH: output_pb2.INPUT_EVENT_KIND_NO_MATCH,
    InputProblem.MAX_SPEECH: output_pb2.INPUT_EVENT_KIND_MAX_SPEECH,
}
_CLEAR_REASONS = {
    ReplyStatus.BARGE_IN: output_pb2.CLEAR_REASON_BARGE_IN,
    ReplyStatus.FAILED: output_pb2.CLEAR_REASON_ERROR,
    ReplyStatus.DEGRADED: output_pb2.CLEAR_REASON_ERROR,
    ReplyStatus.CANCELLED: output_pb2.CLEAR_REASON_CANCELLED,
    ReplyStatus.COMPLETED: output_pb2.CLEAR_REASON_CANCELLED,
}
_STATUSES = {
    ReplyStatus.COMPLETED: output_pb2.RESPONSE_STATUS_COMPLETED,
    ReplyStatus.BARGE_IN: output_pb2.RESPONSE_STATUS_BARGE_IN,
    ReplyStatus.CANCELLED: output_pb2.RESPONSE_STATUS_CANCELLED,
    ReplyStatus.FAILED: output_pb2.RESPONSE_STATUS_FAILED,
    ReplyStatus.DEGRADED: output_pb2.RESPONSE_STATUS_DEGRADED,
}
_PICTURES = {
    PictureState.RECEIVED: output_pb2.PICTURE_STATE_RECEIVED,
    PictureState.READY: output_pb2.PICTURE_STATE_READY,
    PictureState.FAILED: output_pb2.PICTURE_STATE_FAILED,
}
END_REASONS = {
    CallEnd.CLIENT: output_pb2.END_REASON_CLIENT,
    CallEnd.NO_INPUT: output_pb2.END_REASON_NO_INPUT,
    CallEnd.HANGUP: output_pb2.END_REASON_HANGUP,
    CallEnd.MAX_DURATION: output_pb2.END_REASON_MAX_DURATION,
    CallEnd.DRAINING: output_pb2.END_REASON_DRAINING,
    CallEnd.FAILED: output_pb2.END_REASON_FAILED,
}
"""What clients are told of why a call ended."""


def write_event(event: CallEvent, wants: OutputRules) -> ConverseResponse | None:
    """Return the message that tells a client of ``event``; None when it is not told."""
    match event:
        case SpeechStarted() | SpeechEnded() | TurnEnded() | InputMissing() | DigitsCollected():
            return ConverseResponse(input_event=_input_event(event))
        case PartialTranscript() if wants.interim_transcripts:
            interim = output_pb2.Transcript(turn_id=event.turn, text=event.text, language=event.language)
            interim.stability = event.stability
            return ConverseResponse(transcript=interim)
        case FinalTranscript():
            return ConverseResponse(transcript=_final(event))
        case ReplyStarted() | TextDelta() | ReplyStopped() | ReplyEnded():
            return _of_reply(event, wants)
        case PictureNoted():
            return ConverseResponse(picture_noted=_picture(event))
        case ActionRequested() | ToolRequested() | ToolsCancelled():
            return write_errand(event)
        case StageFailed() | CallEnding() | CallEnded():
            return _of_call(event)
        case _:
            return None


def write_audio(audio: ReplyAudio, sound: bytes) -> ConverseResponse:
    """Return a stretch of a reply's sound, which is already encoded."""
    return ConverseResponse(
        audio=audio_pb2.ResponseAudio(
            response_id=audio.reply,
            data=sound,
            offset_ms=uint32(audio.pcm.audio_at * 1000),
            last=audio.last,
            filler=audio.filler,
        )
    )


def write_going_away(
    remaining: float, reason: output_pb2.GoingAwayReason.ValueType = output_pb2.GOING_AWAY_REASON_DRAINING
) -> ConverseResponse:
    """Return the news that the call will be ended in ``remaining`` seconds."""
    return ConverseResponse(going_away=output_pb2.GoingAway(time_left_ms=uint32(remaining * 1000), reason=reason))


def _of_call(event: StageFailed | CallEnding | CallEnded) -> ConverseResponse:
    match event:
        case StageFailed():
            return ConverseResponse(notice=_notice(event))
        case CallEnding():
            return write_going_away(event.remaining, output_pb2.GOING_AWAY_REASON_MAX_DURATION)
        case CallEnded():
            return ConverseResponse(ended=_ended(event))


def _of_reply(
    event: ReplyStarted | TextDelta | ReplyStopped | ReplyEnded, wants: OutputRules
) -> ConverseResponse | None:
    match event:
        case ReplyStarted():
            started = output_pb2.ResponseStarted(
                response_id=event.reply, turn_id=event.turn, barge_in_allowed=event.barge_in_allowed
            )
            return ConverseResponse(response_started=started)
        case TextDelta():
            text = output_pb2.ResponseText(response_id=event.reply, delta=event.text)
            return ConverseResponse(response_text=text) if wants.response_text else None
        case ReplyStopped():
            clear = output_pb2.ClearAudio(response_id=event.reply, reason=_CLEAR_REASONS[event.status])
            return ConverseResponse(clear_audio=clear)
        case ReplyEnded():
            return ConverseResponse(response_done=_done(event, spans=wants.spans))


def _input_event(
    event: SpeechStarted | SpeechEnded | TurnEnded | InputMissing | DigitsCollected,
) -> output_pb2.InputEvent:
    match event:
        case SpeechStarted():
            kind, digits, at = output_pb2.INPUT_EVENT_KIND_SPEECH_STARTED, "", event.audio_at
        case SpeechEnded():
            kind, digits, at = output_pb2.INPUT_EVENT_KIND_SPEECH_ENDED, "", event.audio_at
        case TurnEnded():
            kind, digits, at = output_pb2.INPUT_EVENT_KIND_TURN_ENDED, "", event.audio_at
        case InputMissing():
            kind, digits, at = _PROBLEMS[event.problem], "", 0.0
        case DigitsCollected():
            kind, digits, at = output_pb2.INPUT_EVENT_KIND_DTMF_COLLECTED, event.digits, 0.0
    return output_pb2.InputEvent(kind=kind, turn_id=event.turn, offset_ms=uint64(at * 1000), digits=digits)


def _final(event: FinalTranscript) -> output_pb2.Transcript:
    return output_pb2.Transcript(
        turn_id=event.turn,
        text=event.text,
        is_final=True,
        confidence=event.confidence,
        language=event.language,
        start_ms=uint64(event.audio_start * 1000),
        end_ms=uint64(event.audio_end * 1000),
    )


def _done(event: ReplyEnded, *, spans: bool) -> output_pb2.ResponseDone:
    usage = event.usage
    return output_pb2.ResponseDone(
        response_id=event.reply,
        turn_id=event.turn,
        status=_STATUSES[event.status],
        heard_ms=uint32(event.heard_ms),
        heard_text=event.heard,
        text=event.text,
        usage=output_pb2.Usage(
            prompt_tokens=usage.prompt_tokens, completion_tokens=usage.completion_tokens, model=usage.model
        ),
        spans_ms={name: duration * 1000 for name, duration in event.spans.items()} if spans else {},
        degraded=event.degraded,
        sources=event.sources,
        knowledge_version=event.knowledge,
    )


def _picture(event: PictureNoted) -> output_pb2.PictureNoted:
    noted = output_pb2.PictureNoted(
        media_id=event.media, state=_PICTURES[event.state], note=event.note, took_ms=uint32(event.took * 1000)
    )
    if event.state is PictureState.FAILED:
        noted.problem.CopyFrom(status(VisionError.stage, event.code, event.message))
    return noted


def _notice(event: StageFailed) -> output_pb2.Notice:
    return output_pb2.Notice(
        status=status(event.stage, event.code, event.message, retryable=event.retryable, field=event.field),
        retryable=event.retryable,
        refers_to_seq=event.refers_to,
    )


def _ended(event: CallEnded) -> output_pb2.Ended:
    return output_pb2.Ended(
        reason=END_REASONS[event.reason], turns=event.turns, duration_ms=uint64(event.duration * 1000)
    )
