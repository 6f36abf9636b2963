from collections.abc import AsyncGenerator
from contextlib import aclosing

import anyio
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.audio.resample import Resampler
from pipeline.core.errors import SpeakingError
from pipeline.core.events import Clause, ReplyId, TurnId
from pipeline.core.pcm import Pcm, joined
from pipeline.core.stages import Speech, WordEnd
from pipeline.speaking.playhead import WORD_SLACK, Playhead
from pipeline.speaking.speaker import Speaker
from tests.fakes import RATE, FakeSynthesizer
from tests.partitions import cut, cuts
from tests.virtual_time import VIRTUAL_TIME, Backend, run_virtually

FRAME = 0.02
TEXTS = ["We open at nine, ", "and we close at six. "]


@pytest.fixture
def anyio_backend() -> Backend:
    return VIRTUAL_TIME


class ScriptedVoice:
    """Speaks each clause in the pieces that stand for its text; places the words with the piece that is told."""

    def __init__(
        self,
        pieces: dict[str, list[bytes]],
        words: dict[tuple[str, int], list[WordEnd]] | None = None,
        rate: int = RATE,
    ) -> None:
        self.rate = rate
        self._pieces = pieces
        self._words = words or {}

    async def speak(self, text: str) -> AsyncGenerator[Speech, None]:
        start = 0
        for number, data in enumerate(self._pieces[text]):
            yield Speech(Pcm(data, self.rate, start), tuple(self._words.get((text, number), ())))
            start += len(data) // 2


class Spoken:
    """One reply that was spoken to its end."""

    def __init__(self, voice: ScriptedVoice | FakeSynthesizer, *, rate: int = RATE) -> None:
        self.frames: list[Pcm] = []
        self.ready: list[tuple[int, int]] = []
        """Index of each clause with sound, and the frames that had left when it was ready."""
        self.playhead = Playhead(rate)
        self.speaker = Speaker(voice, self.playhead, rate=rate, frame=FRAME, ready=self._ready)

    async def _ready(self, clause: Clause) -> None:
        self.ready.append((clause.index, len(self.frames)))

    async def speak(self, *texts: str, most: int | None = None) -> None:
        """Speak ``texts`` as clauses; stop after ``most`` frames."""
        clauses_in, clauses = anyio.create_memory_object_stream[Clause](len(texts))
        async with clauses, aclosing(self.speaker.frames(clauses)) as frames:
            async with clauses_in:
                for index, text in enumerate(texts):
                    clauses_in.send_nowait(Clause(turn=TurnId(1), at=0.0, reply=ReplyId(1), index=index, text=text))
            async for frame in frames:
                self.frames.append(frame)
                if len(self.frames) == most:
                    break


def tone(samples: int, phase: int = 0) -> bytes:
    return b"".join(
        ((index + phase) % 97 * 300 - 14_000).to_bytes(2, "little", signed=True) for index in range(samples)
    )


@pytest.mark.parametrize("rate", [8000, 16_000, 24_000, 48_000])
@pytest.mark.anyio
async def test_all_frames_are_exact_and_follow_one_another(rate: int) -> None:
    spoken = Spoken(FakeSynthesizer(), rate=rate)
    await spoken.speak(*TEXTS)
    samples = round(FRAME * rate)
    assert {frame.samples for frame in spoken.frames} == {samples}
    assert [frame.start for frame in spoken.frames] == [number * samples for number in range(len(spoken.frames))]
    assert {frame.rate for frame in spoken.frames} == {rate}
    assert joined(spoken.frames).duration == pytest.approx(sum(map(len, TEXTS)) / 15.0, abs=FRAME)


