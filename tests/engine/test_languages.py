"""Which of two languages is spoken: whisper base on telephone prompts that people recorded in three languages."""

import pytest

from pipeline.core.errors import HearingError
from pipeline.hearing.whisper import ENOUGH, Whisper
from tests.engine.sounds import NO_SPEECH, heard, pcm, sentences
from tests.recordings import Prompt, prompts

pytestmark = [pytest.mark.engine, pytest.mark.anyio, pytest.mark.timeout(300)]


def long_prompts(language: str) -> list[Prompt]:
    """Return recordings from which a language can be told."""
    return [prompt for prompt in sentences(prompts(language), 60) if 12 > heard(prompt).duration >= ENOUGH + 1][:8]


async def languages(whisper: Whisper, spoken: str, usual: str, other: str) -> list[str]:
    """Return what language each prompt was heard in."""
    return [(await whisper.transcribe(heard(prompt), usual, [other])).language for prompt in long_prompts(spoken)]


@pytest.mark.parametrize(("spoken", "usual"), [("en", "fr"), ("fr", "en"), ("en", "es"), ("es", "en"), ("en", "zh")])
async def test_a_sentence_in_another_language_is_noticed(base: Whisper, spoken: str, usual: str) -> None:
    found = await languages(base, spoken, usual, spoken)
    assert found.count(spoken) >= 0.6 * len(found)
    assert set(found) <= {spoken, usual}


@pytest.mark.parametrize(("spoken", "other"), [("en", "fr"), ("fr", "en"), ("es", "en"), ("en", "zh")])
async def test_a_sentence_in_the_usual_language_is_not_taken_for_another(
    base: Whisper, spoken: str, other: str
) -> None:
    found = await languages(base, spoken, spoken, other)
    assert found.count(spoken) >= 0.9 * len(found)


async def test_what_is_too_short_is_in_the_usual_language(base: Whisper) -> None:
    short = [prompt for prompt in prompts("en") if heard(prompt).duration < ENOUGH][:6]
    assert {(await base.transcribe(heard(prompt), "fr", ["en"])).language for prompt in short} == {"fr"}


@pytest.mark.parametrize("kind", NO_SPEECH)
async def test_no_words_of_any_language_are_heard_in_what_is_no_speech(base: Whisper, kind: str) -> None:
    assert (await base.transcribe(pcm(NO_SPEECH[kind]), "en", ["zh", "fr"])).text == ""


async def test_an_english_model_refuses_to_tell_languages_apart(tiny: Whisper) -> None:
    with pytest.raises(HearingError, match="does not know the language 'zh'") as caught:
        await tiny.transcribe(pcm(NO_SPEECH["noise"]), "en", ["zh"])
    assert caught.value.code == "language-unknown"
