"""Reads what a client says during a call, sound apart. Pure.

Whatever the message holds, the outcome is an event or an EntranceError that names the field.
"""

import re

from pipeline.core.errors import EntranceError
from pipeline.core.events import (
    CallChanged,
    CallReported,
    ClientEvent,
    ControlKind,
    ControlRequested,
    DigitPressed,
    EndpointingChanged,
    PictureShown,
    PlaybackKind,
    PlaybackReported,
    ReplyId,
    TextTyped,
)
from pipeline.entrances import fields
from pipeline.entrances.fields import Choice
from pipeline.entrances.generated.voicepipe.v1 import config_pb2, conversation_pb2, input_pb2
from pipeline.entrances.wire_start import DIGITS, read_endpointing
from pipeline.entrances.wire_tools import read_tool_result

TEXT_CHARS = 4_000
"""Longest TextInput."""
MEDIA = re.compile(r"[0-9a-f]{32}")
"""The ids that are given to pictures."""
INLINE_BYTES = 256 * 1024
"""Largest picture within the stream: what comes behind it waits for it."""
WANTED_CHARS = 500
MIME_TYPES = ("image/png", "image/jpeg", "image/webp")
PLAYED_MS = 24 * 3_600_000
"""Nobody has listened to one reply for longer than a day."""

_PLAYBACK = Choice(
    input_pb2.PlaybackKind,
    {
        input_pb2.PLAYBACK_KIND_STARTED: PlaybackKind.STARTED,
        input_pb2.PLAYBACK_KIND_COMPLETED: PlaybackKind.COMPLETED,
        input_pb2.PLAYBACK_KIND_CLEARED: PlaybackKind.CLEARED,
    },
)
_SOURCE = Choice(
    input_pb2.DtmfSource,
    {
        input_pb2.DTMF_SOURCE_UNSPECIFIED: None,
        input_pb2.DTMF_SOURCE_OUT_OF_BAND: None,
        input_pb2.DTMF_SOURCE_INBAND_DETECTED: None,
    },
)
_CONTROL = Choice(
    input_pb2.ControlKind,
    {
        input_pb2.CONTROL_KIND_START_INPUT_TIMERS: ControlKind.START_INPUT_TIMERS,
        input_pb2.CONTROL_KIND_COMMIT_INPUT: ControlKind.COMMIT_INPUT,
        input_pb2.CONTROL_KIND_CLEAR_INPUT: ControlKind.CLEAR_INPUT,
        input_pb2.CONTROL_KIND_CANCEL_RESPONSE: ControlKind.CANCEL_RESPONSE,
        input_pb2.CONTROL_KIND_PAUSE: ControlKind.PAUSE,
        input_pb2.CONTROL_KIND_RESUME: ControlKind.RESUME,
        input_pb2.CONTROL_KIND_END: ControlKind.END,
    },
)
_DETAIL = Choice(
    input_pb2.ImageDetail,
    {input_pb2.IMAGE_DETAIL_UNSPECIFIED: None, input_pb2.IMAGE_DETAIL_LOW: None, input_pb2.IMAGE_DETAIL_HIGH: None},
)
_REPORT = Choice(
    input_pb2.CallReportKind,
    {
        input_pb2.CALL_REPORT_KIND_ANSWERED: "answered",
        input_pb2.CALL_REPORT_KIND_HANGUP: "hangup",
        input_pb2.CALL_REPORT_KIND_TRANSFER_OK: "transfer_ok",
        input_pb2.CALL_REPORT_KIND_TRANSFER_FAILED: "transfer_failed",
        input_pb2.CALL_REPORT_KIND_CUSTOM: "custom",
    },
)


