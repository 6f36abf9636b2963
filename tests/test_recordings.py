import pytest

from pipeline.audio.level import rms_dbfs
from pipeline.audio.wav import read_wav
from tests.recordings import prompts


@pytest.mark.parametrize("language", ["en", "es", "fr", "it", "ru"])
def test_every_language_has_hundreds_of_recordings_with_speech_and_text(language: str) -> None:
    found = prompts(language)
    assert len(found) > 400
    assert len({prompt.name for prompt in found}) == len(found)
    for prompt in found[::20]:
        sound = read_wav(prompt.path)
        assert sound.rate == 8000
        assert rms_dbfs(sound) > -45
        assert any(map(str.isalpha, prompt.text))


def test_tones_and_silences_are_left_out() -> None:
    names = {prompt.name for prompt in prompts("en")}
    assert "vm-goodbye" in names
    assert not names & {"beep", "silence/1", "tt-monkeys", "descending-2tone"}


def test_a_language_without_recordings_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="none in 'de'; there are en, es"):
        prompts("de")
