"""What clients of OpenAI's Realtime API are told."""

from typing import Any

from google.protobuf.struct_pb2 import Struct

from pipeline.entrances.generated.voicepipe.v1 import output_pb2
from pipeline.entrances.statuses import status
from tests.entrances.realtime.client import Client


def turn(client: Client, number: int, words: str) -> None:
    """Let the caller say something."""
    for kind in (
        output_pb2.INPUT_EVENT_KIND_SPEECH_STARTED,
        output_pb2.INPUT_EVENT_KIND_SPEECH_ENDED,
        output_pb2.INPUT_EVENT_KIND_TURN_ENDED,
    ):
        client.hear(input_event={"kind": kind, "turn_id": number, "offset_ms": 1000 * kind})
    client.hear(transcript={"turn_id": number, "text": words, "is_final": True})


def reply(client: Client, number: int, words: str, **done: Any) -> None:
    """Let the agent say something."""
    client.hear(response_started={"response_id": number})
    client.hear(response_text={"response_id": number, "delta": words})
    client.hear(audio={"response_id": number, "data": b"\0\0"})
    client.hear(audio={"response_id": number, "data": b"\0\0"})
    client.hear(response_done={"response_id": number, "text": words, "heard_text": words, **done})


def test_a_client_is_told_of_the_session_first_and_of_the_agent_once_it_has_answered() -> None:
    client = Client("shop")
    assert '"session.created"' in client.dialect.opening()[0]
    client.opened()
    session = client.last("session.updated")["session"]
    assert (session["id"], session["model"], session["type"]) == ("c", "shop", "realtime")
    assert session["tools"][0]["name"] == "weather"
    assert client.last("voicepipe.started")["conversationId"] == "c"


def test_a_turn_is_told_in_openais_order() -> None:
    client = Client().opened()
    client.told.clear()
    turn(client, 1, "Are you open?")
    assert [event["type"] for event in client.told] == [
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        "conversation.item.input_audio_transcription.completed",
    ]
    assert {event.get("item_id", event.get("item", {}).get("id")) for event in client.told} == {"item_t1"}
    assert client.told[0]["audio_start_ms"] == 1000
    client.send("conversation.item.retrieve", item_id="item_t1")
    assert client.last("conversation.item.retrieved")["item"]["content"][0]["transcript"] == "Are you open?"


def test_a_reply_is_told_in_openais_order() -> None:
    client = Client().opened()
    client.told.clear()
    reply(client, 3, "We are.", status=output_pb2.RESPONSE_STATUS_COMPLETED, usage={"prompt_tokens": 5})
    assert [event["type"] for event in client.told] == [
        "response.created",
        "response.output_item.added",
        "conversation.item.added",
        "response.content_part.added",
        "response.output_audio_transcript.delta",
        "output_audio_buffer.started",
        "output_audio_buffer.stopped",
        "response.output_audio.done",
        "response.output_audio_transcript.done",
        "response.content_part.done",
        "response.output_item.done",
        "conversation.item.done",
        "response.done",
        "voicepipe.response_done",
    ]
    response = client.last("response.done")["response"]
    assert (response["status"], response["usage"]["input_tokens"]) == ("completed", 5)
    assert response["output"][0]["content"] == [{"type": "output_audio", "transcript": "We are."}]
    assert len({event["event_id"] for event in client.told}) == len(client.told)


def test_what_the_caller_did_not_hear_is_not_in_the_item() -> None:
    client = Client().opened()
    cut = {"status": output_pb2.RESPONSE_STATUS_BARGE_IN, "heard_ms": 700, "heard_text": "We are"}
    reply(client, 1, "We are open until nine.", **cut)
    response = client.last("response.done")["response"]
    assert (response["status"], response["status_details"]["reason"]) == ("cancelled", "turn_detected")
    truncated = client.last("conversation.item.truncated")
    assert truncated["audio_end_ms"] == 700
    client.send("conversation.item.retrieve", item_id=truncated["item_id"])
    item = client.last("conversation.item.retrieved")["item"]
    assert (item["status"], item["content"][0]["transcript"]) == ("incomplete", "We are")


def test_a_tool_ends_a_response_and_its_result_begins_another() -> None:
    client = Client().opened()
    client.hear(response_started={"response_id": 1})
    client.hear(response_text={"response_id": 1, "delta": "One moment."})
    arguments = Struct()
    arguments.update({"city": "Kiel"})
    client.hear(tool_call={"call_id": "t1", "name": "weather", "arguments": arguments})
    asked = client.last("response.done")["response"]
    assert [item["type"] for item in asked["output"]] == ["message", "function_call"]
    assert asked["output"][1]["arguments"] == '{"city": "Kiel"}'
    assert client.last("response.output_item.done")["item"]["type"] == "message"
    item = {"type": "function_call_output", "call_id": "t1", "output": "grey"}
    assert len(client.send("conversation.item.create", item=item)) == 1
    assert client.send("response.create") == []
    assert all(event["type"] != "error" for event in client.told)
    client.hear(response_text={"response_id": 1, "delta": " It is grey."})
    assert client.last("response.created")["response"]["id"] != asked["id"]
    heard = {"heard_text": "One moment. It is", "status": output_pb2.RESPONSE_STATUS_BARGE_IN}
    client.hear(response_done={"response_id": 1, **heard})
    assert client.last("response.done")["response"]["output"][0]["content"][0]["transcript"] == "It is"


def test_a_typed_turn_is_an_item_once() -> None:
    client = Client().opened()
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello."}]}
    client.send("conversation.item.create", item=item)
    client.told.clear()
    assert client.hear(transcript={"turn_id": 1, "text": "Hello.", "is_final": True}) == []


def test_trouble_names_the_field_and_a_status_that_ends_the_call_is_the_last_event() -> None:
    client = Client().opened()
    refused = status("entrance", "invalid-value", "start.tools is wrong", field="start.tools")
    assert client.hear(notice={"status": refused}) == ["error"]
    assert client.last("error")["error"]["param"] == "start.tools"
    (text,) = client.dialect.farewell(status("dialog", "engine-away", "no model", retryable=True))
    assert '"server_error"' in text
    assert client.dialect.farewell(status("x", "x", "x").__class__()) == []


def test_what_openai_has_no_event_for_is_told_under_our_name() -> None:
    client = Client().opened()
    assert client.hear(going_away={"time_left_ms": 5}) == ["voicepipe.going_away"]
    assert client.hear(transcript={"turn_id": 1, "text": "Are"}) == ["voicepipe.transcript"]
    assert client.hear(ended={"turns": 2}) == ["voicepipe.ended"]


def test_only_the_last_items_are_remembered() -> None:
    client = Client().opened()
    for number in range(1, 300):
        turn(client, number, "words")
    client.send("conversation.item.retrieve", item_id="item_t1")
    assert client.last("error")["error"]["code"] == "unknown_item"
    client.send("conversation.item.retrieve", item_id="item_t299")
    assert client.last("conversation.item.retrieved")["item"]["id"] == "item_t299"
