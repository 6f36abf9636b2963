import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipeline.cli import app


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
