"""Every served form of sound, in and out, over real sockets."""

from collections.abc import Callable

import numpy as np
import pytest

from pipeline.audio.g711 import alaw_decode, alaw_encode, mulaw_decode, mulaw_encode
from pipeline.core.events import CallEnd
from pipeline.core.pcm import Pcm, joined
from pipeline.entrances.generated.voicepipe.v1.audio_pb2 import (
    AUDIO_ENCODING_ALAW,
    AUDIO_ENCODING_LINEAR16,
    AUDIO_ENCODING_MULAW,
    AudioEncoding,
)
from pipeline.session.line import Line
from pipeline.settings import Channels
from tests.entrances.calls import Caller, audio_format, served
from tests.entrances.replies import play, reply_started

pytestmark = pytest.mark.anyio

Law = Callable[[bytes], bytes]
ENCODINGS: list[tuple[AudioEncoding.ValueType, Law, Law]] = [
    (AUDIO_ENCODING_LINEAR16, bytes, bytes),
    (AUDIO_ENCODING_MULAW, mulaw_encode, mulaw_decode),
    (AUDIO_ENCODING_ALAW, alaw_encode, alaw_decode),
]


class Recorder:
    """A call that only listens."""

    def __init__(self) -> None:
        self.heard: list[Pcm] = []

    async def __call__(self, line: Line) -> CallEnd:
        async for frame in line.microphone:
            self.heard.append(frame.pcm)
        return CallEnd.CLIENT


def tone(rate: int, duration: float = 0.6) -> bytes:
    """Return 440 Hz."""
    instants = np.arange(round(rate * duration)) / rate
    return (8_000 * np.sin(2 * np.pi * 440 * instants)).astype("<i2").tobytes()


def strongest(samples: bytes, rate: int) -> float:
    """Return the frequency in hertz that is the loudest."""
    spectrum = np.abs(np.fft.rfft(np.frombuffer(samples, dtype="<i2").astype(float)))
    return float(np.argmax(spectrum) * rate / (len(samples) // 2))


@pytest.mark.parametrize("rate", [8_000, 16_000, 24_000, 48_000])
@pytest.mark.parametrize(("encoding", "encode", "decode"), ENCODINGS)
async def test_every_form_is_heard_and_spoken(
    encoding: AudioEncoding.ValueType, encode: Law, decode: Law, rate: int
) -> None:
    frame = tone(rate, 0.02)
    heard = Recorder()

    async def script(line: Line) -> CallEnd:
        assert line.output_rate == rate
        await line.send(reply_started(1))
        await play(line, 1, 5, frame=frame)
        return await heard(line)

    async with served(script) as service:
        caller = Caller(service.channel)
        started = (await caller.start(input_audio=audio_format(encoding, rate))).started
        assert started.output_audio.sample_rate_hz == rate
        assert started.output_audio.encoding == encoding
        sound = encode(tone(rate))
        for place in range(0, len(sound), 701):
            await caller.speak(sound[place : place + 701])
        messages = await caller.rest()
    spoken = [message.audio.data for message in messages if message.HasField("audio")]
    assert spoken == [encode(frame)] * 5
    assert abs(strongest(b"".join(map(decode, spoken)), rate) - 440) <= 10
    samples = joined(heard.heard)
    assert samples.rate == 16_000
    assert samples.samples == 9_600
    assert abs(strongest(samples.data, 16_000) - 440) < 2


async def test_directions_may_differ() -> None:
    async def script(line: Line) -> CallEnd:
        await play(line, 1, 1)
        return CallEnd.HANGUP

    async with served(script) as service:
        caller = Caller(service.channel)
        await caller.start(
            input_audio=audio_format(AUDIO_ENCODING_MULAW, 8_000),
            output_audio=audio_format(AUDIO_ENCODING_LINEAR16, 24_000),
        )
        audio = (await caller.next("audio")).audio
        assert len(audio.data) == 2 * 24_000 // 50
        assert audio.last
        await caller.rest()


async def test_lost_chunks_are_heard_as_silence() -> None:
    recorder = Recorder()
    chunk = b"\x01\x40" * 320
    async with served(recorder) as service:
        caller = Caller(service.channel)
        await caller.start()
        for number in (0, 1, 4):
            await caller.speak(chunk, offset=1_000 + 320 * number)
        await caller.rest()
    assert joined(recorder.heard).data == chunk * 2 + bytes(2 * 640) + chunk


async def test_odd_tails_are_put_together() -> None:
    recorder = Recorder()
    sound = tone(16_000, 0.1)
    async with served(recorder) as service:
        caller = Caller(service.channel)
        await caller.start()
        for place in range(0, len(sound), 127):
            await caller.speak(sound[place : place + 127])
        messages = await caller.rest()
    assert joined(recorder.heard).data == sound
    assert not [message for message in messages if message.HasField("notice")]


async def test_a_call_that_does_not_listen_loses_the_oldest_sound_and_the_loss_is_counted() -> None:
    recorder = Recorder()

    async def script(line: Line) -> CallEnd:
        async for _ in line.requests:
            pass
        return await recorder(line)

    async with served(script, channels=Channels(microphone_frames=10)) as service:
        caller = Caller(service.channel)
        await caller.start()
        for mark in range(30):
            await caller.speak(bytes([mark, 0] * 320))
        await caller.rest()
        assert [pcm.data[0] for pcm in recorder.heard] == list(range(20, 30))
        assert service.metrics.frames_dropped._value.get() == 20
