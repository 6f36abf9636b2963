"""Reads and writes what goes on with a call over another stream. Pure."""

from dataclasses import dataclass, field, replace

from pipeline.core.errors import EntranceError
from pipeline.core.events import PlaybackKind, PlaybackReported, ReplyId
from pipeline.entrances import fields
from pipeline.entrances.generated.voicepipe.v1 import config_pb2, output_pb2
from pipeline.entrances.generated.voicepipe.v1.conversation_pb2 import ConverseResponse
from pipeline.entrances.statuses import status
from pipeline.entrances.switchboard import AudioForm, CallStart, Encoding
from pipeline.entrances.wire_in import PLAYED_MS

_FIXED = {
    "conversation": "conversation_id",
    "languages": "languages",
    "endpointing": "endpointing",
    "barge_in": "barge_in",
    "digits": "dtmf",
    "caller": "caller",
    "parameters": "parameters",
    "tools": "tools",
}
"""What does not change when a call is resumed, and its name in the contract."""
_ABSENT = CallStart(conversation="", input=AudioForm(Encoding.LINEAR16, 0), output=AudioForm(Encoding.LINEAR16, 0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumption:
    """Which call a stream goes on with, and from where."""

    token: str = field(repr=False)
    seen: int
    """The number of the last message that the client has."""
    played: PlaybackReported | None
    """How far it has played the last reply that it heard."""


def read_resumption(start: config_pb2.ConversationStart) -> Resumption | None:
    """Return what a start goes on with, None for a new call. Raises EntranceError."""
    if not start.resume_token:
        if start.last_seen_seq:
            raise fields.wrong("start.last_seen_seq", "is set; allowed with resume_token only")
        if start.HasField("last_playback"):
            raise fields.wrong("start.last_playback", "is set; allowed with resume_token only")
        return None
    played: PlaybackReported | None = None
    if start.HasField("last_playback"):
        path, event = "start.last_playback", start.last_playback
        played = PlaybackReported(
            reply=ReplyId(fields.number(event.response_id, f"{path}.response_id", 1, 2**32 - 1)),
            kind=PlaybackKind.CLEARED,
            played_ms=fields.number(event.played_ms, f"{path}.played_ms", 0, PLAYED_MS),
        )
    return Resumption(token=start.resume_token, seen=start.last_seen_seq, played=played)


def resumed(wanted: CallStart, call: CallStart) -> CallStart:
    """Return what holds for a call that is resumed by the start ``wanted``. Raises EntranceError."""
    for name, path in _FIXED.items():
        if getattr(wanted, name) not in (getattr(_ABSENT, name), getattr(call, name)):
            raise fields.wrong(f"start.{path}", "differs; allowed with resume_token: absent, or as the call began")
    if not wanted.wants.paced and call.wants.paced:
        raise fields.wrong("start.output.pacing", "differs; allowed with resume_token: absent, or as the call began")
    if wanted.wants.lead not in (None, call.wants.lead):
        raise fields.wrong("start.output.lead_ms", "differs; allowed with resume_token: absent, or as the call began")
    if not call.wants.paced and not wanted.can_clear:
        raise fields.wrong("start.capabilities.can_clear", "is false; the call's pacing is FAST: allowed: true")
    return replace(
        call,
        input=wanted.input,
        output=wanted.output,
        wants=replace(wanted.wants, paced=call.wants.paced, lead=call.wants.lead),
        can_clear=wanted.can_clear,
        reports_playback=wanted.reports_playback,
    )


def check_seen(resumption: Resumption, sent: int) -> None:
    """Return if a client can have seen what it says. Raises EntranceError."""
    fields.number(resumption.seen, "start.last_seen_seq", 0, sent)


def unknown_token() -> EntranceError:
    """Return the error for a token that is not good: whatever the reason, it reads the same."""
    return EntranceError(
        "unknown-token", "the call cannot be resumed: its time is over, or it never was", field="start.resume_token"
    )


def write_resumption(token: str, consumed: int) -> ConverseResponse:
    """Return the news that a call goes on, and what of the client's messages the service has."""
    update = output_pb2.ResumptionUpdate(token=token, resumable=True, last_consumed_seq=consumed)
    return ConverseResponse(resumption_update=update)


def write_missing(messages: int) -> ConverseResponse:
    """Return the news that so many messages cannot be sent again."""
    told = status("entrance", "events-missed", f"{messages} messages were missed and are not kept any more")
    return ConverseResponse(notice=output_pb2.Notice(status=told))
