import shutil
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest

from pipeline.core.errors import ModelError
from pipeline.core.pcm import Pcm, joined, silence
from pipeline.core.stages import VAD_RATE
from pipeline.hearing.smart_turn import SmartTurn
from tests.engine.broken import cut_short
from tests.engine.sounds import at_16k, sentences
from tests.recordings import Prompt, read_speech

pytestmark = [pytest.mark.engine, pytest.mark.anyio]


def cut(prompt: Prompt, share: float) -> Pcm:
    """Return the first part of what is said, with the pause in which it is judged."""
    sound = at_16k(read_speech(prompt))
    return joined([Pcm(sound.data[: 2 * round(share * sound.samples)], VAD_RATE), silence(0.1, VAD_RATE)])


async def test_whole_sentences_sound_more_finished_than_their_beginnings(
    smart_turn: SmartTurn, human_prompts: tuple[Prompt, ...]
) -> None:
    chosen = sentences(human_prompts, 40)
    whole = [await smart_turn.probability(cut(prompt, 1.0)) for prompt in chosen]
    begun = [await smart_turn.probability(cut(prompt, 0.6)) for prompt in chosen]
    pairs = [one > other for one in whole for other in begun]
    assert sum(pairs) / len(pairs) > 0.8


@pytest.mark.parametrize("duration", [0.0, 0.05, 3.0, 8.0, 25.0])
async def test_a_turn_of_any_length_is_judged(smart_turn: SmartTurn, duration: float) -> None:
    assert 0 <= await smart_turn.probability(silence(duration, VAD_RATE)) <= 1


async def test_turns_at_the_same_time_are_judged_as_alone(
    smart_turn: SmartTurn, human_prompts: tuple[Prompt, ...]
) -> None:
    sounds = [cut(prompt, 0.8) for prompt in sentences(human_prompts, 6)]
    alone = [await smart_turn.probability(sound) for sound in sounds]
    together = [0.0] * len(sounds)

    async def judge(place: int) -> None:
        together[place] = await smart_turn.probability(sounds[place])

    async with anyio.create_task_group() as tasks:
        for place in range(len(sounds)):
            tasks.start_soon(judge, place)
    assert together == pytest.approx(alone)


async def test_another_rate_is_refused(smart_turn: SmartTurn) -> None:
    with pytest.raises(ValueError, match="16000"):
        await smart_turn.probability(silence(1.0, 8_000))


def test_a_file_that_is_cut_short_is_refused_with_its_remedy(model_path: Callable[[str], Path], tmp_path: Path) -> None:
    folder = cut_short(model_path("smart-turn-v3.2"), tmp_path, "smart-turn-v3.2-cpu.onnx")
    with pytest.raises(ModelError) as caught:
        SmartTurn.load(folder)
    assert (caught.value.code, caught.value.fix) == ("model-broken", "voicepipe models verify smart-turn-v3.2")
    shutil.rmtree(folder)


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError) as caught:
        SmartTurn.load(tmp_path)
    assert caught.value.code == "model-missing"
