"""The contract in JSON."""

import json
from contextlib import suppress

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st

from pipeline.entrances.generated.voicepipe.v1 import input_pb2, output_pb2
from pipeline.entrances.generated.voicepipe.v1.conversation_pb2 import ConverseRequest, ConverseResponse
from pipeline.entrances.webrtc.json_wire import DEPTH, read_json, write_json


def test_both_ways_of_writing_names_are_read() -> None:
    for name in ("toolResult", "tool_result"):
        assert read_json(f'{{"{name}": {{"callId": "7", "error": "no"}}, "seq": 3}}') == ConverseRequest(
            seq=3, tool_result=input_pb2.ToolResult(call_id="7", error="no")
        )


def test_what_is_not_known_is_passed_over() -> None:
    assert read_json('{"text": {"text": "hi", "mood": "good"}, "later": 1}').text.text == "hi"


def test_what_is_written_is_protobuf_json() -> None:
    written = write_json(ConverseResponse(ended=output_pb2.Ended(turns=2, duration_ms=1500)))
    assert json.loads(written) == {"ended": {"turns": 2, "durationMs": "1500"}}


@pytest.mark.parametrize(
    "text",
    ["", "null", "7", "{", '{"text": 7}', '{"text": {"text": "\\ud800"}}', '{"seq": -1}'],
)
def test_what_is_no_message_is_said_to_be_none(text: str) -> None:
    with pytest.raises(DecodeError):
        read_json(text)


def test_a_tower_of_brackets_is_refused() -> None:
    nested = '{"a":' * (DEPTH * 4) + "1" + "}" * (DEPTH * 4)
    with pytest.raises(DecodeError):
        read_json(f'{{"toolResult": {{"result": {nested}}}}}')
    with pytest.raises(DecodeError):
        read_json("[" * 100_000)


@given(st.text())
def test_any_text_is_a_message_or_refused(text: str) -> None:
    with suppress(DecodeError):
        read_json(text)
