"""WireLine: one client's side of a call, in the messages of the contract."""

from collections.abc import Callable, Sequence
from contextlib import suppress

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream

from pipeline.audio.g711 import alaw_encode, mulaw_encode
from pipeline.core.clock import Clock
from pipeline.core.errors import EntranceError
from pipeline.core.events import (
    CallChanged,
    CallEnded,
    CallEvent,
    CallResumed,
    ClientEvent,
    PlaybackReported,
    ReplyEnded,
    ReplyId,
    ReplyStarted,
    ReplyStopped,
    StageFailed,
    ToolReported,
    ToolRequested,
    TurnId,
)
from pipeline.core.pcm import MicFrame
from pipeline.entrances import fields
from pipeline.entrances.generated.voicepipe.v1.conversation_pb2 import ConverseRequest, ConverseResponse
from pipeline.entrances.microphone import LONGEST_CHUNK, Microphone
from pipeline.entrances.outbox import Outbox
from pipeline.entrances.replay import Replay
from pipeline.entrances.sound_channel import SoundChannel
from pipeline.entrances.switchboard import CallStart, Encoding
from pipeline.entrances.wire_in import read_request
from pipeline.entrances.wire_out import write_audio, write_event, write_going_away
from pipeline.entrances.wire_terms import FRAME_MS, write_reconfigured
from pipeline.session.line import ReplyAudio
from pipeline.settings import Channels


