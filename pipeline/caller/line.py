"""CallLine: one stream to the service, with a telephone's microphone and speaker on it, in real time."""

import asyncio
from collections.abc import Callable
from itertools import count

import anyio
import grpc.aio

from pipeline.caller.continuity import Continuity
from pipeline.caller.errors import CallError, from_status
from pipeline.caller.live import CallGoesOn, LiveEvent, ReplyOver
from pipeline.caller.log import CallLog
from pipeline.caller.microphone import Microphone
from pipeline.caller.plan import CallPlan
from pipeline.caller.report import CallReport
from pipeline.caller.speaker import Speaker
from pipeline.caller.summary import Ears, call_report, reply_report
from pipeline.core.clock import Clock
from pipeline.core.events import PlaybackKind, PlaybackReported
from pipeline.entrances.generated.voicepipe.v1 import audio_pb2, config_pb2, input_pb2
from pipeline.entrances.generated.voicepipe.v1.conversation_pb2 import ConverseRequest, ConverseResponse

OUTBOX = 1000
"""Messages that may wait while the network stands still, or is gone; 20 s of sound."""
PAUSE, LONGEST_PAUSE = 0.1, 2.0
"""Seconds between two attempts to go on with a call: the first, and the longest; each is twice the one before."""
BROKEN = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.UNKNOWN,
}
"""Statuses after which the call may still be there."""
_PLAYBACK = {
    PlaybackKind.STARTED: input_pb2.PLAYBACK_KIND_STARTED,
    PlaybackKind.COMPLETED: input_pb2.PLAYBACK_KIND_COMPLETED,
    PlaybackKind.CLEARED: input_pb2.PLAYBACK_KIND_CLEARED,
}

Tell = Callable[[LiveEvent], None]
Stream = grpc.aio.StreamStreamCall[ConverseRequest, ConverseResponse]


