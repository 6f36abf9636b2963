"""What clients of OpenAI's Realtime API send, and what it means."""

import base64
import json
from typing import Any

import pytest
from google.protobuf import json_format
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as some

from pipeline.entrances.generated.voicepipe.v1 import config_pb2, input_pb2
from tests.entrances.realtime.client import SESSION, TOOL, Client


def user(*parts: Any) -> dict[str, Any]:
    return {"type": "message", "role": "user", "content": list(parts)}


def text(words: str) -> dict[str, Any]:
    return {"type": "input_text", "text": words}


def test_the_first_session_is_the_start_of_the_call() -> None:
    (request,) = Client("shop").send("session.update", session=SESSION)
    start = request.start
    assert (start.agent_id, list(start.languages)) == ("shop", ["en"])
    assert (start.endpointing.speech_complete_ms, start.endpointing.no_input_ms) == (400, 6000)
    assert json_format.MessageToDict(start.parameters) == {"instructions": "You are a pirate."}
    assert [tool.name for tool in start.tools] == ["weather"]
    assert json_format.MessageToDict(start.tools[0].parameters) == {"type": "object"}


def test_a_prompt_names_the_agent() -> None:
    (request,) = Client("shop").send("session.update", session={"prompt": {"id": "bakery"}})
    assert request.start.agent_id == "bakery"


def test_who_will_not_be_interrupted_is_not() -> None:
    session = {"audio": {"input": {"turn_detection": {"interrupt_response": False}}}}
    (request,) = Client().send("session.update", session=session)
    assert request.start.barge_in.mode == config_pb2.BARGE_IN_MODE_NONE


@pytest.mark.parametrize(
    ("session", "field"),
    [
        ({"audio": {"input": {"turn_detection": None}}}, "session.audio.input.turn_detection"),
        ({"output_modalities": ["text"]}, "session.output_modalities"),
    ],
)
def test_what_changes_nothing_is_said_and_the_call_begins(session: Any, field: str) -> None:
    client = Client()
    assert [one.WhichOneof("event") for one in client.send("session.update", session=session)] == ["start"]
    assert client.last("error")["error"]["param"] == field


def test_a_tool_that_is_no_function_is_named_and_no_call_begins() -> None:
    client = Client()
    assert client.send("session.update", session={"tools": [TOOL, {"type": "mcp"}]}) == []
    assert client.last("error")["error"]["param"] == "session.tools[1]"
    assert len(client.send("session.update", session={"tools": [TOOL]})) == 1


def test_a_later_session_changes_the_turns_and_nothing_else() -> None:
    client = Client().opened()
    turns = {"audio": {"input": {"turn_detection": {"silence_duration_ms": 99_999}}}}
    (request,) = client.send("session.update", session=turns)
    assert request.reconfigure.endpointing.speech_complete_ms == 5000
    assert client.last("session.updated")["session"]["id"] == "c"
    assert client.send("session.update", session={"tracing": "auto"}) == []
    assert client.send("session.update", session={"tools": []}, event_id="e7") == []
    refused = client.last("error")["error"]
    assert (refused["param"], refused["code"]) == ("session.tools", "not_served")


def test_what_is_written_is_answered_when_a_response_is_wanted() -> None:
    client = Client().opened()
    assert client.send("conversation.item.create", item=user(text("Hello."))) == []
    assert client.send("conversation.item.create", item=user(text("Are you open?"))) == []
    (request,) = client.send("response.create")
    assert request.text.text == "Hello.\nAre you open?"
    added = client.last("conversation.item.added")
    assert added["item"]["content"] == [text("Are you open?")]
    assert added["previous_item_id"] == client.told[-4]["item"]["id"]


def test_a_response_to_nothing_is_refused_by_its_id() -> None:
    client = Client().opened()
    assert client.send("response.create", event_id="agents_1") == []
    assert client.last("error")["error"]["event_id"] == "agents_1"


def test_a_picture_travels_with_the_words() -> None:
    client = Client().opened()
    url = "data:image/png;base64," + base64.b64encode(b"\x89PNG").decode()
    picture = {"type": "input_image", "image_url": url}
    (image,) = client.send("conversation.item.create", item=user(text("What is this?"), picture))
    assert (image.image.inline, image.image.mime_type) == (b"\x89PNG", "image/png")
    (request,) = client.send("response.create")
    assert request.text.text == "What is this?"


