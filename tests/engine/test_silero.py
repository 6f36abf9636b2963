from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.core.errors import ModelError
from pipeline.core.pcm import Pcm, silence
from pipeline.core.stages import VAD_RATE
from pipeline.hearing.silero import Silero
from tests.engine.broken import cut_short
from tests.engine.sounds import NO_SPEECH, heard, pcm, sentences, windows
from tests.recordings import Prompt

pytestmark = [pytest.mark.engine, pytest.mark.anyio]


async def judged(silero: Silero, sound: Pcm) -> list[float]:
    voice = silero.open()
    return [await voice.probability(window) for window in windows(sound)]


async def test_people_are_speech(silero: Silero, human_prompts: tuple[Prompt, ...]) -> None:
    for prompt in sentences(human_prompts, 5):
        verdicts = await judged(silero, heard(prompt))
        assert max(verdicts[:8]) < 0.3, f"{prompt.name}: silence before it"
        assert sum(verdict > 0.5 for verdict in verdicts) > len(verdicts) / 2, prompt.name


@pytest.mark.parametrize("kind", NO_SPEECH)
async def test_what_is_no_speech_is_not(silero: Silero, kind: str) -> None:
    verdicts = await judged(silero, pcm(NO_SPEECH[kind]))
    assert sum(verdict > 0.5 for verdict in verdicts) <= 2


async def test_calls_that_take_turns_on_one_engine_do_not_mix(
    silero: Silero, human_prompts: tuple[Prompt, ...]
) -> None:
    first, second = (windows(heard(prompt)) for prompt in sentences(human_prompts, 2))
    one, other = silero.open(), silero.open()
    together = [(await one.probability(a), await other.probability(b)) for a, b in zip(first, second, strict=False)]
    alone = silero.open()
    assert [await alone.probability(window) for window in first[: len(together)]] == [mine for mine, _ in together]


async def test_a_window_of_another_length_or_rate_is_refused(silero: Silero) -> None:
    for window in (silence(0.02, VAD_RATE), silence(0.032, 8000), Pcm(bytes(1024), 48_000)):
        with pytest.raises(ValueError, match="512 samples"):
            await silero.open().probability(window)


def test_a_model_file_that_is_cut_short_or_missing_is_named_with_its_remedy(
    model_path: Callable[[str], Path], tmp_path: Path
) -> None:
    with pytest.raises(ModelError) as caught:
        Silero.load(cut_short(model_path("silero-vad"), tmp_path, "silero_vad.onnx"))
    assert (caught.value.code, caught.value.fix) == ("model-broken", "voicepipe models verify silero-vad")
    with pytest.raises(ModelError) as caught:
        Silero.load(tmp_path)
    assert caught.value.code == "model-missing"