class CallLine:
    """Holds one call open. ``run`` does the work; the rest says what is going on."""

    def __init__(self, plan: CallPlan, tell: Tell, clock: Clock) -> None:
        self.log = CallLog()
        self.speaker = Speaker(plan.rate)
        self.microphone = Microphone(plan.rate, round(plan.frame * plan.rate))
        self.news_at = clock.now()
        """When the service last said anything."""
        self._plan = plan
        self._tell = tell
        self._clock = clock
        self._outbox, self._to_send = anyio.create_memory_object_stream[ConverseRequest](OUTBOX)
        self._continuity = Continuity()
        self._consumed = 0
        """How much of what was numbered the service has."""
        self._connected = anyio.Event()
        """The service has taken the stream that is open now."""
        self._opened = anyio.Event()
        self._arrived = anyio.Event()
        self._began_at: float | None = None
        """When the first sample of the caller's line was captured."""
        self._status = grpc.StatusCode.OK

    async def run(self, stream: Stream, again: Callable[[], Stream] | None = None) -> None:
        """Hold the call until the service ends it; where a stream breaks, go on over one that ``again`` opens.

        Raises a group with a CallError when the call is refused or breaks off.
        """
        with self._outbox, self._to_send:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._capture)
                tasks.start_soon(self._listen)
                await self._hold(stream, again)
                tasks.cancel_scope.cancel()

    async def send(self, request: ConverseRequest) -> None:
        """Send a message behind those that wait already; after the end of the call, nothing."""
        if self.log.ended is None:
            await self._outbox.send(request)

    def report(self) -> CallReport:
        """Return what the call has been like so far."""
        return call_report(self.log, self._ears(), self._status)

    def _start(self) -> config_pb2.ConversationStart:
        plan = self._plan
        form = audio_pb2.AudioFormat(
            encoding=plan.encoding.wire, sample_rate_hz=plan.rate, frame_ms=round(plan.frame * 1000)
        )
        return config_pb2.ConversationStart(
            conversation_id=plan.call_id,
            agent_id=plan.agent,
            input_audio=form,
            output_audio=form,
            caller=config_pb2.Caller(channel=config_pb2.CALLER_CHANNEL_PHONE),
            capabilities=config_pb2.ClientCapabilities(can_clear=True, reports_playback=True),
        )

    async def _hold(self, stream: Stream, again: Callable[[], Stream] | None) -> None:
        """Hold the call over one stream after the other. Raises CallError."""
        start, until, pause = self._start(), 0.0, 0.0
        first: CallError | None = None
        while (broken := await self._exchange(stream, start)) is not None:
            if first is None or self._connected.is_set():
                first, until, pause = broken, self._clock.now() + self._plan.resume, PAUSE
            may = again is not None and self._continuity.possible and self._status in BROKEN
            if again is None or not may or self._clock.now() + pause > until:
                raise first
            await anyio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
            heard = self.speaker.renew(self._clock.now())  # what waits to be heard will come again
            stream, start = (
                again(),
                self._continuity.resumes(self._start(), None if heard is None else _playback(heard)),
            )

    async def _exchange(self, stream: Stream, start: config_pb2.ConversationStart) -> CallError | None:
        """Read and write one stream; return why it broke, None when the call is over."""
        self._connected = anyio.Event()
        broken: CallError | None = None
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._write, stream, start)
                try:
                    await self._read(stream)
                except CallError as error:
                    broken = error
                tasks.cancel_scope.cancel()
        finally:
            stream.cancel()
        return broken

    async def _write(self, stream: Stream, start: config_pb2.ConversationStart) -> None:
        try:
            await stream.write(ConverseRequest(start=start))
            if start.resume_token:
                await self._connected.wait()
                for request in self._continuity.not_consumed(self._consumed):
                    await stream.write(request)
            async for request in self._to_send:
                await stream.write(self._continuity.numbered(request))
            await stream.done_writing()
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            pass  # The stream is over; the reader learns why.

    async def _read(self, stream: Stream) -> None:
        try:
            while isinstance(response := await stream.read(), ConverseResponse):
                self.news_at = self._clock.now()
                if self._continuity.is_news(response):
                    await self._take(response)
            self._status = await stream.code()
        except grpc.aio.AioRpcError as error:
            self._status = error.code()
            if self.log.ended is None:
                raise from_status(error, self._plan.server, opened=self.log.started is not None) from error
        if self.log.ended is None:
            raise CallError("no-end", "the server closed the call without an Ended message", fix="see the server's log")

    async def _take(self, response: ConverseResponse) -> None:
        if response.HasField("audio"):
            audio = response.audio
            samples = self._plan.encoding.from_wire(audio.data)
            self.speaker.arrived(audio.response_id, samples, self.news_at, last=audio.last, filler=audio.filler)
            self._arrived.set()
        elif response.HasField("clear_audio"):
            await self._report(self.speaker.clear(response.clear_audio.response_id, self.news_at))
        goes_on = self.log.started is not None
        event = self.log.feed(response)
        if response.HasField("started"):
            event = CallGoesOn() if goes_on else event
        if event is not None:
            self._tell(event)
        if response.HasField("ended"):
            self._outbox.close()
        if response.HasField("started"):
            self._opened.set()
            if not goes_on:
                self._connected.set()
        elif response.HasField("resumption_update"):
            self._consumed = response.resumption_update.last_consumed_seq
            self._connected.set()
        elif response.HasField("response_done"):
            reply = self.log.replies[response.response_done.response_id]
            self._tell(ReplyOver(reply=reply.number, report=reply_report(self.log, reply, self._ears())))

    async def _capture(self) -> None:
        """Send the caller's line frame by frame, each when its last sample is captured; the pace never drifts."""
        await self._opened.wait()
        began_at = self._began_at = self._clock.now()
        samples = round(self._plan.frame * self._plan.rate)
        for number in count():
            await anyio.sleep(max(0.0, began_at + (number + 1) * self._plan.frame - self._clock.now()))
            sound = self._plan.encoding.to_wire(self.microphone.next_frame())
            await self.send(ConverseRequest(audio=audio_pb2.AudioInput(data=sound, sample_offset=number * samples)))

    async def _listen(self) -> None:
        """Report what the caller hears, when it is heard."""
        while True:
            for report in self.speaker.due(self._clock.now()):
                await self._report(report)
            due_at = self.speaker.next_at()
            self._arrived = anyio.Event()
            with anyio.move_on_after(None if due_at is None else max(0.0, due_at - self._clock.now())):
                await self._arrived.wait()

    async def _report(self, report: PlaybackReported) -> None:
        await self.send(ConverseRequest(playback=_playback(report)))

    def _ears(self) -> Ears:
        now = self._clock.now()
        return Ears(self.microphone, self.speaker, now if self._began_at is None else self._began_at, now)


def _playback(report: PlaybackReported) -> input_pb2.PlaybackEvent:
    return input_pb2.PlaybackEvent(response_id=report.reply, kind=_PLAYBACK[report.kind], played_ms=report.played_ms)