@pytest.mark.parametrize(
    "url", ["https://example.com/a.png", "data:image/png;base64,###", "data:text/html;base64,AA=="]
)
def test_a_picture_from_elsewhere_is_not_fetched(url: str) -> None:
    client = Client().opened()
    assert client.send("conversation.item.create", item=user({"type": "input_image", "image_url": url})) == []
    assert client.last("error")["error"]["param"] == "item.content[0].image_url"


def test_a_tools_result_is_handed_over_as_it_is() -> None:
    client = Client().opened()
    for output, result in (
        ('{"sky": "grey"}', {"sky": "grey"}),
        ("grey", {"output": "grey"}),
        ("[1]", {"output": [1.0]}),
    ):
        item = {"type": "function_call_output", "call_id": "t1", "output": output}
        (request,) = client.send("conversation.item.create", item=item)
        assert request.tool_result.call_id == "t1"
        assert json_format.MessageToDict(request.tool_result.result) == result


@pytest.mark.parametrize(
    ("kind", "control"),
    [
        ("input_audio_buffer.commit", input_pb2.CONTROL_KIND_COMMIT_INPUT),
        ("input_audio_buffer.clear", input_pb2.CONTROL_KIND_CLEAR_INPUT),
        ("response.cancel", input_pb2.CONTROL_KIND_CANCEL_RESPONSE),
        ("output_audio_buffer.clear", input_pb2.CONTROL_KIND_CANCEL_RESPONSE),
    ],
)
def test_orders_are_those_of_the_contract(kind: str, control: int) -> None:
    (request,) = Client().opened().send(kind)
    assert request.control.kind == control


def test_what_was_cut_short_is_told_by_its_item() -> None:
    client = Client().opened()
    client.hear(response_started={"response_id": 4})
    item = client.last("response.output_item.added")["item"]["id"]
    cut, cancel = client.send("conversation.item.truncate", item_id=item, content_index=0, audio_end_ms=1200)
    assert (cut.playback.response_id, cut.playback.played_ms) == (4, 1200)
    assert cancel.control.kind == input_pb2.CONTROL_KIND_CANCEL_RESPONSE
    assert client.send("conversation.item.truncate", item_id="item_x", audio_end_ms=1) == []


def test_what_openai_has_no_event_for_is_said_in_the_contracts_words() -> None:
    client = Client().opened()
    (request,) = client.say({"dtmf": {"digit": "5"}})
    assert request.dtmf.digit == "5"
    assert client.say({"dtmf": 5}) == []
    assert client.last("error")["error"]["code"] == "unknown_message"


def test_an_unknown_event_is_told_what_is_served() -> None:
    client = Client().opened()
    assert client.send("transcription_session.update", event_id="e1") == []
    error = client.last("error")["error"]
    assert (error["param"], error["event_id"]) == ("type", "e1")
    assert "session.update" in error["message"]


def test_what_is_written_is_bounded() -> None:
    client = Client().opened()
    client.send("conversation.item.create", item=user(text("a" * 3000)))
    assert client.send("conversation.item.create", item=user(text("b" * 1001))) == []
    assert client.last("error")["error"]["param"] == "item.content"
    (request,) = client.send("response.create")
    assert request.text.text == "a" * 3000


@pytest.mark.parametrize("broken", ["", "nothing", "[]", "[" * 100_000, '{"type": "\\ud800"}'])
def test_what_is_no_message_is_refused(broken: str) -> None:
    with pytest.raises(DecodeError):
        Client().dialect.take(broken)


KINDS = some.sampled_from(
    [
        "session.update",
        "conversation.item.create",
        "conversation.item.retrieve",
        "conversation.item.truncate",
        "response.create",
    ]
)
NAMES = some.sampled_from(
    sorted(
        {
            "session",
            "item",
            "type",
            "role",
            "content",
            "text",
            "image_url",
            "tools",
            "name",
            "description",
            "parameters",
        }
        | {"audio", "input", "turn_detection", "silence_duration_ms", "idle_timeout_ms", "call_id", "output", "item_id"}
        | {"audio_end_ms", "id", "prompt", "instructions", "transcription", "language", "output_modalities"}
    )
)
JSON = some.recursive(
    some.none() | some.booleans() | some.floats() | some.integers() | some.text(),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


@given(KINDS, some.dictionaries(NAMES, JSON, max_size=4))
def test_whatever_a_client_sends_is_taken_or_told_as_an_error(kind: str, fields: dict[str, Any]) -> None:
    client = Client()
    told = json.dumps({**fields, "type": kind})
    requests, texts = client.dialect.take(told)
    for request in requests:
        request.SerializeToString()
    for one in texts:
        json.loads(one)
