import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.store.keys import make


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


@pytest.mark.engine
def test_a_server_that_has_what_an_agent_names_is_enough(tmp_path: Path, ollama_server: str) -> None:
    names = '["qwen2.5:7b", "smollm2-135m-instruct"]'
    (tmp_path / "shop.toml").write_text(f'name = "Shop"\npersona = "p"\n[model]\nnames = {names}\n')
    settings = {"AGENTS": str(tmp_path), "DIALOG__ENGINE": "ollama", "DIALOG__OLLAMA_URL": ollama_server}
    environment = {f"VOICEPIPE_{key}": value for key, value in settings.items()}
    assert found(tmp_path, f"ollama at {ollama_server}", **environment)["ok"]
    finding = found(tmp_path, "models of agent shop", **environment)
    assert (finding["ok"], finding["state"]) == (True, "has smollm2-135m-instruct; misses qwen2.5:7b")
