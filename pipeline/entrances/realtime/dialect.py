"""Realtime: one client's side of OpenAI's Realtime API, as text in and text out."""

import json
from collections.abc import Iterable, Sequence
from uuid import uuid4

from google.protobuf.message import DecodeError
from google.rpc import status_pb2

from pipeline.entrances.generated.voicepipe.v1.conversation_pb2 import ConverseRequest, ConverseResponse
from pipeline.entrances.realtime.events_in import ClientEvents
from pipeline.entrances.realtime.events_out import ServerEvents, complaint
from pipeline.entrances.realtime.items import Event, Items, error
from pipeline.entrances.realtime.replies import Replies
from pipeline.entrances.realtime.session import write_session
from pipeline.entrances.webrtc.json_wire import read_json


class Realtime:
    """Reads events, or messages of the contract where OpenAI has no event; tells events."""

    resumes = False
    """OpenAI has no way to say so."""

    def __init__(self, agent: str = "") -> None:
        """``agent`` answers where the client's session names none; empty takes the server's default."""
        items = Items()
        self._agent = agent
        self._replies = Replies(items)
        self._client = ClientEvents(agent, items, self._replies)
        self._server = ServerEvents(items, self._replies)

    def opening(self) -> Sequence[str]:
        """Return what a client is told once it is there."""
        return _texts([{"type": "session.created", "session": write_session("", self._agent, {})}])

    def take(self, text: str) -> tuple[Sequence[ConverseRequest], Sequence[str]]:
        """Return what a text means, and what is answered at once. Raises DecodeError for what is no message."""
        try:
            event = json.loads(text)
            if "\\u" in text:  # half of a surrogate pair is valid JSON, and no text
                json.dumps(event, ensure_ascii=False).encode()
        except (ValueError, RecursionError) as broken:
            raise DecodeError("no event in JSON") from broken
        if not isinstance(event, dict):
            raise DecodeError("an event is an object")
        if "type" in event:
            requests, told = self._client.take(event)
            return requests, _texts(told)
        try:
            return [read_json(text)], ()
        except DecodeError:
            what = "neither an event with a type nor a ConverseRequest"
            return [], _texts([error("unknown_message", what, param="type")])

    def tell(self, message: ConverseResponse) -> Sequence[str]:
        """Return what a message means to the client; nothing for most of the sound."""
        return _texts(self._server.tell(message, self._client.session))

    def farewell(self, status: status_pb2.Status) -> Sequence[str]:
        """Return what a client is told last."""
        return _texts([complaint(status)] if status.code else [])


def _texts(events: Iterable[Event]) -> list[str]:
    """Return events as they are sent, each under an id of its own."""
    return [json.dumps({"event_id": f"event_{uuid4().hex}", **event}, ensure_ascii=False) for event in events]
