"""One client of the Realtime API, without a transport."""

import json
from typing import Any

from pipeline.entrances.generated.voicepipe.v1.conversation_pb2 import ConverseRequest, ConverseResponse
from pipeline.entrances.realtime.dialect import Realtime

TURN_DETECTION = {"type": "server_vad", "silence_duration_ms": 400, "idle_timeout_ms": 6000, "threshold": 0.5}
TOOL = {"type": "function", "name": "weather", "description": "Tell the weather.", "parameters": {"type": "object"}}
SESSION = {
    "type": "realtime",
    "model": "gpt-realtime",
    "instructions": "You are a pirate.",
    "output_modalities": ["audio"],
    "audio": {"input": {"turn_detection": TURN_DETECTION, "transcription": {"language": "en"}}},
    "tools": [TOOL],
}


class Client:
    """Sends events, and keeps what it is told."""

    def __init__(self, agent: str = "") -> None:
        self.dialect = Realtime(agent)
        self.told: list[Any] = []

    def send(self, kind: str, **fields: Any) -> list[ConverseRequest]:
        return self.say({"type": kind, **fields})

    def say(self, event: Any) -> list[ConverseRequest]:
        requests, texts = self.dialect.take(json.dumps(event))
        self.told += map(json.loads, texts)
        return list(requests)

    def hear(self, **message: Any) -> list[str]:
        """Take a message of the call; return the types of the events that tell of it."""
        told = [json.loads(text) for text in self.dialect.tell(ConverseResponse(**message))]
        self.told += told
        return [event["type"] for event in told]

    def last(self, kind: str) -> Any:
        return [event for event in self.told if event["type"] == kind][-1]

    def opened(self) -> "Client":
        self.send("session.update", session=SESSION)
        self.hear(started={"conversation_id": "c", "agent_id": "shop"})
        return self
