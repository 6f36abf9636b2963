import shutil
from collections.abc import Callable
from contextlib import aclosing, suppress
from itertools import pairwise
from pathlib import Path

import anyio
import numpy as np
import pytest
from streaming_vits import graph

from pipeline.audio.level import first_audible, rms_dbfs
from pipeline.core.errors import ModelError, SpeakingError
from pipeline.core.pcm import Pcm, joined
from pipeline.hearing.whisper import Whisper
from pipeline.settings import Speaking
from pipeline.speaking.piper import Piper, _Split, _Whole
from tests.engine.broken import cut_short, with_flipped_bit
from tests.engine.sounds import at_16k, spoken
from tests.engine.words import word_errors

pytestmark = [pytest.mark.engine, pytest.mark.anyio]

VOICE = "piper-en-us-joe-medium"
LONG = "Thank you for calling, we are open from nine in the morning until half past six, every day but Sunday."


async def test_a_clause_comes_in_pieces_that_follow_one_another(piper: Piper) -> None:
    pieces = [piece.pcm async for piece in piper.speak(LONG)]
    assert len(pieces) > 3
    assert pieces[0].start == 0
    assert all(after.start == before.start + before.samples for before, after in pairwise(pieces))
    assert {piece.rate for piece in pieces} == {piper.rate}
    assert pieces[0].duration < 0.3


def test_pieces_joined_are_what_the_whole_network_makes(model_path: Callable[[str], Path]) -> None:
    model = (model_path(VOICE) / "en_US-joe-medium.onnx").read_bytes()
    ids = np.array([[1, 0, *[number for place in range(60) for number in (14 + place % 20, 0)], 2]], np.int64)
    without_noise = np.array([0, 1, 0], np.float32)
    inputs = {"input": ids, "input_lengths": np.array([ids.shape[1]], np.int64), "scales": without_noise}
    pieces = list(_Split(model).decode(inputs).pieces)
    (whole,) = _Whole(model).decode(inputs).pieces
    assert len(pieces) > 2
    np.testing.assert_allclose(np.concatenate(pieces), whole, atol=1e-4)


async def test_speech_begins_at_once(piper: Piper) -> None:
    for text in ("Yes.", "Sure, one moment.", LONG):
        onset = first_audible(await spoken(piper.speak, text))
        assert onset is not None
        assert onset / piper.rate < 0.02


async def test_speech_has_the_same_level_whatever_is_said(piper: Piper) -> None:
    for text in ("Good morning, how can I help you?", LONG):
        assert -27 < rms_dbfs(await spoken(piper.speak, text)) < -18


async def test_what_is_spoken_is_what_was_written(piper: Piper, tiny: Whisper) -> None:
    found = await tiny.transcribe(at_16k(await spoken(piper.speak, LONG)), "en")
    assert word_errors([LONG], [found.text]) < 0.15


async def test_two_sentences_are_both_spoken(piper: Piper, tiny: Whisper) -> None:
    text = "Your table is booked. We look forward to seeing you."
    found = await tiny.transcribe(at_16k(await spoken(piper.speak, text)), "en")
    assert word_errors([text], [found.text]) == 0


@pytest.mark.parametrize("text", ["", " ", "…", "!", "-- ,", "\n\n"])
async def test_a_text_without_sounds_is_silent(piper: Piper, text: str) -> None:
    assert [piece async for piece in piper.speak(text)] == []


async def test_a_higher_speed_takes_less_time(model_path: Callable[[str], Path], piper: Piper) -> None:
    hurried = Piper.load(model_path(VOICE), Speaking(speed=2.0))
    normal, fast = await spoken(piper.speak, LONG), await spoken(hurried.speak, LONG)
    assert 0.4 < fast.duration / normal.duration < 0.75


async def test_clauses_spoken_at_the_same_time_do_not_mix(piper: Piper, tiny: Whisper) -> None:
    texts = ["The parcel arrives on Monday morning.", "Your appointment is in the afternoon.", "We are closed today."]
    sounds: dict[str, Pcm] = {}

    async def call(text: str) -> None:
        sounds[text] = await spoken(piper.speak, text)

    async with anyio.create_task_group() as tasks:
        for text in texts:
            tasks.start_soon(call, text)
    understood = [(await tiny.transcribe(at_16k(sounds[text]), "en")).text for text in texts]
    assert word_errors(texts, understood) < 0.1


async def test_closing_early_computes_no_further_piece(piper: Piper) -> None:
    async with aclosing(piper.speak(LONG)) as pieces:
        await anext(pieces)
    assert piper._limiter.borrowed_tokens == 0
    assert (await spoken(piper.speak, "Next.")).duration > 0.1


async def test_cancelling_in_mid_synthesis_leaves_the_voice_free(piper: Piper) -> None:
    begun = anyio.Event()

    async def call() -> None:
        async for _ in piper.speak(LONG):
            begun.set()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(call)
        await begun.wait()
        tasks.cancel_scope.cancel()
    assert piper._limiter.borrowed_tokens == 0
    assert (await spoken(piper.speak, "Next.")).duration > 0.1


async def test_a_voice_that_cannot_be_split_is_spoken_whole(
    model_path: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_seam(_: object) -> None:
        raise ValueError("no seam")

    monkeypatch.setattr(graph, "find_seam", no_seam)
    whole = Piper.load(model_path(VOICE), Speaking())
    assert not whole.streams
    speech = [piece async for piece in whole.speak(LONG)]
    assert joined([piece.pcm for piece in speech]).duration > 3
    assert not any(piece.words for piece in speech)


def test_a_speaker_that_the_voice_has_not_is_refused(model_path: Callable[[str], Path]) -> None:
    with pytest.raises(SpeakingError) as caught:
        Piper.load(model_path(VOICE), Speaking(speaker=3))
    assert caught.value.code == "speaker-unknown"


async def test_a_flipped_bit_is_refused_or_does_no_more_than_mispronounce(
    model_path: Callable[[str], Path], tmp_path: Path
) -> None:
    for place, at in enumerate((0.0, 0.001, 0.5, 1.0)):
        folder = with_flipped_bit(model_path(VOICE), tmp_path / str(place), "en_US-joe-medium.onnx", at)
        with suppress(ModelError):
            await spoken(Piper.load(folder, Speaking()).speak, "Hello.")
        shutil.rmtree(folder)


@pytest.mark.parametrize("name", ["en_US-joe-medium.onnx", "en_US-joe-medium.onnx.json"])
def test_a_file_that_is_cut_short_is_refused_with_its_remedy(
    model_path: Callable[[str], Path], tmp_path: Path, name: str
) -> None:
    folder = cut_short(model_path(VOICE), tmp_path, name)
    with pytest.raises(ModelError) as caught:
        Piper.load(folder, Speaking())
    assert (caught.value.code, caught.value.fix) == ("model-broken", f"voicepipe models verify {VOICE}")
    shutil.rmtree(folder)


def test_a_folder_without_a_voice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError) as caught:
        Piper.load(tmp_path, Speaking())
    assert caught.value.code == "model-missing"
