import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.dialog.knowledge.database import write
from pipeline.store.keys import make
from tests.dialog.knowledge.conftest import CUTS
from tests.ollama_server import OllamaServer


def found(tmp_path: Path, what: str, **settings: str) -> dict[str, object]:
    """Return what ``voicepipe check`` says of ``what`` on a machine without models."""
    environment = {"VOICEPIPE_MODELS__CACHE": str(tmp_path), "VOICEPIPE_DIALOG__ENGINE": "llamacpp", **settings}
    shown = CliRunner().invoke(app, ["check", "--json"], env=environment)
    return next(finding for finding in json.loads(shown.stdout) if finding["what"] == what)


@pytest.mark.parametrize(("agent", "ok", "fix"), [("shop", True, ""), ("nobody", False, "add nobody.toml")])
def test_only_an_agent_that_is_missing_has_a_fix(tmp_path: Path, agent: str, ok: bool, fix: str) -> None:
    finding = found(tmp_path, "agents", VOICEPIPE_AGENT=agent)
    assert (finding["ok"], finding["fix"]) == (ok, fix)


def test_a_model_that_is_missing_comes_with_the_command_that_fetches_it(tmp_path: Path) -> None:
    finding = found(tmp_path, "model for recognition")
    assert not finding["ok"]
    assert finding["fix"] == "voicepipe models pull whisper-tiny.en"


def test_the_models_that_an_agent_names_are_looked_for(tmp_path: Path) -> None:
    (tmp_path / "shop.toml").write_text('name = "Shop"\npersona = "p"\n[model]\nnames = ["qwen2.5:7b"]\n')
    finding = found(tmp_path, "models of agent shop", VOICEPIPE_AGENTS=str(tmp_path))
    assert (finding["ok"], finding["state"]) == (False, "misses qwen2.5:7b")
    assert finding["fix"] == "voicepipe ollama pull qwen2.5:7b"


def test_a_key_that_an_agent_asks_for_is_looked_for(tmp_path: Path) -> None:
    (tmp_path / "shop.toml").write_text('name = "Shop"\npersona = "p"\n[privacy]\nkept = "pseudonym"\n')
    finding = found(tmp_path, "key of pseudonyms", VOICEPIPE_AGENTS=str(tmp_path))
    assert (finding["ok"], "name one with records.key" in str(finding["state"])) == (False, True)
    settings = {"VOICEPIPE_AGENTS": str(tmp_path), "VOICEPIPE_RECORDS__KEY": str(tmp_path / "key")}
    finding = found(tmp_path, "key of pseudonyms", **settings)
    assert (finding["ok"], finding["fix"]) == (False, "voicepipe calls key, or bring the file back")
    make(tmp_path / "key")
    assert found(tmp_path, "key of pseudonyms", **settings)["ok"]


SHOP = 'name = "Shop"\npersona = "p"\n[knowledge]\n'


@pytest.mark.parametrize(
    ("key", "state"),
    [
        ('folder = "shop"', "searched by words"),
        (
            'folder = "shop"\nembedding = "all-minilm"',
            "searched by words alone: vectors of all-minilm come from Ollama",
        ),
    ],
)
def test_how_documents_are_searched_is_said(tmp_path: Path, key: str, state: str) -> None:
    (tmp_path / "shop.toml").write_text(SHOP + key)
    finding = found(tmp_path, "knowledge of agent shop", VOICEPIPE_AGENTS=str(tmp_path))
    assert (finding["ok"], finding["state"]) == (True, state)


def test_vectors_that_no_server_gives_come_with_the_command_that_helps(tmp_path: Path) -> None:
    write(tmp_path / "shop.kb", CUTS, {"embedding_model": "all-minilm"})
    (tmp_path / "shop.toml").write_text(SHOP + 'file = "shop.kb"')
    settings = {"VOICEPIPE_DIALOG__ENGINE": "auto", "VOICEPIPE_DIALOG__OLLAMA_URL": "http://127.0.0.1:9"}
    finding = found(tmp_path, "knowledge of agent shop", VOICEPIPE_AGENTS=str(tmp_path), **settings)
    assert finding["state"] == "searched by words alone: no Ollama server has all-minilm"
    assert finding["fix"] == "voicepipe ollama pull all-minilm"


def test_a_file_of_knowledge_that_is_missing_is_no_good(tmp_path: Path) -> None:
    (tmp_path / "shop.toml").write_text(SHOP + 'file = "absent.kb"')
    finding = found(tmp_path, "knowledge of agent shop", VOICEPIPE_AGENTS=str(tmp_path))
    assert not finding["ok"]
    assert "absent.kb" in str(finding["state"])


