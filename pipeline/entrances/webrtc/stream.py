"""RtcStream: a browser's connection as a stream of the contract: its calls are gRPC's calls."""

from typing import Any

import anyio
from google.protobuf.message import DecodeError
from grpc.aio import EOF, InternalError

from pipeline.entrances.generated.voicepipe.v1.conversation_pb2 import ConverseResponse
from pipeline.entrances.webrtc.json_wire import read_json, write_json
from pipeline.entrances.webrtc.peer import LONGEST, Peer


class RtcStream:
    """Reads JSON from the data channel, and sends sound over the track and all else over the channel."""

    def __init__(self, peer: Peer) -> None:
        """Stand before ``peer``."""
        self._peer = peer

    async def read(self) -> Any:
        """Return the next message, or EOF when the browser is gone. Raises DecodeError for what is none."""
        try:
            message = await self._peer.messages.receive()
        except (anyio.EndOfStream, anyio.ClosedResourceError):
            return EOF
        if isinstance(message, bytes) or len(message) > LONGEST:
            raise DecodeError("messages are text, of 256 KiB at most")
        return read_json(message)

    async def write(self, message: ConverseResponse) -> None:
        """Send a message; waits while the browser does not take it. Raises InternalError when it is gone."""
        match message.WhichOneof("event"):
            case "audio":
                await self._peer.replies.play(message.audio.response_id, message.audio.data)
                return
            case "clear_audio":
                self._peer.replies.clear(message.clear_audio.response_id)
            case _:
                pass
        try:
            await self._peer.send(write_json(message))
        except anyio.BrokenResourceError as error:
            raise InternalError("the browser is gone") from error

    async def send_initial_metadata(self, initial_metadata: Any) -> None:
        """Send nothing: Started says it all."""
