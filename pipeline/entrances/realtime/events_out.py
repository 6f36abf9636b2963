"""ServerEvents: what a call tells its client, as OpenAI's events. Pure."""

from collections.abc import Callable, Iterator
from typing import Any

from google.protobuf import json_format
from google.rpc import code_pb2, error_details_pb2, status_pb2

from pipeline.entrances.generated.voicepipe.v1 import output_pb2
from pipeline.entrances.generated.voicepipe.v1.conversation_pb2 import ConverseResponse
from pipeline.entrances.realtime.items import Event, Items, error, message
from pipeline.entrances.realtime.replies import Replies

OURS = "voicepipe."
"""Prefix of events that OpenAI has none for: the contract's message under its JSON name. Their clients pass them on."""

_PARTLY_TOLD = {"response_done"}
"""Of which OpenAI's events tell less than there is."""
_SERVER_FAULTS = {code_pb2.INTERNAL, code_pb2.UNAVAILABLE, code_pb2.DEADLINE_EXCEEDED, code_pb2.UNKNOWN}


class ServerEvents:
    """One call's events, in their order."""

    def __init__(self, items: Items, replies: Replies) -> None:
        """Share what the client's events need as well."""
        self._items = items
        self._replies = replies
        self._spoken: set[int] = set()
        """Turns that were spoken and have no final transcript yet; what was typed is an item already."""
        self._tellers: dict[str, Callable[[Any], Iterator[Event]]] = {
            "input_event": self._input,
            "transcript": self._transcript,
            "response_started": replies.begin,
            "response_text": replies.write,
            "audio": replies.sound,
            "clear_audio": replies.clear,
            "tool_call": replies.ask,
            "response_done": replies.end,
            "notice": lambda notice: iter([complaint(notice.status)]),
        }

    def tell(self, sent: ConverseResponse, asked: Event) -> Iterator[Event]:
        """Yield what a message means; ``asked`` is the session that the client asked for."""
        kind = sent.WhichOneof("event") or ""
        if kind == "started":
            self._replies.open(sent.started)
            yield {"type": "session.updated", "session": self._replies.session(asked)}
        elif kind in self._tellers:
            yield from self._tellers[kind](getattr(sent, kind))
        if kind and (kind in _PARTLY_TOLD or kind not in self._tellers):
            yield {"type": OURS + kind, **_json(getattr(sent, kind))}

    def _input(self, event: output_pb2.InputEvent) -> Iterator[Event]:
        item = f"item_t{event.turn_id}"
        match event.kind:
            case output_pb2.INPUT_EVENT_KIND_SPEECH_STARTED:
                began = {"audio_start_ms": event.offset_ms, "item_id": item}
                yield {"type": "input_audio_buffer.speech_started", **began}
            case output_pb2.INPUT_EVENT_KIND_SPEECH_ENDED:
                yield {"type": "input_audio_buffer.speech_stopped", "audio_end_ms": event.offset_ms, "item_id": item}
            case output_pb2.INPUT_EVENT_KIND_TURN_ENDED:
                self._spoken.add(event.turn_id)
                shown = message(item, "user", "in_progress", {"type": "input_audio", "transcript": None})
                added = self._items.add(shown)
                before = added["previous_item_id"]
                yield {"type": "input_audio_buffer.committed", "previous_item_id": before, "item_id": item}
                yield added
            case output_pb2.INPUT_EVENT_KIND_NO_INPUT:
                yield {"type": "input_audio_buffer.timeout_triggered", "item_id": item}
            case _:
                yield {"type": OURS + "input_event", **_json(event)}

    def _transcript(self, transcript: output_pb2.Transcript) -> Iterator[Event]:
        if not transcript.is_final:
            yield {"type": OURS + "transcript", **_json(transcript)}
            return
        if transcript.turn_id not in self._spoken:
            return
        self._spoken.discard(transcript.turn_id)
        item = f"item_t{transcript.turn_id}"
        said = {"type": "input_audio", "transcript": transcript.text}
        yield self._items.done(message(item, "user", "completed", said))
        told = {"item_id": item, "content_index": 0, "transcript": transcript.text}
        yield {"type": "conversation.item.input_audio_transcription.completed", **told}


def complaint(status: status_pb2.Status) -> Event:
    """Return a status as an error event."""
    reason, field = "", ""
    for detail in status.details:
        info, request = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
        if detail.Unpack(info):
            reason = info.reason.lower()
        elif detail.Unpack(request) and request.field_violations:
            field = request.field_violations[0].field
    kind = "server_error" if status.code in _SERVER_FAULTS else "invalid_request_error"
    return error(reason or "error", status.message, kind=kind, param=field)


def _json(sent: Any) -> Event:
    found: Event = json_format.MessageToDict(sent)
    return found
