from pathlib import Path

import pytest

from pipeline.core.errors import PipelineError
from pipeline.dialog.agents import KNOWN_PHRASES, Agent, OtherLanguage, OtherPhrases
from pipeline.models import catalog
from pipeline.models.store import Store
from pipeline.servable import Known
from pipeline.settings import SHARE, Settings, Speaking
from pipeline.speaking.mute import NONE

JOE = "piper-en-us-joe-medium"
HUAYAN = "piper-zh-cn-huayan-medium"
MULTILINGUAL = frozenset({"en", "zh", "de"})
CHINESE = OtherLanguage(phrases=OtherPhrases(**KNOWN_PHRASES["zh"].model_dump(exclude={"person"})))


def agent(name: str = "shop", **keys: object) -> Agent:
    return Agent.model_validate({"id": name, "name": name, "persona": "You keep a shop.", **keys})


class Here:
    """A machine with these voices and this recognizer."""

    def __init__(
        self, cache: Path, *, voices: tuple[str, ...] = (), languages: frozenset[str] = MULTILINGUAL, **settings: object
    ) -> None:
        self.store = Store(cache, catalog.read(SHARE / "models" / "catalog.toml"))
        for name in (*voices, "whisper-tiny.en"):
            for file in self.store.catalog[name].files:
                place = self.store.folder(name) / file.path
                place.parent.mkdir(parents=True, exist_ok=True)
                with place.open("wb") as made:
                    made.truncate(file.size)
        self.known = Known(languages, Settings(**settings), self.store)  # type: ignore[arg-type]
        self.warned: list[str] = []

    def served(self, *agents: Agent) -> dict[str, Agent]:
        return self.known.served(
            {one.id: one for one in agents}, lambda text, fix: self.warned.append(f"{text}; {fix}")
        )


def test_an_agent_of_the_usual_language_has_the_usual_voice(tmp_path: Path) -> None:
    here = Here(tmp_path, voices=(JOE,))
    assert here.served(agent())["shop"].voice == JOE
    assert here.warned == []


def test_another_language_has_the_voice_that_the_settings_name_for_it(tmp_path: Path) -> None:
    here = Here(tmp_path, voices=(JOE, HUAYAN))
    served = here.served(agent(languages={"zh": CHINESE}))["shop"]
    assert [idiom.voice for idiom in served.idioms.values()] == [JOE, HUAYAN]


def test_a_language_without_a_voice_is_left_out_and_said_with_its_remedy(tmp_path: Path) -> None:
    here = Here(tmp_path, voices=(JOE,))
    assert list(here.served(agent(languages={"zh": CHINESE}))["shop"].idioms) == ["en"]
    assert here.warned == [
        f"agent shop: no voice for 'zh' is installed, the language is left out; voicepipe models pull {HUAYAN}"
    ]


def test_an_agent_whose_own_language_has_no_voice_gives_captions(tmp_path: Path) -> None:
    here = Here(tmp_path, voices=(JOE,))
    assert here.served(agent(language="zh"))["shop"].voice == NONE
    assert "its callers get captions only; voicepipe models pull" in here.warned[0]


def test_a_voice_of_another_language_does_not_speak_an_agents(tmp_path: Path) -> None:
    here = Here(tmp_path, voices=(JOE,))
    assert here.served(agent(language="de"))["shop"].voice == NONE
    assert here.warned[0].endswith("name a voice: speaking.voices.de")


def test_captions_may_be_asked_for(tmp_path: Path) -> None:
    here = Here(tmp_path, voices=(JOE,))
    mute = CHINESE.model_copy(update={"voice": NONE})
    assert here.served(agent(languages={"zh": mute}))["shop"].idioms["zh"].voice == NONE
    assert here.warned == []


def test_a_language_that_is_not_recognized_is_left_out(tmp_path: Path) -> None:
    here = Here(tmp_path, voices=(JOE, HUAYAN), languages=frozenset({"en"}))
    assert list(here.served(agent(languages={"zh": CHINESE}))["shop"].idioms) == ["en"]
    assert here.warned[0].startswith("agent shop: whisper-tiny.en does not know 'zh', it is left out")


def test_an_agent_that_is_not_understood_is_left_out(tmp_path: Path) -> None:
    here = Here(tmp_path, voices=(JOE, HUAYAN), languages=frozenset({"en"}))
    assert list(here.served(agent(), agent("bakery-zh", language="zh"))) == ["shop"]
    assert here.warned[0].startswith("agent bakery-zh: whisper-tiny.en does not know 'zh', it is left out")


def test_the_agent_that_answers_by_default_must_be_understood(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match=r"agent shop: whisper-tiny\.en does not know 'zh'"):
        Here(tmp_path, languages=frozenset({"en"})).served(agent(language="zh"))


@pytest.mark.parametrize("name", ["no-such-voice", "silero-vad"])
def test_a_voice_that_is_none_is_named_with_the_key(tmp_path: Path, name: str) -> None:
    other = CHINESE.model_copy(update={"voice": name})
    with pytest.raises(PipelineError, match=r"agent shop: languages\.zh\.voice: .* is no voice of the catalog"):
        Here(tmp_path).served(agent(languages={"zh": other}))
    with pytest.raises(PipelineError, match=r"speaking\.voices\.zh: .* is no voice of the catalog"):
        Here(tmp_path, speaking=Speaking(voices={"zh": name})).served(agent(languages={"zh": CHINESE}))
