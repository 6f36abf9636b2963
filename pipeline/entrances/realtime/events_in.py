"""ClientEvents: what OpenAI's clients send, as messages of the contract. Pure."""

import base64
import binascii
import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from pipeline.core.errors import EntranceError
from pipeline.entrances.generated.voicepipe.v1.conversation_pb2 import ConverseRequest
from pipeline.entrances.generated.voicepipe.v1.input_pb2 import (
    CONTROL_KIND_CANCEL_RESPONSE,
    CONTROL_KIND_CLEAR_INPUT,
    CONTROL_KIND_COMMIT_INPUT,
    PLAYBACK_KIND_CLEARED,
    Control,
    ControlKind,
    ImageInput,
    PlaybackEvent,
    TextInput,
    ToolResult,
)
from pipeline.entrances.realtime import session as sessions
from pipeline.entrances.realtime.items import Event, Items, error, message
from pipeline.entrances.realtime.replies import Replies
from pipeline.entrances.wire_in import TEXT_CHARS

ID_CHARS = 128

Taken = tuple[list[ConverseRequest], list[Event]]
"""What a client's event means, and what it is told at once."""


class ClientEvents:
    """One client's events, in their order."""

    def __init__(self, agent: str, items: Items, replies: Replies) -> None:
        """``agent`` answers where the client names none; items and replies are shared with what the client is told."""
        self._agent = agent
        self._items = items
        self._replies = replies
        self._session: Event | None = None
        self._texts: list[str] = []
        """What was written and waits for a ``response.create``."""
        self._handlers: dict[str, Callable[[Event], Taken]] = {
            "session.update": self._update,
            "input_audio_buffer.commit": lambda _: _control(CONTROL_KIND_COMMIT_INPUT),
            "input_audio_buffer.clear": self._clear_input,
            "output_audio_buffer.clear": lambda _: _control(CONTROL_KIND_CANCEL_RESPONSE),
            "response.cancel": lambda _: _control(CONTROL_KIND_CANCEL_RESPONSE),
            "response.create": self._create_response,
            "conversation.item.create": self._create_item,
            "conversation.item.retrieve": self._retrieve,
            "conversation.item.truncate": self._truncate,
        }

    @property
    def session(self) -> Event:
        """The session as the client asked for it last."""
        return self._session or {}

    def take(self, event: Event) -> Taken:
        """Return what an event means. What cannot be taken is told as an error, and nothing else of it is done."""
        kind = event.get("type")
        handler = self._handlers.get(kind) if isinstance(kind, str) else None
        cause = str(event.get("event_id") or "")
        if handler is None:
            known = ", ".join(sorted(self._handlers))
            return [], [
                error("unknown_event", f"type is none that is served; served: {known}", param="type", cause=cause)
            ]
        try:
            return handler(event)
        except EntranceError as refusal:
            return [], [error(refusal.code.replace("-", "_"), str(refusal), param=refusal.field, cause=cause)]

    def _update(self, event: Event) -> Taken:
        session = event.get("session")
        if not isinstance(session, dict):
            raise EntranceError("invalid-value", "session is no object", field="session")
        told = [error("not_served", f"{field}: {why}", param=field) for field, why in sessions.not_taken(session)]
        if self._session is None:
            start = sessions.read_session(session, self._agent)
            self._session = sessions.kept(session)
            return [ConverseRequest(start=start)], told
        if "tools" in session and session["tools"] != self._session.get("tools", []):
            raise EntranceError("not-served", "session.tools cannot change in a call", field="session.tools")
        self._session = {**self._session, **sessions.kept(session)}
        told.append({"type": "session.updated", "session": self._replies.session(self._session)})
        turns = sessions.read_turns(session)
        if turns is None:
            return [], told
        request = ConverseRequest()
        request.reconfigure.endpointing.CopyFrom(turns)
        return [request], told

    def _clear_input(self, _event: Event) -> Taken:
        return _control(CONTROL_KIND_CLEAR_INPUT)[0], [{"type": "input_audio_buffer.cleared"}]

    def _create_response(self, _event: Event) -> Taken:
        if self._texts:
            text, self._texts = "\n".join(self._texts), []
            return [ConverseRequest(text=TextInput(text=text))], []
        if self._replies.goes_on:  # a tool's result was given: the reply that asked for it speaks of it
            return [], []
        raise EntranceError("invalid-value", "there is nothing to answer: say or write something first", field="type")

    def _create_item(self, event: Event) -> Taken:
        item = event.get("item")
        if not isinstance(item, dict):
            raise EntranceError("invalid-value", "item is no object", field="item")
        if item.get("type") == "function_call_output":
            return self._tool_result(item)
        if item.get("type") != "message" or item.get("role") not in {"user", "system"}:
            allowed = "a message of the user or the system, and function_call_output"
            raise EntranceError("not-served", f"item.type; allowed: {allowed}", field="item.type")
        content = item.get("content")
        if not isinstance(content, list):
            raise EntranceError("invalid-value", "item.content is no list", field="item.content")
        parts = [_part(part, f"item.content[{index}]") for index, part in enumerate(content)]
        texts = [part for part in parts if isinstance(part, str)]
        if sum(map(len, (*self._texts, *texts))) > TEXT_CHARS:
            wrong = f"more than {TEXT_CHARS} characters wait for an answer"
            raise EntranceError("invalid-value", f"item.content: {wrong}", field="item.content")
        self._texts += texts
        number = str(item.get("id") or f"item_{uuid4().hex}")[:ID_CHARS]
        shown = message(number, item["role"], "completed", *({"type": "input_text", "text": text} for text in texts))
        told = [self._items.add(shown), self._items.done(shown)]
        return [ConverseRequest(image=part) for part in parts if isinstance(part, ImageInput)], told

    def _tool_result(self, item: Event) -> Taken:
        call, output = item.get("call_id"), item.get("output")
        if not isinstance(call, str) or not isinstance(output, str):
            raise EntranceError("invalid-value", "item.call_id and item.output are texts", field="item")
        try:
            parsed = json.loads(output)
        except ValueError:
            parsed = output
        result = ToolResult(call_id=call)
        try:
            result.result.update(parsed if isinstance(parsed, dict) else {"output": parsed})
        except (ValueError, TypeError, RecursionError) as broken:
            raise EntranceError("invalid-value", "item.output holds what JSON cannot", field="item.output") from broken
        return [ConverseRequest(tool_result=result)], []

    def _retrieve(self, event: Event) -> Taken:
        item = self._items.get(str(event.get("item_id")))
        if item is None:
            raise EntranceError("unknown-item", "there is no such item, or none any more", field="item_id")
        return [], [{"type": "conversation.item.retrieved", "item": item}]

    def _truncate(self, event: Event) -> Taken:
        reply = self._replies.number_of(str(event.get("item_id")))
        heard = event.get("audio_end_ms")
        if reply is None:
            raise EntranceError("unknown-item", "item_id is no reply that is being played", field="item_id")
        if not isinstance(heard, int) or not 0 <= heard < 2**32:
            raise EntranceError("invalid-value", "audio_end_ms is a number of milliseconds", field="audio_end_ms")
        cleared = PlaybackEvent(response_id=reply, kind=PLAYBACK_KIND_CLEARED, played_ms=heard)
        return [ConverseRequest(playback=cleared), *_control(CONTROL_KIND_CANCEL_RESPONSE)[0]], []


def _control(kind: ControlKind.ValueType) -> Taken:
    return [ConverseRequest(control=Control(kind=kind))], []


def _part(part: Any, place: str) -> str | ImageInput:
    """Return a part of a message: text, or a picture. Raises EntranceError."""
    kind = part.get("type") if isinstance(part, dict) else None
    if kind in {"input_text", "text"} and isinstance(part.get("text"), str):
        return str(part["text"])
    if kind == "input_image" and isinstance(part.get("image_url"), str):
        return _image(part["image_url"], f"{place}.image_url")
    raise EntranceError("not-served", f"{place}.type; allowed: input_text, input_image", field=f"{place}.type")


def _image(url: str, place: str) -> ImageInput:
    """Return the picture of a data URL. Raises EntranceError: nothing is fetched from anywhere."""
    head, _, content = url.partition(",")
    kind, _, coding = head.removeprefix("data:").partition(";")
    if not head.startswith("data:image/") or coding != "base64":
        raise EntranceError("invalid-value", f"{place}; allowed: data:image/...;base64,...", field=place)
    try:
        return ImageInput(inline=base64.b64decode(content, validate=True), mime_type=kind)
    except binascii.Error as broken:
        raise EntranceError("invalid-value", f"{place} is no base64", field=place) from broken
