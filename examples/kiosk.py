"""A kiosk: a microphone, a loudspeaker and a camera, on a conversation that outlives its connection.

Make the contract's stubs as docs/guide.md says, then:

    PYTHONPATH=client python examples/kiosk.py 127.0.0.1:50051 --camera "fswebcam --jpeg 90 -"

Sound needs the package sounddevice; on a machine without it, WAV files (16 bit, mono, all of one rate) stand in: each
is said once the answer to the one before was heard, and then the kiosk hangs up:

    PYTHONPATH=client python examples/kiosk.py 127.0.0.1:50051 --microphone one.wav two.wav --speaker heard.wav

A picture (--picture FILE, or --camera COMMAND, which writes one to its output) is shown after the greeting, and at each
Enter. Where the connection breaks, the kiosk goes on with the same conversation for 15 s; where the service is away it
says so (--offline FILE.wav is played) and tries again. Ctrl-C hangs up.
"""

import argparse
import asyncio
import contextlib
import shlex
import signal
import sys
import wave
from collections import defaultdict, deque
from pathlib import Path

import grpc
from voicepipe.v1.audio_pb2 import AUDIO_ENCODING_LINEAR16, AudioFormat, AudioInput
from voicepipe.v1.config_pb2 import CALLER_CHANNEL_KIOSK, Caller, ClientCapabilities, ConversationStart
from voicepipe.v1.conversation_pb2 import ConverseRequest
from voicepipe.v1.conversation_pb2_grpc import ConversationServiceStub
from voicepipe.v1.input_pb2 import (
    CONTROL_KIND_END,
    PLAYBACK_KIND_CLEARED,
    PLAYBACK_KIND_COMPLETED,
    Control,
    ImageInput,
    PlaybackEvent,
)
from voicepipe.v1.media_pb2 import MediaHeader, UploadMediaRequest
from voicepipe.v1.media_pb2_grpc import MediaServiceStub

FRAME = 0.02  # seconds of sound in each message
RESUME = 15.0  # seconds for which the service keeps a conversation whose connection broke
RETRY = 5.0  # seconds between two looks for a service that is away
KEPT = 1000  # messages that are kept until the service has them: 20 s of sound
CHUNK = 64 * 1024  # bytes of a picture in each message
BROKEN = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED, grpc.StatusCode.UNKNOWN, grpc.StatusCode.INTERNAL)
KINDS = {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg", b"RIFF": "image/webp"}
OPTIONS = [
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
]


class Speaker:
    """What waits to be heard. A sound card pulls it, or a file."""

    def __init__(self, finished):
        """Call ``finished`` with the number of each reply that was heard to its end."""
        self.finished = finished
        self.queue = deque()
        self.heard = defaultdict(int)  # bytes of each reply that were played, on the stream that is open
        self.latest = 0

    def play(self, reply, sound, last):
        self.queue.append((reply, sound))
        if last:
            self.queue.append((reply, None))

    def pull(self, size):
        """Return the next bytes, silence where nothing waits."""
        pulled = b""
        while self.queue and len(pulled) < size:
            reply, sound = self.queue.popleft()
            if sound is None:
                self.finished(reply)
                continue
            piece, rest = sound[: size - len(pulled)], sound[size - len(pulled) :]
            if rest:
                self.queue.appendleft((reply, rest))
            self.heard[reply] += len(piece)
            self.latest = max(self.latest, reply)
            pulled += piece
        return pulled.ljust(size, b"\0")

    def clear(self, reply):
        """Throw away what waits of a reply."""
        self.queue = deque(entry for entry in self.queue if entry[0] != reply)


class Conversation:
    """What the kiosk keeps so that another stream can go on where the last one broke."""

    def __init__(self):
        """Begin with nothing said and nothing seen."""
        self.id = self.token = ""
        self.seen = self.number = 0
        self.kept = deque(maxlen=KEPT)
        self.news = asyncio.Event()
        self.over = False

    def say(self, **event):
        """Send a message, now or when there is a connection again."""
        self.number += 1
        self.kept.append(ConverseRequest(seq=self.number, **event))
        self.news.set()

    async def send(self, call, consumed):
        """Send all that the service has not consumed, and what is said from now on."""
        resumed_at = self.number if consumed else 0  # how far playback was is said by last_playback
        with contextlib.suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):  # whoever reads knows why
            while True:
                self.news.clear()
                for request in [one for one in self.kept if one.seq > consumed]:
                    consumed = request.seq
                    if not (request.HasField("playback") and request.seq <= resumed_at):
                        await call.write(request)
                await self.news.wait()


