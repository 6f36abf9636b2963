"""The line gives our own voice back: the reply goes on, and the caller who speaks over it is heard."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from functools import cache

import numpy as np
import pytest

from pipeline.audio.level import rms_dbfs
from pipeline.core.clock import LoopClock
from pipeline.core.events import (
    Backchannel,
    ReplyEnded,
    ReplyId,
    ReplyStatus,
    ReplyStopped,
    SpeechStarted,
    TurnEnded,
    TurnId,
)
from pipeline.core.pcm import Pcm
from pipeline.core.stages import Speech, VoiceActivity
from pipeline.session.echoing import EchoingLine
from pipeline.session.line import ReplyAudio
from tests.echoes import Samples, at_level, pcm_of, samples_of
from tests.fakes import RATE, FakeLine, FakeModel, FakeRecognizer, FakeSynthesizer, FakeTurnModel
from tests.recordings import prompts, read_speech
from tests.session.calls import Made, asks_again_after, place
from tests.virtual_time import VIRTUAL_TIME, Backend, pass_time

pytestmark = pytest.mark.anyio

DELAY = 0.25
ATTENUATION = 0.3
"""Share of the amplitude that comes back, -10 dB."""
CLAUSES = [(0.1, "We are open. "), (0.05, "Thank you for calling. "), (0.05, "Please wait. ")]
SPOKEN = ("vm-nobodyavail", "queue-thankyou", "demo-nogo")


@pytest.fixture
def anyio_backend() -> Backend:
    return VIRTUAL_TIME


@cache
def recording(language: str, name: str) -> Samples:
    found = next(prompt for prompt in prompts(language) if prompt.name == name)
    return at_level(samples_of(read_speech(found), RATE), -22.0)


class LevelVoice:
    """Takes every window that is loud enough for speech."""

    def open(self) -> VoiceActivity:
        return self

    async def probability(self, window: Pcm) -> float:
        return 1.0 if rms_dbfs(window) > -48 else 0.0


class RecordedSynthesizer(FakeSynthesizer):
    """Speaks recordings of a person, one for each clause."""

    async def speak(self, text: str) -> AsyncGenerator[Speech, None]:
        sound = pcm_of(recording("en", SPOKEN[len(self.spoken) % len(SPOKEN)]), RATE)
        self.spoken.append(text)
        for start in range(0, sound.samples, RATE // 5):
            yield Speech(Pcm(sound.data[2 * start : 2 * (start + RATE // 5)], RATE, start))


@dataclass
class SpeakerphoneLine(FakeLine):
    """Hears what it plays after ``DELAY`` seconds; ``says`` are recordings of the caller, each from its instant on."""

    says: list[tuple[float, Samples]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._began = self._dry_at = self._clock.now()
        self._air = np.random.default_rng(1).normal(0, 10 ** (-65 / 20), round((self.duration + 60) * RATE))
        for at, sound in self.says:
            self._add(at, sound)

    async def play(self, audio: ReplyAudio) -> None:
        await super().play(audio)
        at = max(self._clock.now(), self._dry_at)
        self._dry_at = at + audio.pcm.duration
        self._add(at - self._began + DELAY, ATTENUATION * samples_of(audio.pcm, RATE))

    def sound(self, at: float, samples: int) -> bytes:
        first = round(at * RATE)
        return pcm_of(self._air[first : first + samples], RATE).data

    def _add(self, at: float, sound: Samples) -> None:
        first = round(at * RATE)
        self._air[first : first + len(sound)] += sound


def call(*, echo_gate: bool, over: list[tuple[float, Samples]] | None = None) -> Made:
    """Return a call whose caller asks a question at 1 s; the answer begins at about 3 s and takes ten."""
    line = SpeakerphoneLine((), 22.0, says=[(1.0, recording("it", "vm-goodbye")), *(over or [])])
    return Made(
        line,
        recognizer=FakeRecognizer([(0.05, "when do you open"), (0.05, "no I wanted something else")]),
        model=FakeModel(CLAUSES, [(0.1, "Well.")]),
        synthesizer=RecordedSynthesizer(),
        call=asks_again_after(60.0),
        turn_model=FakeTurnModel([(0.02, 0.95)]),
        voice=LevelVoice(),
        echo_gate=echo_gate,
    )


async def test_a_reply_whose_echo_is_heard_goes_on_and_makes_no_turn() -> None:
    made = call(echo_gate=True)
    await place(made)
    (ended,) = made.line.of(ReplyEnded)
    assert isinstance(ended, ReplyEnded)
    assert ended.status is ReplyStatus.COMPLETED
    assert len(made.line.of(TurnEnded)) == len(made.line.of(SpeechStarted)) == 1
    assert not made.line.of(Backchannel)
    played = [sent for sent in made.line.audio if sent.audio.pcm.samples]
    assert played[-1].at - played[0].at < sum(sent.audio.pcm.duration for sent in played)


async def test_without_the_gate_the_echo_counts_as_the_caller() -> None:
    made = call(echo_gate=False)
    await place(made)
    assert len(made.line.of(SpeechStarted)) > 1


async def test_a_caller_over_the_echo_stops_the_reply() -> None:
    says_at = 6.0
    made = call(echo_gate=True, over=[(says_at, recording("it", "vm-nobodyavail"))])
    await place(made)
    starts = [event for event in made.line.of(SpeechStarted) if isinstance(event, SpeechStarted)]
    assert len({event.turn for event in starts}) == 2
    onset = next(event.audio_at for event in starts if event.turn == 2)
    assert says_at - 0.1 < onset < says_at + 0.3
    (stopped,) = made.line.of(ReplyStopped)
    assert isinstance(stopped, ReplyStopped)
    assert stopped.status is ReplyStatus.BARGE_IN


async def test_frames_are_played_back_to_back_and_what_was_stopped_is_not() -> None:
    clock = LoopClock()
    told: list[tuple[float, int]] = []
    line = FakeLine((), 1.0)
    echoing = EchoingLine(line, lambda pcm, at: told.append((round(at - began, 3), pcm.samples)), clock)
    began = clock.now()
    frame = ReplyAudio(TurnId(1), ReplyId(1), Pcm(bytes(640), RATE), last=False)
    try:
        for _ in range(3):
            await echoing.play(frame)
        await pass_time(0.01)
        stopped = ReplyStopped(
            turn=TurnId(1),
            at=clock.now(),
            reply=ReplyId(1),
            status=ReplyStatus.BARGE_IN,
            onset_at=None,
            silent_at=None,
        )
        await echoing.send(stopped)
        await echoing.play(frame)
        await pass_time(1.0)
        await echoing.play(frame)
    finally:
        line.close()
    assert told == [(0.0, 320), (0.02, 320), (0.04, 320), (0.01, 320), (1.01, 320)]
    assert line.events == [stopped]
    assert len(line.audio) == 5
