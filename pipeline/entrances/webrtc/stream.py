"""RtcStream: a browser's connection as a stream of the contract, so that its calls are those of gRPC."""

from typing import Any

import anyio
from google.protobuf.message import DecodeError
from grpc.aio import EOF, InternalError

from pipeline.entrances.generated.voicepipe.v1 import config_pb2
from pipeline.entrances.generated.voicepipe.v1.audio_pb2 import AUDIO_ENCODING_LINEAR16, AudioFormat, AudioInput
from pipeline.entrances.generated.voicepipe.v1.conversation_pb2 import ConverseRequest, ConverseResponse
from pipeline.entrances.stream_call import StreamLostError
from pipeline.entrances.webrtc.channel import Channel
from pipeline.entrances.webrtc.json_wire import read_json, write_json
from pipeline.entrances.webrtc.peer import Peer
from pipeline.entrances.webrtc.track import RATE
from pipeline.entrances.wire_terms import MESSAGE_BYTES

FORM = AudioFormat(encoding=AUDIO_ENCODING_LINEAR16, sample_rate_hz=RATE, frame_ms=20)
"""In what the two tracks are taken and given; how they travel is the browsers' business."""


class RtcStream:
    """Reads JSON from the data channel and sound from the track; sends sound over the track, all else as JSON."""

    def __init__(self, peer: Peer, channel: Channel) -> None:
        """Stand before ``peer``, whose ``channel`` is open."""
        self._peer = peer
        self._channel = channel

    @property
    def heard_at(self) -> float:
        """Return when anything came from the browser last."""
        return self._peer.heard_at

    @property
    def hung_up(self) -> bool:
        """Return whether the browser has closed the channel and kept the connection, or asked for the end over HTTP."""
        return self._peer.hung_up

    async def read(self) -> Any:
        """Return the next message, or EOF when the browser has hung up.

        Raises StreamLostError when it is gone, and DecodeError for what is no message.
        """
        try:
            arrived = await self._peer.inbox.receive()
        except (anyio.EndOfStream, anyio.ClosedResourceError) as error:
            if self.hung_up:
                return EOF
            raise StreamLostError from error
        if isinstance(arrived, AudioInput):
            return ConverseRequest(audio=arrived)
        if isinstance(arrived, bytes) or len(arrived) > MESSAGE_BYTES:
            raise DecodeError("a message is text")
        request = read_json(arrived)
        if request.HasField("start"):
            _complete(request.start)
            self._peer.listens = True
        return request

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
            await self._channel.send(write_json(message))
        except anyio.BrokenResourceError as error:
            raise InternalError("the browser is gone") from error

    async def send_initial_metadata(self, initial_metadata: Any) -> None:
        """Send nothing: Started says it all."""


def _complete(start: config_pb2.ConversationStart) -> None:
    """Say of the start what the connection itself says."""
    start.input_audio.CopyFrom(FORM)
    start.output_audio.CopyFrom(FORM)
    start.capabilities.can_clear = True
    # A call that is resumed keeps its caller: what the start does not say of one stays as it is.
    if not start.caller.channel and (start.HasField("caller") or not start.resume_token):
        start.caller.channel = config_pb2.CALLER_CHANNEL_BROWSER