@pytest.mark.engine
def test_documents_are_searched_by_vectors_of_a_model_that_the_server_has(tmp_path: Path, ollama: OllamaServer) -> None:
    model = ollama.register("all-minilm-l6-v2")
    (tmp_path / "shop.toml").write_text(f'{SHOP}folder = "shop"\nembedding = "{model}"')
    settings = {"VOICEPIPE_DIALOG__ENGINE": "ollama", "VOICEPIPE_DIALOG__OLLAMA_URL": ollama.url}
    finding = found(tmp_path, "knowledge of agent shop", VOICEPIPE_AGENTS=str(tmp_path), **settings)
    assert finding["state"] == f"searched by words and by vectors of {model}"


def test_the_voice_of_every_language_is_looked_for(tmp_path: Path) -> None:
    spoken = '[languages.zh]\n[languages.en]\nvoice = "piper-zh-cn-huayan-medium"\n'
    (tmp_path / "shop.toml").write_text('name = "Shop"\npersona = "p"\nlanguage = "de"\nvoice = "none"\n' + spoken)
    here = {"VOICEPIPE_AGENTS": str(tmp_path)}
    assert found(tmp_path, "voice of agent shop for de", **here)["state"] == "captions only"
    for tag in ("zh", "en"):
        finding = found(tmp_path, f"voice of agent shop for {tag}", **here)
        assert finding["state"] == "piper-zh-cn-huayan-medium is missing: the language is left out"
        assert (finding["ok"], finding["fix"]) == (True, "voicepipe models pull piper-zh-cn-huayan-medium")


def test_a_voice_that_nobody_names_and_one_that_there_is_not_are_told(tmp_path: Path) -> None:
    spoken = '[languages.zh]\nvoice = "hua"\n'
    (tmp_path / "shop.toml").write_text('name = "Shop"\npersona = "p"\nlanguage = "de"\n' + spoken)
    here = {"VOICEPIPE_AGENTS": str(tmp_path)}
    first = found(tmp_path, "voice of agent shop for de", **here)
    assert (first["ok"], first["state"]) == (True, "none is named: captions only")
    assert first["fix"] == "name one: speaking.voices.de"
    other = found(tmp_path, "voice of agent shop for zh", **here)
    assert (other["ok"], other["state"]) == (False, "hua is no voice of the catalog")


def test_the_usual_voice_must_be_there(tmp_path: Path) -> None:
    assert found(tmp_path, "voice of agent shop for en")["ok"] is False


@pytest.mark.engine
def test_a_voice_that_is_whole_is_told_with_its_rate(tmp_path: Path) -> None:
    (tmp_path / "shop.toml").write_text('name = "Shop"\npersona = "p"\n')
    here = {"VOICEPIPE_AGENTS": str(tmp_path)}
    shown = CliRunner().invoke(app, ["check", "--json"], env=here)
    finding = next(one for one in json.loads(shown.stdout) if one["what"] == "voice of agent shop for en")
    assert finding["state"] == "piper-en-us-joe-medium, 22050 Hz, verified"


def test_what_would_be_said_in_another_language_is_told(tmp_path: Path) -> None:
    tool = '[[tools]]\nname = "status"\ndescription = "d"\nurl = "https://shop.example"\nfiller = "Wait."\n'
    (tmp_path / "shop.toml").write_text('name = "Shop"\npersona = "p"\n' + tool + "[languages.zh]\n")
    finding = found(tmp_path, "phrases of agent shop for zh", VOICEPIPE_AGENTS=str(tmp_path))
    assert (finding["ok"], finding["fix"]) == (True, "add them to shop.toml")
    assert finding["state"] == "said in another language: languages.zh.tools.status.filler"


@pytest.mark.engine
def test_a_server_that_has_what_an_agent_names_is_enough(tmp_path: Path, ollama_server: str) -> None:
    names = '["qwen2.5:7b", "smollm2-135m-instruct"]'
    (tmp_path / "shop.toml").write_text(f'name = "Shop"\npersona = "p"\n[model]\nnames = {names}\n')
    settings = {"AGENTS": str(tmp_path), "DIALOG__ENGINE": "ollama", "DIALOG__OLLAMA_URL": ollama_server}
    environment = {f"VOICEPIPE_{key}": value for key, value in settings.items()}
    assert found(tmp_path, f"ollama at {ollama_server}", **environment)["ok"]
    finding = found(tmp_path, "models of agent shop", **environment)
    assert (finding["ok"], finding["state"]) == (True, "has smollm2-135m-instruct; misses qwen2.5:7b")