class Kiosk:
    """One kiosk, from power on to Ctrl-C."""

    def __init__(self, wishes):
        """Take what the command line says."""
        self.wishes = wishes
        self.files = [read(name) for name in wishes.microphone]
        self.rate = self.files[0][0] if self.files else 16_000
        self.size = 2 * round(FRAME * self.rate)
        self.speaker = Speaker(lambda reply: self.loop.call_soon_threadsafe(self.heard_out, reply))
        self.now = self.shown = None
        self.stopping = False
        self.saying = b""  # of a file, what was not said yet
        self.asked = 0  # files that were begun
        self.recorded = bytearray()

    async def run(self):
        """Hold one conversation after the other; return when the files are through, or after Ctrl-C."""
        self.loop, self.task = asyncio.get_running_loop(), asyncio.current_task()
        for number in (signal.SIGINT, signal.SIGTERM):
            self.loop.add_signal_handler(number, self.stop)
        channel = grpc.aio.insecure_channel(self.wishes.server, options=OPTIONS)
        self.calls, self.media = ConversationServiceStub(channel), MediaServiceStub(channel)
        async with channel, asyncio.TaskGroup() as tasks:
            sounds = [tasks.create_task(self.sound_card() if not self.files else self.sound_files())]
            if sys.stdin.isatty():
                self.loop.add_reader(sys.stdin, lambda: (sys.stdin.readline(), tasks.create_task(self.show())))
            try:
                while not self.stopping:
                    try:
                        await self.converse(tasks)
                    except grpc.aio.AioRpcError as error:
                        await self.offline(error)
                    else:
                        self.stopping = self.stopping or bool(self.files)
            finally:
                for sound in sounds:
                    sound.cancel()
                if self.wishes.speaker:
                    write(self.wishes.speaker, self.rate, self.recorded)

    async def converse(self, tasks):
        """Hold one conversation, over as many streams as it takes. Raises AioRpcError."""
        talk = self.now = Conversation()
        broke_at, pause = None, 0.1
        while not talk.over:
            seen = talk.seen
            try:
                await self.stream(talk, tasks)
            except grpc.aio.AioRpcError as error:
                if broke_at is None or talk.seen > seen:
                    broke_at, pause = self.loop.time(), 0.1
                late = self.loop.time() + pause - broke_at > RESUME
                if not talk.token or error.code() not in BROKEN or late:
                    raise
                print("(the connection broke)", flush=True)
                await asyncio.sleep(pause)
                pause = min(2 * pause, 2.0)

    async def stream(self, talk, tasks):
        """Hold the conversation over one stream. Raises AioRpcError when it breaks."""
        call = self.calls.Converse()
        line = AudioFormat(encoding=AUDIO_ENCODING_LINEAR16, sample_rate_hz=self.rate)
        start = ConversationStart(
            agent_id=self.wishes.agent,
            input_audio=line,
            caller=Caller(channel=CALLER_CHANNEL_KIOSK),
            capabilities=ClientCapabilities(can_clear=True, reports_playback=True),
            resume_token=talk.token,
            last_seen_seq=talk.seen,
        )
        if talk.token and self.speaker.latest:
            start.last_playback.CopyFrom(self.played(self.speaker.latest))
            self.speaker.queue.clear()  # what was not heard comes again
            self.speaker.heard.clear()
        sender = None
        try:
            await call.write(ConverseRequest(start=start))
            async for message in call:
                if message.seq and message.seq <= talk.seen:
                    continue
                talk.seen = max(talk.seen, message.seq)
                kind = message.WhichOneof("event")
                if kind == "started":
                    talk.token, talk.id = message.started.resume_token, message.started.conversation_id
                    print("conversation:", talk.id, flush=True)
                    self.loop.call_later(2.0, self.break_the_ice, talk)
                if (kind == "started" and not start.resume_token) or kind == "resumption_update":
                    sender = tasks.create_task(talk.send(call, message.resumption_update.last_consumed_seq))
                self.take(talk, kind, message, tasks)
                if talk.over:
                    break
        finally:
            if sender is not None:
                sender.cancel()
            call.cancel()

    def take(self, talk, kind, message, tasks):
        """Do what a message of the service asks for."""
        match kind:
            case "audio":
                self.speaker.play(message.audio.response_id, message.audio.data, message.audio.last)
            case "clear_audio":
                reply = message.clear_audio.response_id
                self.speaker.clear(reply)
                talk.say(playback=self.played(reply, PLAYBACK_KIND_CLEARED))
            case "transcript" if message.transcript.is_final:
                print("you:", message.transcript.text, flush=True)
            case "response_done":
                print("kiosk:", message.response_done.heard_text, flush=True)
                if self.shown is None and (self.wishes.picture or self.wishes.camera):
                    self.shown = tasks.create_task(self.show())
                self.next_file(talk)
            case "notice":
                print("notice:", message.notice.status.message, flush=True)
            case "ended":
                talk.over = True

    def next_file(self, talk):
        """Say the next file; hang up behind the last one."""
        if self.asked < len(self.files):
            self.saying = self.files[self.asked][1]
            self.asked += 1
        elif self.files:
            talk.say(control=Control(kind=CONTROL_KIND_END))

    def break_the_ice(self, talk):
        """Speak first where the agent does not."""
        if not (self.asked or self.speaker.latest):
            self.next_file(talk)

    def heard_out(self, reply):
        """Let the service know that a reply was heard to its end."""
        if self.now is not None:
            self.now.say(playback=self.played(reply, PLAYBACK_KIND_COMPLETED))

    def played(self, reply, kind=PLAYBACK_KIND_CLEARED):
        """Return how far a reply was played."""
        milliseconds = round(self.speaker.heard[reply] / 2 / self.rate * 1000)
        return PlaybackEvent(response_id=reply, kind=kind, played_ms=milliseconds)

    async def show(self):
        """Take a picture and show it to the service."""
        picture = await taken(self.wishes)
        kind = next((kind for begin, kind in KINDS.items() if picture.startswith(begin)), "")

        async def parts():
            yield UploadMediaRequest(
                header=MediaHeader(conversation_id=self.now.id, mime_type=kind, size_bytes=len(picture))
            )
            for at in range(0, len(picture), CHUNK):
                yield UploadMediaRequest(chunk=picture[at : at + CHUNK])

        try:
            kept = await self.media.UploadMedia(parts())
        except grpc.aio.AioRpcError as error:
            print("the picture was not taken:", error.details(), flush=True)
        else:
            self.now.say(image=ImageInput(media_id=kept.media_id))

    def stop(self):
        """Hang up, so that the service does not wait for us; what does not end by that is broken off."""
        self.stopping = True
        if self.now is not None:
            self.now.say(control=Control(kind=CONTROL_KIND_END))
        self.loop.call_later(2.0, self.task.cancel)

    async def offline(self, error):
        """Say that the service is away, or why it does not talk to us."""
        print(f"OFFLINE: {error.code().name}: {error.details()}", flush=True)
        self.speaker.queue.clear()
        if self.wishes.offline:
            rate, sound = read(self.wishes.offline)
            if rate == self.rate:
                self.speaker.play(0, sound, last=False)
        await asyncio.sleep(RETRY)

    def frame(self, sound):
        """Let the service hear a frame."""
        if self.now is not None:
            self.now.say(audio=AudioInput(data=sound))

    async def sound_files(self):
        """Be a microphone and a loudspeaker made of files, at the pace of the clock."""
        began_at, frames = self.loop.time(), 0
        while True:
            sound, self.saying = self.saying[: self.size], self.saying[self.size :]
            self.frame(sound.ljust(self.size, b"\0"))
            self.recorded += self.speaker.pull(self.size)
            frames += 1
            await asyncio.sleep(max(0.0, began_at + frames * FRAME - self.loop.time()))

    async def sound_card(self):
        """Be the sound card's microphone and loudspeaker."""
        try:
            import sounddevice
        except (ImportError, OSError) as error:
            raise SystemExit(f"no sound: {error}; pip install sounddevice, or use --microphone and --speaker") from None

        def exchange(heard, said, _frames, _time, _status):
            said[:] = self.speaker.pull(len(said))
            self.loop.call_soon_threadsafe(self.frame, bytes(heard))

        with sounddevice.RawStream(
            samplerate=self.rate, channels=1, dtype="int16", blocksize=self.size // 2, callback=exchange
        ):
            await asyncio.Event().wait()


