"""A service that follows a script: a real gRPC server whose side of a call is a coroutine of the test."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import grpc.aio
import numpy as np

from pipeline.entrances.generated.voicepipe.v1 import audio_pb2, config_pb2, input_pb2, output_pb2
from pipeline.entrances.generated.voicepipe.v1.conversation_pb2 import ConverseRequest, ConverseResponse
from pipeline.entrances.generated.voicepipe.v1.conversation_pb2_grpc import (
    ConversationServiceServicer,
    add_ConversationServiceServicer_to_server,
)
from pipeline.entrances.generated.voicepipe.v1.media_pb2_grpc import (
    MediaServiceServicer,
    add_MediaServiceServicer_to_server,
)

Context = grpc.aio.ServicerContext[ConverseRequest, ConverseResponse]


def tone(seconds: float, rate: int = 8000) -> bytes:
    """Return a loud sound."""
    return np.full(round(seconds * rate), 8000, dtype="<i2").tobytes()


@dataclass
class ServedCall:
    """The service's side of one call."""

    context: Context
    received: list[ConverseRequest] = field(default_factory=list)

    async def send(self, seq: int = 0, **event: object) -> None:
        """Send one message."""
        await self.context.write(ConverseResponse(seq=seq, **event))  # type: ignore[arg-type]

    async def receive(self, wanted: Callable[[ConverseRequest], bool]) -> ConverseRequest:
        """Read on until a message is ``wanted``, and return it. Raises EOFError when the client has closed its half."""
        while isinstance(request := await self.context.read(), ConverseRequest):
            self.received.append(request)
            if wanted(request):
                return request
        raise EOFError

    async def start(self, call_id: str = "call-1") -> config_pb2.ConversationStart:
        """Take the call."""
        request = await self.receive(lambda request: request.HasField("start"))
        await self.send(started=output_pb2.Started(conversation_id=call_id, agent_id="shop"))
        return request.start

    async def speech(self) -> None:
        """Wait until the caller has spoken and fallen silent."""
        await self.receive(lambda request: any(request.audio.data))
        await self.receive(lambda request: request.HasField("audio") and not any(request.audio.data))

    async def turn(self, number: int, text: str) -> None:
        """Hear a turn and say what was understood."""
        await self.speech()
        at = 20 * sum(request.HasField("audio") for request in self.received)
        for kind in (output_pb2.INPUT_EVENT_KIND_SPEECH_STARTED, output_pb2.INPUT_EVENT_KIND_TURN_ENDED):
            await self.send(input_event=output_pb2.InputEvent(kind=kind, turn_id=number, offset_ms=at))
        transcript = output_pb2.Transcript(turn_id=number, text=text, is_final=True, language="en", end_ms=at)
        await self.send(transcript=transcript)

    async def begin_reply(self, reply: int, turn: int, text: str, sound: bytes, *, last: bool = True) -> None:
        """Send a reply's text and sound."""
        await self.send(response_started=output_pb2.ResponseStarted(response_id=reply, turn_id=turn))
        await self.send(response_text=output_pb2.ResponseText(response_id=reply, delta=text))
        await self.send(audio=audio_pb2.ResponseAudio(response_id=reply, data=sound, last=last))

    async def playback(self, reply: int, kind: input_pb2.PlaybackKind.ValueType) -> input_pb2.PlaybackEvent:
        """Wait for a report of the client's speaker."""
        wanted = await self.receive(
            lambda request: request.playback.response_id == reply and request.playback.kind == kind
        )
        return wanted.playback

    async def end_reply(self, reply: int, turn: int, text: str, heard_ms: int = 0, **fields: object) -> None:
        """Say that a reply is over."""
        done = output_pb2.ResponseDone(
            response_id=reply,
            turn_id=turn,
            text=text,
            heard_text=text,
            heard_ms=heard_ms,
            status=output_pb2.RESPONSE_STATUS_COMPLETED,
            spans_ms={"response_gap": 12.3456},
        )
        done.MergeFrom(output_pb2.ResponseDone(**fields))  # type: ignore[arg-type]
        await self.send(response_done=done)

    async def reply(self, reply: int, turn: int, text: str, sound: bytes) -> None:
        """Say something and wait until it was heard."""
        await self.begin_reply(reply, turn, text, sound)
        heard = await self.playback(reply, input_pb2.PLAYBACK_KIND_COMPLETED)
        await self.end_reply(reply, turn, text, heard.played_ms)

    async def end(self) -> None:
        """Wait for the hang-up and end the call."""
        await self.receive(lambda request: request.control.kind == input_pb2.CONTROL_KIND_END)
        await self.farewell(output_pb2.END_REASON_CLIENT)

    async def farewell(self, reason: output_pb2.EndReason.ValueType) -> None:
        """Say that the call is over and let the client close its half."""
        await self.send(ended=output_pb2.Ended(reason=reason, turns=1, duration_ms=1000))
        with suppress(EOFError):
            await self.receive(lambda _: False)


Script = Callable[[ServedCall], Awaitable[None]]


class _Scripted(ConversationServiceServicer):
    def __init__(self, script: Script) -> None:
        self._script = script

    async def Converse(self, _requests: object, context: Context) -> None:  # type: ignore[override]  # noqa: N802
        await self._script(ServedCall(context))


@asynccontextmanager
async def scripted(
    script: Script, media: MediaServiceServicer | None = None
) -> AsyncIterator[tuple[str, grpc.aio.Server]]:
    """Serve calls with a script, and pictures if there is who takes them; gives HOST:PORT and the server."""
    server = grpc.aio.server()
    if media is not None:
        add_MediaServiceServicer_to_server(media, server)
    add_ConversationServiceServicer_to_server(_Scripted(script), server)  # type: ignore[abstract]
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}", server
    finally:
        await server.stop(None)