def read_request(request: conversation_pb2.ConverseRequest) -> ClientEvent:
    """Return what a message asks for.

    Raises EntranceError: ``invalid-value``, ``not-served``, ``second-start``, ``unknown-message``.
    """
    match request.WhichOneof("event"):
        case "playback":
            return _playback(request.playback)
        case "dtmf":
            return _digit(request.dtmf)
        case "text":
            return _text(request.text)
        case "control":
            return ControlRequested(kind=_CONTROL.read(request.control.kind, "control.kind"))
        case "call_report":
            return _report(request.call_report)
        case "reconfigure":
            return _reconfigure(request.reconfigure)
        case "start":
            raise EntranceError("second-start", "start was sent before; the call goes on as it was", field="start")
        case "image":
            return _image(request.image, request.seq)
        case "tool_result":
            return read_tool_result(request.tool_result)
        case _:
            raise EntranceError("unknown-message", "event is empty, or newer than this server", field="event")


def _playback(event: input_pb2.PlaybackEvent) -> PlaybackReported:
    if event.kind == input_pb2.PLAYBACK_KIND_MARK:
        raise fields.not_served("playback.kind", "no Mark is sent yet")
    return PlaybackReported(
        reply=ReplyId(fields.number(event.response_id, "playback.response_id", 1, 2**32 - 1)),
        kind=_PLAYBACK.read(event.kind, "playback.kind"),
        played_ms=fields.number(event.played_ms, "playback.played_ms", 0, PLAYED_MS),
    )


def _digit(key: input_pb2.DtmfInput) -> DigitPressed:
    if len(key.digit) != 1 or key.digit not in DIGITS:
        raise fields.wrong("dtmf.digit", f"is malformed; allowed: exactly one of {DIGITS}")
    _SOURCE.read(key.source, "dtmf.source")
    return DigitPressed(digit=key.digit)


def _text(typed: input_pb2.TextInput) -> TextTyped:
    if typed.HasField("end_of_turn") and not typed.end_of_turn:
        raise fields.not_served("text.end_of_turn", "send the whole turn at once")
    text = typed.text.strip()
    if not 1 <= len(text) <= TEXT_CHARS:
        raise fields.wrong("text.text", f"has {len(text)} characters; allowed: 1 to {TEXT_CHARS}")
    if not all(letter.isprintable() or letter.isspace() for letter in text):
        raise fields.wrong("text.text", "holds control characters; allowed: printable ones and white space")
    return TextTyped(text=text, language=fields.language(typed.language, "text.language") if typed.language else "")


def _image(image: input_pb2.ImageInput, seq: int) -> PictureShown:
    source = image.WhichOneof("source")
    if source is None:
        raise fields.wrong("image", "has no source; allowed: media_id, or inline")
    if source == "media_id" and not MEDIA.fullmatch(image.media_id):
        raise fields.wrong("image.media_id", "is malformed; allowed: one that UploadMedia gave")
    if source == "inline" and not 1 <= len(image.inline) <= INLINE_BYTES:
        limit = f"1 to {INLINE_BYTES}; larger ones by UploadMedia"
        raise fields.wrong("image.inline", f"has {len(image.inline)} bytes; allowed: {limit}")
    if image.mime_type and image.mime_type not in MIME_TYPES:
        raise fields.wrong("image.mime_type", f"is malformed; allowed: {', '.join(MIME_TYPES)}")
    _DETAIL.read(image.detail, "image.detail")
    wanted = fields.line_of_text(image.prompt, "image.prompt", WANTED_CHARS)
    return PictureShown(media=image.media_id, inline=image.inline, wanted=wanted, refers_to=seq)


def _report(report: input_pb2.CallReport) -> CallReported:
    return CallReported(
        kind=_REPORT.read(report.kind, "call_report.kind"),
        attributes=fields.attributes(report.attributes, "call_report.attributes"),
    )


def _reconfigure(wanted: config_pb2.Reconfigure) -> CallChanged:
    fields.refuse_unserved(wanted, "reconfigure", ("barge_in", "dtmf"))
    endpointing = read_endpointing(wanted.endpointing, "reconfigure.endpointing")
    named = wanted.HasField("language")
    language = fields.language(wanted.language, "reconfigure.language") if named else ""
    if endpointing == EndpointingChanged() and not named:
        raise fields.wrong("reconfigure", "changes nothing; allowed: language, or endpointing with at least one value")
    return CallChanged(endpointing=endpointing, language=language.partition("-")[0].lower())
