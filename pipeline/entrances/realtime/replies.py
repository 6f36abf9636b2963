"""Replies: what OpenAI's clients are told of replies and turns. Pure.

With us a reply that asks for a tool goes on when the result is there. With OpenAI that reply is done, and another one
speaks of the result. So one reply of ours is told in parts: each tool ends a part, and the next words begin one.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from google.protobuf import json_format

from pipeline.entrances.generated.voicepipe.v1 import audio_pb2, output_pb2
from pipeline.entrances.realtime.items import Event, Items, message
from pipeline.entrances.realtime.session import write_session

_STATUSES = {
    output_pb2.RESPONSE_STATUS_BARGE_IN: ("cancelled", {"type": "cancelled", "reason": "turn_detected"}),
    output_pb2.RESPONSE_STATUS_CANCELLED: ("cancelled", {"type": "cancelled", "reason": "client_cancelled"}),
    output_pb2.RESPONSE_STATUS_FAILED: ("failed", {"type": "failed", "error": {"type": "server_error"}}),
}
"""All others are completed."""


@dataclass
class _Part:
    """A part of one of our replies, which is a response there."""

    reply: int
    number: int
    before: int = 0
    """Characters of the reply's text in the parts before."""
    text: str = ""
    tools: list[Event] = field(default_factory=list)
    is_heard: bool = False
    """Its sound has begun."""

    @property
    def response(self) -> str:
        return f"resp_{self.reply}_{self.number}"

    @property
    def item(self) -> str:
        return f"item_r{self.reply}_{self.number}"

    @property
    def place(self) -> Event:
        return {"response_id": self.response, "item_id": self.item, "output_index": 0, "content_index": 0}


class Replies:
    """The replies of one call, in their order."""

    def __init__(self, items: Items) -> None:
        """Share the items with what the client may ask for."""
        self._items = items
        self._part: _Part | None = None
        """What is being told."""
        self._over: _Part | None = None
        """The part before, where a tool ended it and nothing came since."""
        self._started: output_pb2.Started | None = None

    @property
    def goes_on(self) -> bool:
        """Whether a reply will speak without being asked to: one has begun, or a tool has been asked for."""
        return self._part is not None or self._over is not None

    def session(self, asked: Event) -> Event:
        """Return the session in force."""
        started = self._started or output_pb2.Started()
        return write_session(started.conversation_id, started.agent_id, asked)

    def number_of(self, item: str) -> int | None:
        """Return our number of the reply that is being told and has this item."""
        return self._part.reply if self._part is not None and self._part.item == item else None

    def open(self, started: output_pb2.Started) -> None:
        """Take note of what the call is."""
        self._started = started

    def begin(self, started: output_pb2.ResponseStarted) -> Iterator[Event]:
        """Tell that work on a reply began."""
        yield from self._begin(_Part(started.response_id, 0))

    def write(self, text: output_pb2.ResponseText) -> Iterator[Event]:
        """Tell more of a reply's text."""
        yield from self._go_on()
        if self._part is not None:
            self._part.text += text.delta
            yield {"type": "response.output_audio_transcript.delta", **self._part.place, "delta": text.delta}

    def sound(self, _audio: audio_pb2.ResponseAudio) -> Iterator[Event]:
        """Tell that a reply's sound has begun, once for each part."""
        yield from self._go_on()
        if self._part is not None and not self._part.is_heard:
            self._part.is_heard = True
            yield {"type": "output_audio_buffer.started", "response_id": self._part.response}

    def clear(self, _clear: output_pb2.ClearAudio) -> Iterator[Event]:
        """Tell that what is queued of a reply will not be heard."""
        if self._part is not None and self._part.is_heard:
            yield {"type": "output_audio_buffer.cleared", "response_id": self._part.response}

    def ask(self, call: output_pb2.ToolCall) -> Iterator[Event]:
        """Tell that a tool is wanted; this ends the part, and the client gives the result."""
        yield from self._go_on()
        part = self._part
        if part is None:
            return
        item = {
            "id": f"item_{call.call_id}",
            "object": "realtime.item",
            "type": "function_call",
            "status": "completed",
            "call_id": call.call_id,
            "name": call.name,
            "arguments": json_format.MessageToJson(call.arguments, indent=None, ensure_ascii=False),
        }
        part.tools.append(item)
        at = {"response_id": part.response, "output_index": len(part.tools)}
        yield {"type": "response.output_item.added", **at, "item": {**item, "status": "in_progress"}}
        yield self._items.add(item)
        done = {"item_id": item["id"], "call_id": call.call_id, "arguments": item["arguments"]}
        yield {"type": "response.function_call_arguments.done", **at, **done}
        yield {"type": "response.output_item.done", **at, "item": item}
        yield self._items.done(item)
        yield from self._end(part, "completed", part.text, {})
        self._part, self._over = None, part

    def end(self, done: output_pb2.ResponseDone) -> Iterator[Event]:
        """Tell that a reply is over."""
        yield from self._go_on()
        part = self._part
        if part is None:
            return
        status, details = _STATUSES.get(done.status, ("completed", None))
        usage = {
            "input_tokens": done.usage.prompt_tokens,
            "output_tokens": done.usage.completion_tokens,
            "total_tokens": done.usage.prompt_tokens + done.usage.completion_tokens,
        }
        if part.is_heard and status == "completed":
            yield {"type": "output_audio_buffer.stopped", "response_id": part.response}
        heard = part.text if status == "completed" else done.heard_text[part.before :].strip()
        yield from self._end(part, status, heard, {"status_details": details, "usage": usage})
        if status == "cancelled" and part.is_heard:
            cut = {"item_id": part.item, "content_index": 0, "audio_end_ms": done.heard_ms}
            yield {"type": "conversation.item.truncated", **cut}
        self._part = None

    def _begin(self, part: _Part) -> Iterator[Event]:
        self._part, self._over = part, None
        response = {"id": part.response, "object": "realtime.response", "status": "in_progress", "output": []}
        yield {"type": "response.created", "response": response}
        item = message(part.item, "assistant", "in_progress")
        yield {"type": "response.output_item.added", "response_id": part.response, "output_index": 0, "item": item}
        yield self._items.add(item)
        yield {"type": "response.content_part.added", **part.place, "part": {"type": "audio", "transcript": ""}}

    def _go_on(self) -> Iterator[Event]:
        """Begin the next part of a reply that a tool had ended."""
        if self._part is None and self._over is not None:
            over = self._over
            yield from self._begin(_Part(over.reply, over.number + 1, over.before + len(over.text)))

    def _end(self, part: _Part, status: str, heard: str, more: Event) -> Iterator[Event]:
        yield {"type": "response.output_audio.done", **part.place}
        yield {"type": "response.output_audio_transcript.done", **part.place, "transcript": part.text}
        said = {"type": "audio", "transcript": part.text}
        yield {"type": "response.content_part.done", **part.place, "part": said}
        state = "completed" if status == "completed" else "incomplete"
        item = message(part.item, "assistant", state, {"type": "output_audio", "transcript": heard})
        yield {"type": "response.output_item.done", "response_id": part.response, "output_index": 0, "item": item}
        yield self._items.done(item)
        response: dict[str, Any] = {"id": part.response, "object": "realtime.response", "status": status}
        yield {"type": "response.done", "response": {**response, "output": [item, *part.tools], **more}}
