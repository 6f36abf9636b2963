import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import anyio
import numpy as np
import pytest

from pipeline.core.errors import HearingError, ModelError
from pipeline.core.pcm import Pcm, joined, silence
from pipeline.core.stages import VAD_RATE
from pipeline.hearing.whisper import Whisper
from pipeline.settings import Recognition
from pipeline.speaking.piper import Piper
from tests.engine.broken import cut_short, with_flipped_bit
from tests.engine.sounds import NO_SPEECH, at_16k, heard, pcm, sentences, spoken
from tests.engine.words import word_errors
from tests.recordings import Prompt

pytestmark = [pytest.mark.engine, pytest.mark.anyio]


@pytest.fixture(params=["tiny", "base"])
def whisper(request: pytest.FixtureRequest) -> Whisper:
    found: Whisper = request.getfixturevalue(request.param)
    return found


async def test_people_on_the_telephone_are_understood(whisper: Whisper, human_prompts: tuple[Prompt, ...]) -> None:
    chosen = sentences(human_prompts, 25)
    understood = [(await whisper.transcribe(heard(prompt), "en")).text for prompt in chosen]
    assert all(understood)
    assert word_errors([prompt.text for prompt in chosen], understood) < 0.08


async def test_a_synthetic_voice_is_understood(whisper: Whisper, piper: Piper) -> None:
    text = "Could you tell me when my parcel will arrive?"
    found = await whisper.transcribe(at_16k(await spoken(piper.speak, text)), "en")
    assert word_errors([text], [found.text]) == 0
    assert found.confidence > 0.5
    assert found.no_speech < 0.5


@pytest.mark.parametrize("kind", NO_SPEECH)
async def test_no_words_are_heard_in_what_is_no_speech(whisper: Whisper, kind: str) -> None:
    assert (await whisper.transcribe(pcm(NO_SPEECH[kind]), "en")).text == ""


@pytest.mark.parametrize("duration", [0.0, 0.01, 0.5, 28.0])
async def test_silence_of_any_length_is_empty(tiny: Whisper, duration: float) -> None:
    assert (await tiny.transcribe(silence(duration, VAD_RATE), "en")).text == ""


async def test_calls_at_the_same_time_each_get_their_own_words(
    model_path: Callable[[str], Path], human_prompts: tuple[Prompt, ...]
) -> None:
    whisper = Whisper.load(model_path("whisper-tiny.en"), Recognition(workers=2, threads=1))
    chosen = sentences(human_prompts, 4)
    alone = [(await whisper.transcribe(heard(prompt), None)).text for prompt in chosen]
    together = [""] * len(chosen)

    async def call(place: int) -> None:
        together[place] = (await whisper.transcribe(heard(chosen[place]), None)).text

    async with anyio.create_task_group() as tasks:
        for place in range(len(chosen)):
            tasks.start_soon(call, place)
    assert together == alone


async def test_a_long_turn_is_heard_to_its_end(tiny: Whisper, human_prompts: tuple[Prompt, ...]) -> None:
    chosen = [prompt for prompt in sentences(human_prompts, 60) if prompt.words > 8]
    parts: list[Pcm] = []
    while sum(part.duration for part in parts) < 22:
        parts.append(heard(chosen[len(parts)]))
    found = await tiny.transcribe(joined(parts), "en")
    assert word_errors([" ".join(prompt.text for prompt in chosen[: len(parts)])], [found.text]) < 0.15


async def test_what_lies_behind_thirty_seconds_does_no_harm(tiny: Whisper, human_prompts: tuple[Prompt, ...]) -> None:
    (prompt,) = sentences(human_prompts, 1)
    found = await tiny.transcribe(joined([heard(prompt), silence(40, VAD_RATE)]), "en")
    assert word_errors([prompt.text], [found.text]) < 0.3


async def test_a_multilingual_model_detects_the_language(base: Whisper, human_prompts: tuple[Prompt, ...]) -> None:
    (prompt,) = sentences(human_prompts, 1)
    assert (await base.transcribe(heard(prompt), None)).language == "en"