@given(at=cuts(), first=st.integers(0, 3000), second=st.integers(1, 3000), rate=st.sampled_from([8000, 16_000]))
def test_how_the_voice_cuts_its_speech_does_not_show(at: list[int], first: int, second: int, rate: int) -> None:
    speech = {"a": tone(first), "b": tone(second, 50)}
    whole = Spoken(ScriptedVoice({text: [data] for text, data in speech.items()}), rate=rate)
    pieces = {
        text: [data[2 * p.start : 2 * p.stop] for p in cut(range(len(data) // 2), at)] for text, data in speech.items()
    }
    parts = Spoken(ScriptedVoice(pieces), rate=rate)
    run_virtually(lambda: whole.speak("a", "b"))
    run_virtually(lambda: parts.speak("a", "b"))
    assert parts.frames == whole.frames


@given(first=st.integers(0, 3000), second=st.integers(1, 3000))
def test_the_frames_are_the_speech_of_all_clauses_and_silence_to_the_end_of_the_last(first: int, second: int) -> None:
    speech = {"a": tone(first), "b": tone(second, 50)}
    spoken = Spoken(ScriptedVoice({text: [data] for text, data in speech.items()}))
    run_virtually(lambda: spoken.speak("a", "b"))
    heard = joined(spoken.frames).data
    assert heard[: 2 * (first + second)] == speech["a"] + speech["b"]
    assert not any(heard[2 * (first + second) :])
    assert len(heard) - 2 * (first + second) < 2 * round(FRAME * RATE)


@pytest.mark.anyio
async def test_each_clause_is_ready_at_its_first_sound_and_before_its_frames() -> None:
    spoken = Spoken(ScriptedVoice({"a": [tone(3200)], "...": [], "b": [tone(320)]}))
    await spoken.speak("a", "...", "b")
    assert spoken.ready == [(0, 0), (2, 10)]


@pytest.mark.anyio
async def test_the_playhead_knows_where_each_clause_lies() -> None:
    spoken = Spoken(ScriptedVoice({"one ": [tone(RATE)], "two": [tone(RATE)]}), rate=8000)
    await spoken.speak("one ", "two")
    spoken.playhead.frame_sent(16_000, now=100.0)
    assert spoken.playhead.heard(100.5) == ""
    assert spoken.playhead.heard(101.0) == "one "
    assert spoken.playhead.heard(101.5) == "one "
    assert spoken.playhead.heard(102.0) == "one two"


@pytest.mark.parametrize("line", [8000, 16_000, 22_050, 24_000, 48_000])
@pytest.mark.anyio
async def test_words_are_heard_when_their_sound_leaves_the_line_whatever_its_rate(line: int) -> None:
    rate, before, ends = 22_050, 12_345, [4001, 9003]
    click = bytes(2 * (ends[0] - 11)) + b"\x00\x60" * 11 + bytes(2 * (ends[1] - ends[0] - 11)) + b"\x00\x60" * 11
    voice = ScriptedVoice(
        {"one ": [bytes(2 * before)], "two three": [click[:6000], click[6000:] + bytes(8000)]},
        {("one ", 0): [WordEnd(4, before)], ("two three", 0): [WordEnd(4, ends[0]), WordEnd(9, ends[1])]},
        rate,
    )
    spoken = Spoken(voice, rate=line)
    await spoken.speak("one ", "two three")
    sound = np.abs(np.frombuffer(joined(spoken.frames).data, "<i2").astype(int))
    spoken.playhead.frame_sent(len(sound), now=100.0)
    for heard, more, end in (("one ", "one two ", before + ends[0]), ("one two ", "one two three", before + ends[1])):
        near = round(end / rate * line)
        loud = np.flatnonzero(sound[: near + 9] > 0x3000)
        at_ms = 1000 * ((loud[-1] + 1) / line - WORD_SLACK)
        spoken.playhead.reported(int(at_ms) - 1)
        assert spoken.playhead.heard(100.0) == heard
        spoken.playhead.reported(int(at_ms) + 2)
        assert spoken.playhead.heard(100.0) == more


@pytest.mark.anyio
async def test_clauses_are_one_stream_for_the_resampler() -> None:
    spoken = Spoken(ScriptedVoice({"a": [tone(1600)], "b": [tone(1600, 1600)]}), rate=8000)
    await spoken.speak("a", "b")
    resampler = Resampler(RATE, 8000)
    straight = resampler.feed(Pcm(tone(3200), RATE)).data + resampler.flush().data
    assert joined(spoken.frames).data == straight


@pytest.mark.anyio
async def test_nothing_to_say_is_no_frame() -> None:
    spoken = Spoken(FakeSynthesizer())
    await spoken.speak()
    assert spoken.frames == []


@pytest.mark.anyio
async def test_closing_early_closes_the_voice() -> None:
    voice = FakeSynthesizer()
    spoken = Spoken(voice)
    await spoken.speak(*TEXTS, most=2)
    assert len(spoken.frames) == 2
    assert voice.open_streams == 0
    assert voice.spoken == TEXTS[:1]


@pytest.mark.anyio
async def test_a_voice_that_breaks_is_told_after_the_frames_before() -> None:
    voice = FakeSynthesizer(fails_at="six")
    spoken = Spoken(voice)
    with pytest.raises(SpeakingError, match="the voice broke"):
        await spoken.speak(*TEXTS)
    assert len(spoken.frames) == int(len(TEXTS[0]) / 15.0 / FRAME)
    assert voice.open_streams == 0