class WireLine:
    """The line of one call: messages go in by ``receive`` and come out by ``next``; the session sees a Line."""

    def __init__(
        self,
        start: CallStart,
        languages: Sequence[str],
        channels: Channels,
        clock: Clock,
        sound_dropped: Callable[[], None],
        replay: Replay,
    ) -> None:
        """Build the channels of a call that may be moved to each of ``languages``.

        ``sound_dropped`` is called for each frame that hearing was too slow for, ``replay`` keeps what is sent.
        """
        self._start = start
        self._languages = languages
        self._clock = clock
        self._sound = SoundChannel(channels.microphone_frames * FRAME_MS / 1000, LONGEST_CHUNK, sound_dropped)
        self._microphone = Microphone(start.input, self._sound, clock)
        self._requests_in, self._requests = anyio.create_memory_object_stream[ClientEvent](channels.events)
        self._replay = replay
        self._outbox = Outbox(channels.events, channels.audio_out_frames, replay)
        self._latest_reply = ReplyId(0)
        self._tool_calls: set[str] = set()
        """All that the client was asked to run; each is answered once."""
        self.consumed = 0
        """The number of the last message that was taken."""
        self._repeated = 0
        """Messages up to this number came over an earlier connection."""
        self.turn = TurnId(0)
        """The last turn that the client was told of."""
        self.ended = False
        """The last event of the call was sent."""

    # What the session sees

    @property
    def microphone(self) -> MemoryObjectReceiveStream[MicFrame]:
        """Return the caller's sound at 16 kHz."""
        return self._sound.receive

    @property
    def requests(self) -> MemoryObjectReceiveStream[ClientEvent]:
        """Return what the client asks for."""
        return self._requests

    @property
    def output_rate(self) -> int:
        """Return the rate of reply audio in hertz."""
        return self._start.output.rate

    async def send(self, event: CallEvent) -> None:
        """Tell the client, ahead of queued audio. The end of a reply and of the call stay behind their audio."""
        self.turn = max(self.turn, event.turn)
        match event:
            case ReplyStarted():
                self._latest_reply = event.reply
            case ReplyStopped():
                self._outbox.silence(event.reply)
            case CallEnded():
                self.ended = True
            case ToolRequested():
                self._tool_calls.add(event.call)
            case CallResumed():
                self._outbox.reopen()
            case _:
                pass
        message = write_event(event, self._start.wants)
        if message is not None:
            await self._outbox.put(message, after_audio=isinstance(event, ReplyEnded | CallEnded))

    async def play(self, audio: ReplyAudio) -> None:
        """Queue a frame in the client's encoding; waits while the queue is full. Ignored once the reply was stopped."""
        sound = _encoded(audio.pcm.data, self._start.output.encoding)
        await self._outbox.put_audio(audio.reply, write_audio(audio, sound))

    # What the entrance sees

    async def receive(self, request: ConverseRequest) -> None:
        """Take a message of the client. What is wrong with it is told to the session, and by it to the client."""
        if 0 < request.seq <= self._repeated:
            return
        await self._take(request)
        self.consumed = max(self.consumed, request.seq)

    async def _take(self, request: ConverseRequest) -> None:
        if request.WhichOneof("event") == "audio":
            audio = request.audio
            offset = audio.sample_offset if audio.HasField("sample_offset") else None
            for problem in self._microphone.hear(audio.data, offset, discontinuity=audio.discontinuity):
                await self.complain(problem, request.seq)
            return
        try:
            event = self._checked(read_request(request))
        except EntranceError as error:
            await self.complain(error, request.seq)
            return
        await self.tell(event)
        if isinstance(event, CallChanged):
            await self._outbox.put(write_reconfigured(request.seq, event))

    async def complain(self, error: EntranceError, seq: int = 0) -> None:
        """Tell the session, and by it the client, what was wrong with message ``seq``."""
        await self.tell(
            StageFailed(
                turn=self.turn,
                at=self._clock.now(),
                stage=error.stage,
                code=error.code,
                message=str(error),
                retryable=error.retryable,
                field=error.field,
                refers_to=seq,
            )
        )

    async def finish(self) -> None:
        """End the caller's sound and requests: the client has closed its half."""
        for problem in self._microphone.end():
            await self.complain(problem)
        self._requests_in.close()

    async def next(self) -> ConverseResponse | None:
        """Return the next message for the client; None when the line is closed and all has been sent."""
        return await self._outbox.take()

    async def warn(self, remaining: float) -> None:
        """Tell the client that the server stops in so many seconds."""
        await self._outbox.put(write_going_away(remaining))

    @property
    def sent(self) -> int:
        """Return the number of the last message to the client."""
        return self._replay.last

    def detach(self) -> None:
        """Let go of a client whose connection broke: what it is told is kept, what is played to it waits."""
        self._outbox.detach()

    def attach(self, start: CallStart, seen: int, made_up: float) -> int:
        """Go on with another connection, in the forms of ``start``, after message ``seen``.

        Returns how many messages behind it are gone. So many seconds of sound may be ``made_up`` for in a burst.
        """
        self._start = start
        self._microphone.change(start.input)
        self._sound.make_room(made_up)
        self._repeated = self.consumed
        return self._outbox.attach(seen)

    def close(self) -> None:
        """Take no more for the client; what is queued can still be sent."""
        self._outbox.close()

    def deafen(self) -> None:
        """Throw away what the client asks for from now on: the session is over."""
        self._requests.close()

    def give_up(self) -> None:
        """Close all channels."""
        self._outbox.close()
        self._requests_in.close()
        self._requests.close()
        self._sound.close()

    def _checked(self, event: ClientEvent) -> ClientEvent:
        if isinstance(event, PlaybackReported) and event.reply > self._latest_reply:
            raise fields.wrong("playback.response_id", f"is {event.reply}; allowed: 1 to {self._latest_reply}")
        if isinstance(event, CallChanged) and event.language not in {"", *self._languages}:
            allowed = ", ".join(self._languages)
            raise fields.wrong("reconfigure.language", f"is {event.language}; allowed in this call: {allowed}")
        if isinstance(event, ToolReported):
            if event.call not in self._tool_calls:
                raise fields.wrong("tool_result.call_id", "is unknown; allowed: that of a ToolCall, once")
            self._tool_calls.remove(event.call)
        return event

    async def tell(self, event: ClientEvent) -> None:
        """Hand something to the session; nothing happens once it is over."""
        # Shielded: a message that a broken connection brought is taken or it is not, and counts accordingly.
        with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError), anyio.CancelScope(shield=True):
            await self._requests_in.send(event)


def _encoded(samples: bytes, encoding: Encoding) -> bytes:
    match encoding:
        case Encoding.LINEAR16:
            return samples
        case Encoding.MULAW:
            return mulaw_encode(samples)
        case Encoding.ALAW:
            return alaw_encode(samples)
