import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipeline.cli import app

AGENT = """
name = "Shop"
persona = "You keep a shop. Its number is 415 555 2671."

[privacy]
email = "pass"
"""


@pytest.fixture
def config(tmp_path: Path) -> str:
    (tmp_path / "agents").mkdir()
    (tmp_path / "agents" / "shop.toml").write_text(AGENT)
    (tmp_path / "agents" / "zh.toml").write_text('name = "店"\nlanguage = "zh"\npersona = "你开一家店。"\n')
    file = tmp_path / "settings.toml"
    file.write_text(f'agent = "shop"\nagents = "{tmp_path / "agents"}"\n')
    return str(file)


def test_both_filters_are_shown(config: str) -> None:
    text = "**Sure!** It costs $4.50; mail joe@example.com or call (415) 555-2671, my card is 4111 1111 1111 1111."
    done = CliRunner().invoke(app, ["sanitize", "--config", config, "--json"], input=text)
    made = json.loads(done.stdout)
    assert made["written"].startswith("Sure! It costs $4.50;")
    assert made["redacted"] == (
        "Sure! It costs $4.50; mail joe@example.com or call (415) 555-2671, my card is a card number."
    )
    assert "four dollars and fifty cents; mail joe at example dot com or call four one five," in made["spoken"]
    assert [(found["kind"], found["text"]) for found in made["found"]] == [
        ("email", "joe@example.com"),
        ("phone", "(415) 555-2671"),
        ("card", "4111 1111 1111 1111"),
    ]


def test_an_agent_may_be_named(config: str) -> None:
    done = CliRunner().invoke(
        app, ["sanitize", "--config", config, "--agent", "zh"], input="电话13812345678，两斤5元。"
    )
    assert done.stdout.splitlines()[1:3] == [
        "redacted: 电话一个电话号码，两斤5元。",
        "spoken: 电话一个电话号码，两斤五元。",
    ]


def test_an_agent_that_is_not_there_is_named(config: str) -> None:
    done = CliRunner().invoke(app, ["sanitize", "--config", config, "--agent", "nobody"], input="Hello.")
    assert done.exit_code == 1
    assert "no agent 'nobody'; there are: shop, zh" in done.stderr