async def taken(wishes):
    """Return a picture: a file's bytes, or what the camera's command writes."""
    if wishes.picture:
        return await asyncio.to_thread(Path(wishes.picture).read_bytes)
    camera = await asyncio.create_subprocess_exec(*shlex.split(wishes.camera), stdout=asyncio.subprocess.PIPE)
    picture, _ = await camera.communicate()
    return picture


def read(name):
    """Return the rate of a WAV file, 16 bit and mono, and its samples."""
    with wave.open(name) as file:
        return file.getframerate(), file.readframes(file.getnframes())


def write(name, rate, samples):
    """Write a WAV file."""
    with wave.open(name, "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes(samples)


def main():
    """Run the kiosk until Ctrl-C."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("server", help="HOST:PORT")
    options.add_argument("--agent", default="", help="who answers")
    options.add_argument("--microphone", nargs="+", default=[], metavar="FILE.wav")
    options.add_argument("--speaker", metavar="FILE.wav", help="where what was heard is written")
    options.add_argument("--picture", metavar="FILE")
    options.add_argument("--camera", metavar="COMMAND")
    options.add_argument("--offline", metavar="FILE.wav")
    kiosk = Kiosk(options.parse_args())
    with contextlib.suppress(asyncio.CancelledError):
        asyncio.run(kiosk.run())


if __name__ == "__main__":
    main()