async def test_a_region_is_no_other_language(tiny: Whisper, human_prompts: tuple[Prompt, ...]) -> None:
    (prompt,) = sentences(human_prompts, 1)
    assert (await tiny.transcribe(heard(prompt), "en-GB")).text


async def test_a_language_that_the_model_does_not_know_is_refused(tiny: Whisper, base: Whisper) -> None:
    for whisper, language in ((tiny, "de"), (base, "xx")):
        with pytest.raises(HearingError) as caught:
            await whisper.transcribe(silence(1.0, VAD_RATE), language)
        assert caught.value.code == "language-unknown"


async def test_cancelling_leaves_the_recognizer_free(tiny: Whisper, human_prompts: tuple[Prompt, ...]) -> None:
    (prompt,) = sentences(human_prompts, 1)
    async with anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(tiny.transcribe, heard(prompt), "en")
        await anyio.lowlevel.checkpoint()
        tasks.cancel_scope.cancel()
    assert (await tiny.transcribe(heard(prompt), "en")).text


async def test_the_full_window_takes_over_when_the_short_one_is_unsure(
    tiny: Whisper, human_prompts: tuple[Prompt, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.hearing.whisper.SURE", 1.1)
    chosen = sentences(human_prompts, 5)
    understood = [(await tiny.transcribe(heard(prompt), "en")).text for prompt in chosen]
    assert word_errors([prompt.text for prompt in chosen], understood) < 0.1


async def test_the_short_context_hears_as_well_as_the_full_one(
    model_path: Callable[[str], Path], human_prompts: tuple[Prompt, ...]
) -> None:
    chosen = sentences(human_prompts, 40)
    errors = {}
    for context in ("short", "full"):
        whisper = Whisper.load(model_path("whisper-tiny.en"), Recognition(context=context))
        understood = [(await whisper.transcribe(heard(prompt), "en")).text for prompt in chosen]
        errors[context] = word_errors([prompt.text for prompt in chosen], understood)
    assert errors["short"] <= errors["full"] + 0.02  # three words of 293 are chance; a 10 s window costs sixteen


def test_a_decoder_that_runs_away_is_noticed(
    tiny: Whisper, human_prompts: tuple[Prompt, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    (prompt,) = sentences(human_prompts, 1)
    sound = np.divide(np.frombuffer(heard(prompt).data, np.int16), 32768, dtype=np.float32)
    assert tiny._attempt(sound, "en").finished
    monkeypatch.setattr("pipeline.hearing.whisper.TOKENS_PER_SECOND", 0)
    monkeypatch.setattr("pipeline.hearing.whisper.TOKENS_ALLOWED", 4)
    assert not tiny._attempt(sound, "en").finished


async def test_a_flipped_bit_is_refused_or_does_no_more_than_mishear(
    model_path: Callable[[str], Path], tmp_path: Path
) -> None:
    for place, at in enumerate((0.0, 0.00001, 0.0001, 0.5, 1.0)):
        folder = with_flipped_bit(model_path("whisper-tiny.en"), tmp_path / str(place), "model.bin", at)
        with suppress(ModelError):
            await Whisper.load(folder, Recognition()).transcribe(pcm(NO_SPEECH["noise"]), "en")
        shutil.rmtree(folder)


@pytest.mark.parametrize("name", ["model.bin", "tokenizer.json"])
def test_a_file_that_is_cut_short_is_refused_with_its_remedy(
    model_path: Callable[[str], Path], tmp_path: Path, name: str
) -> None:
    folder = cut_short(model_path("whisper-tiny.en"), tmp_path, name)
    with pytest.raises(ModelError) as caught:
        Whisper.load(folder, Recognition())
    assert (caught.value.code, caught.value.fix) == ("model-broken", "voicepipe models verify whisper-tiny.en")
    shutil.rmtree(folder)


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError) as caught:
        Whisper.load(tmp_path, Recognition())
    assert caught.value.code == "model-missing"


async def test_warming_up_says_nothing(tiny: Whisper) -> None:
    await tiny.warm()
