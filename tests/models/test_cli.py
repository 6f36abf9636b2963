import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from pipeline.cli.models import app
from tests.models.conftest import BODY, CONFIG, Bench, sha

WHOLE = f"""
[[models]]
name = "NAME"
kind = "asr"
licence = "MIT"
languages = ["en"]
about = "a model of the tests"
size = {len(BODY) + len(CONFIG)}
files = [
  {{ path = "model.bin", size = {len(BODY)}, sha256 = "{sha(BODY)}" }},
  {{ path = "config.json", size = {len(CONFIG)}, sha256 = "{sha(CONFIG)}" }},
]
[[models.sources]]
kind = "hub"
repo = "owner/repo"
revision = "main"
"""
UNPINNED = """
[[models]]
name = "unpinned"
kind = "llm"
licence = "MIT"
languages = ["en"]
about = "a model that nobody could confirm"
size = 100
files = [{ path = "model.bin" }]
[[models.sources]]
kind = "hub"
repo = "owner/repo"
revision = "main"
"""
CATALOG = "schema = 1" + WHOLE.replace("NAME", "some-model") + UNPINNED + WHOLE.replace("NAME", "silero-vad")

Run = Callable[..., Result]


@pytest.fixture
def run(stocked: Bench, tmp_path: Path) -> Run:
    """Run ``voicepipe models`` on a catalog and a cache of its own."""
    (tmp_path / "catalog.toml").write_text(CATALOG)
    environment = {
        "VOICEPIPE_MODELS__CACHE": str(stocked.cache),
        "VOICEPIPE_MODELS__CATALOG": str(tmp_path / "catalog.toml"),
        "HF_ENDPOINT": stocked.hub.url,
    }
    return lambda *words: CliRunner().invoke(app, words, env=environment)


def test_list_says_what_is_here(run: Run) -> None:
    before = json.loads(run("list", "--json").stdout)
    assert [entry["name"] for entry in before] == ["some-model", "unpinned", "silero-vad"]
    assert not any(entry["present"] for entry in before)
    assert before[0]["sources"] == ["hub repository owner/repo"]
    run("pull", "some-model")
    assert json.loads(run("list", "--json").stdout)[0]["present"]
    assert "some-model" in run("list").stdout


def test_pull_fetches_and_path_prints_where(run: Run, stocked: Bench) -> None:
    pulled = run("pull", "some-model")
    assert pulled.exit_code == 0
    assert "some-model: is here" in pulled.stderr
    found = run("path", "some-model")
    assert found.stdout == f"{stocked.cache}/models/some-model\n"


def test_a_failed_pull_leaves_with_1_and_what_each_source_said(run: Run, stocked: Bench) -> None:
    stocked.hub.files.clear()
    pulled = run("pull", "some-model")
    assert pulled.exit_code == 1
    assert "hub repository owner/repo: model.bin: HTTP 404" in pulled.stderr


def test_an_unknown_name_leaves_with_2_before_anything_is_fetched(run: Run, stocked: Bench) -> None:
    pulled = run("pull", "some-model", "some-modle")
    assert pulled.exit_code == 2
    assert "did you mean: some-model?" in pulled.stderr
    assert stocked.hub.asked == []


def test_pull_with_nothing_to_pull_is_a_wrong_use(run: Run) -> None:
    assert run("pull").exit_code == 2


def test_a_model_of_unknown_hash_needs_a_word_of_trust(run: Run) -> None:
    refused = run("pull", "unpinned")
    assert refused.exit_code == 1
    assert "fix: voicepipe models pull unpinned --trust-on-first-use" in refused.stderr
    assert run("pull", "unpinned", "--trust-on-first-use").exit_code == 0
    assert run("verify", "unpinned").exit_code == 0


def test_verify_names_a_changed_file_and_what_mends_it(run: Run, stocked: Bench) -> None:
    run("pull", "some-model")
    assert run("verify").stdout == "some-model: ok\n"
    weights = stocked.cache / "models" / "some-model" / "model.bin"
    weights.write_bytes(b"?" + BODY[1:])
    broken = run("verify", "--json")
    assert broken.exit_code == 1
    (entry,) = json.loads(broken.stdout)
    assert entry["ok"] is False
    assert list(entry["faults"]) == ["model.bin"]
    assert "fix: voicepipe models pull some-model" in broken.stderr
    assert run("pull", "some-model").exit_code == 0
    assert run("verify").exit_code == 0


def test_path_of_a_missing_model_leaves_with_1_and_the_fix(run: Run) -> None:
    missing = run("path", "some-model")
    assert missing.exit_code == 1
    assert "fix: voicepipe models pull some-model" in missing.stderr


def test_a_profile_gets_the_first_model_of_each_list_that_can_be_had(run: Run, stocked: Bench, tmp_path: Path) -> None:
    profile = tmp_path / "own.toml"
    profile.write_text(
        '[recognition]\nmodels = ["not-in-the-catalog", "some-model"]\n'
        '[dialog]\nmodels = ["some-model"]\n[speaking]\nvoice = "some-model"\n[endpointing]\nturn_model = ""\n'
    )
    pulled = run("pull", "--profile", str(profile))
    assert pulled.exit_code == 0
    models = stocked.cache / "models"
    assert (models / "some-model" / "model.bin").exists()
    assert (models / "silero-vad" / "model.bin").exists()


def test_a_profile_that_cannot_be_had_whole_gets_all_the_rest(run: Run, stocked: Bench, tmp_path: Path) -> None:
    profile = tmp_path / "own.toml"
    profile.write_text(
        '[recognition]\nmodels = ["unpinned"]\n[dialog]\nmodels = ["some-model"]\n[speaking]\nvoice = "some-model"\n'
    )
    pulled = run("pull", "--profile", str(profile))
    assert pulled.exit_code == 1
    assert "nobody could confirm" in pulled.stderr
    assert (stocked.cache / "models" / "some-model" / "model.bin").exists()


def test_an_ollama_server_that_is_not_there_is_named_with_a_fix(run: Run) -> None:
    pulled = run("pull", "unpinned", "--trust-on-first-use", "--ollama-url", "http://127.0.0.1:9")
    assert pulled.exit_code == 1
    assert "http://127.0.0.1:9" in pulled.stderr
    assert "fix: ollama serve" in pulled.stderr


def test_a_broken_catalog_is_told_by_its_file(run: Run, tmp_path: Path) -> None:
    (tmp_path / "catalog.toml").write_text("schema = 1\nmodels = 3")
    listed = run("list")
    assert listed.exit_code == 1
    assert f"{tmp_path}/catalog.toml" in listed.stderr
