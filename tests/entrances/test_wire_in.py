from typing import Any

import pytest

from pipeline.core.errors import EntranceError
from pipeline.core.events import (
    CallChanged,
    CallReported,
    ClientEvent,
    ControlKind,
    ControlRequested,
    DigitPressed,
    EndpointingChanged,
    PlaybackKind,
    PlaybackReported,
    ReplyId,
    TextTyped,
)
from pipeline.entrances.generated.voicepipe.v1 import input_pb2
from pipeline.entrances.generated.voicepipe.v1.config_pb2 import (
    BargeInConfig,
    ConversationStart,
    EndpointingConfig,
    Reconfigure,
)
from pipeline.entrances.generated.voicepipe.v1.conversation_pb2 import ConverseRequest
from pipeline.entrances.generated.voicepipe.v1.input_pb2 import (
    CallReport,
    Control,
    DtmfInput,
    ImageInput,
    PlaybackEvent,
    TextInput,
    ToolResult,
)
from pipeline.entrances.wire_in import read_request

READ: list[tuple[dict[str, Any], ClientEvent]] = [
    (
        {"playback": PlaybackEvent(response_id=3, kind=input_pb2.PLAYBACK_KIND_CLEARED, played_ms=640)},
        PlaybackReported(reply=ReplyId(3), kind=PlaybackKind.CLEARED, played_ms=640),
    ),
    ({"dtmf": DtmfInput(digit="#", source=input_pb2.DTMF_SOURCE_INBAND_DETECTED)}, DigitPressed(digit="#")),
    ({"text": TextInput(text="  two\nlines ", language="de")}, TextTyped(text="two\nlines", language="de")),
    ({"text": TextInput(text="x", end_of_turn=True)}, TextTyped(text="x", language="")),
    *(
        (
            {"control": Control(kind=input_pb2.ControlKind.Value(f"CONTROL_KIND_{kind.name}"))},
            ControlRequested(kind=kind),
        )
        for kind in ControlKind
    ),
    (
        {"call_report": CallReport(kind=input_pb2.CALL_REPORT_KIND_HANGUP, attributes={"cause": "16"})},
        CallReported(kind="hangup", attributes={"cause": "16"}),
    ),
    (
        {"reconfigure": Reconfigure(endpointing=EndpointingConfig(speech_complete_ms=800))},
        CallChanged(endpointing=EndpointingChanged(min_silence=0.8)),
    ),
    ({"reconfigure": Reconfigure(language="zh-CN")}, CallChanged(language="zh")),
]


@pytest.mark.parametrize(("event", "read"), READ)
def test_every_message_that_is_served_is_read(event: dict[str, Any], read: ClientEvent) -> None:
    assert read_request(ConverseRequest(**event)) == read


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({}, "event", "unknown-message"),
    ({"start": ConversationStart()}, "start", "second-start"),
    ({"image": ImageInput()}, "image", "invalid-value"),
    ({"image": ImageInput(media_id="m")}, "image.media_id", "invalid-value"),
    ({"image": ImageInput(inline=b"")}, "image.inline", "invalid-value"),
    ({"image": ImageInput(inline=bytes(256 * 1024 + 1))}, "image.inline", "invalid-value"),
    ({"image": ImageInput(inline=b"x", mime_type="image/gif")}, "image.mime_type", "invalid-value"),
    ({"image": ImageInput(inline=b"x", prompt="x" * 501)}, "image.prompt", "invalid-value"),
    ({"image": ImageInput(inline=b"x", detail=9)}, "image.detail", "invalid-value"),  # type: ignore[arg-type]
    ({"tool_result": ToolResult(call_id="c")}, "tool_result.outcome", "invalid-value"),
    ({"tool_result": ToolResult(call_id="c", error="x" * 501)}, "tool_result.error", "invalid-value"),
    ({"playback": PlaybackEvent(kind=input_pb2.PLAYBACK_KIND_STARTED)}, "playback.response_id", "invalid-value"),
    ({"playback": PlaybackEvent(response_id=1)}, "playback.kind", "invalid-value"),
    ({"playback": PlaybackEvent(response_id=1, kind=input_pb2.PLAYBACK_KIND_MARK)}, "playback.kind", "not-served"),
    (
        {"playback": PlaybackEvent(response_id=1, kind=input_pb2.PLAYBACK_KIND_STARTED, played_ms=2**32 - 1)},
        "playback.played_ms",
        "invalid-value",
    ),
    ({"dtmf": DtmfInput(digit="12")}, "dtmf.digit", "invalid-value"),
    ({"dtmf": DtmfInput(digit="")}, "dtmf.digit", "invalid-value"),
    ({"dtmf": DtmfInput(digit="E")}, "dtmf.digit", "invalid-value"),
    ({"dtmf": DtmfInput(digit="1", source=5)}, "dtmf.source", "invalid-value"),  # type: ignore[arg-type]
    ({"text": TextInput(text=" ")}, "text.text", "invalid-value"),
    ({"text": TextInput(text="x" * 4_001)}, "text.text", "invalid-value"),
    ({"text": TextInput(text="a\x00b")}, "text.text", "invalid-value"),
    ({"text": TextInput(text="a", language="-")}, "text.language", "invalid-value"),
    ({"text": TextInput(text="a", end_of_turn=False)}, "text.end_of_turn", "not-served"),
    ({"control": Control()}, "control.kind", "invalid-value"),
    ({"control": Control(kind=77)}, "control.kind", "invalid-value"),  # type: ignore[arg-type]
    ({"call_report": CallReport()}, "call_report.kind", "invalid-value"),
    (
        {"call_report": CallReport(kind=input_pb2.CALL_REPORT_KIND_CUSTOM, attributes={"a": "\x1b"})},
        "call_report.attributes",
        "invalid-value",
    ),
    ({"reconfigure": Reconfigure()}, "reconfigure", "invalid-value"),
    ({"reconfigure": Reconfigure(barge_in=BargeInConfig())}, "reconfigure.barge_in", "not-served"),
    ({"reconfigure": Reconfigure(language="")}, "reconfigure.language", "invalid-value"),
    (
        {"reconfigure": Reconfigure(endpointing=EndpointingConfig(no_input_ms=1))},
        "reconfigure.endpointing.no_input_ms",
        "invalid-value",
    ),
]


@pytest.mark.parametrize(("event", "field", "code"), REFUSED)
def test_what_cannot_be_taken_is_refused_by_its_field(event: dict[str, Any], field: str, code: str) -> None:
    with pytest.raises(EntranceError) as caught:
        read_request(ConverseRequest(**event))
    assert (caught.value.field, caught.value.code) == (field, code)
