"""RtcStream: a browser's connection as a stream of the contract, so that its calls are those of gRPC."""

from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import anyio
from google.protobuf.message import DecodeError
from google.rpc import status_pb2
from grpc.aio import EOF, InternalError

from pipeline.core.errors import EntranceError
from pipeline.entrances.generated.voicepipe.v1 import config_pb2
from pipeline.entrances.generated.voicepipe.v1.audio_pb2 import AUDIO_ENCODING_LINEAR16, AudioFormat, AudioInput
from pipeline.entrances.generated.voicepipe.v1.conversation_pb2 import ConverseRequest, ConverseResponse
from pipeline.entrances.stream_call import StreamLostError
from pipeline.entrances.webrtc.channel import Channel
from pipeline.entrances.webrtc.json_wire import Dialect
from pipeline.entrances.webrtc.peer import Peer
from pipeline.entrances.webrtc.track import RATE
from pipeline.entrances.wire_terms import MESSAGE_BYTES

FORM = AudioFormat(encoding=AUDIO_ENCODING_LINEAR16, sample_rate_hz=RATE, frame_ms=20)
"""In what the two tracks are taken and given; how they travel is the browsers' business."""


class RtcStream:
    """Reads texts from the data channel and sound from the track; sends sound over the track, all else as text."""

    def __init__(self, peer: Peer, channel: Channel, dialect: Dialect, agent: str = "") -> None:
        """Stand before ``peer``, whose ``channel`` is open and whose texts are in ``dialect``.

        Where an ``agent`` is given, it is the one that may be called.
        """
        self._peer = peer
        self._channel = channel
        self._dialect = dialect
        self._agent = agent
        self._read: deque[ConverseRequest] = deque()
        """What a text said and was not asked for yet."""

    @property
    def heard_at(self) -> float:
        """Return when anything came from the browser last."""
        return self._peer.heard_at

    @property
    def hung_up(self) -> bool:
        """Return whether the browser has closed the channel and kept the connection, or asked for the end over HTTP.

        Whoever cannot come back has hung up by going.
        """
        return self._peer.hung_up or not self._dialect.resumes

    async def read(self) -> Any:
        """Return the next message, or EOF when the browser has hung up.

        Raises StreamLostError when it is gone, DecodeError for what is no message, and EntranceError ``not-permitted``
        for a start that calls another agent.
        """
        try:
            while not self._read:
                arrived = await self._peer.inbox.receive()
                if isinstance(arrived, AudioInput):
                    return ConverseRequest(audio=arrived)
                if isinstance(arrived, bytes) or len(arrived) > MESSAGE_BYTES:
                    raise DecodeError("a message is text")
                requests, told = self._dialect.take(arrived)
                self._read.extend(requests)
                await self._tell(told)
        except (anyio.EndOfStream, anyio.ClosedResourceError, anyio.BrokenResourceError) as error:
            if self.hung_up:
                return EOF
            raise StreamLostError from error
        request = self._read.popleft()
        if request.HasField("start"):
            _complete(request.start, self._agent)
            self._peer.listens = True
        return request

    async def write(self, message: ConverseResponse) -> None:
        """Send a message; waits while the browser does not take it. Raises InternalError when it is gone."""
        if message.HasField("clear_audio"):
            self._peer.replies.clear(message.clear_audio.response_id)
        try:
            await self._tell(self._dialect.tell(message))
        except anyio.BrokenResourceError as error:
            raise InternalError("the browser is gone") from error
        if message.HasField("audio"):
            await self._peer.replies.play(message.audio.response_id, message.audio.data)

    async def open(self) -> None:
        """Say what comes first, to a browser that may be gone again."""
        with suppress(anyio.BrokenResourceError):
            await self._tell(self._dialect.opening())

    async def close(self, status: status_pb2.Status) -> None:
        """Say what comes last; returns once it has left, or the browser."""
        await self._channel.farewell(self._dialect.farewell(status))

    async def _tell(self, texts: Sequence[str]) -> None:
        for text in texts:
            await self._channel.send(text)

    async def send_initial_metadata(self, initial_metadata: Any) -> None:
        """Send nothing: Started says it all."""


def _complete(start: config_pb2.ConversationStart, agent: str) -> None:
    """Say of the start what the connection itself says."""
    if agent and start.agent_id not in {"", agent}:
        raise EntranceError("not-permitted", f"the token allows agent {agent}", field="start.agent_id")
    start.agent_id = agent or start.agent_id
    start.input_audio.CopyFrom(FORM)
    start.output_audio.CopyFrom(FORM)
    start.capabilities.can_clear = True
    # A call that is resumed keeps its caller: what the start does not say of one stays as it is.
    if not start.caller.channel and (start.HasField("caller") or not start.resume_token):
        start.caller.channel = config_pb2.CALLER_CHANNEL_BROWSER
