import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from pipeline.cli import app
from pipeline.dialog.knowledge.database import write
from tests.dialog.knowledge.conftest import CUTS


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(app, ["knowledge", *map(str, words)], env={"COLUMNS": "200"})


@pytest.fixture
def built(tmp_path: Path) -> Path:
    documents = tmp_path / "documents"
    documents.mkdir()
    (documents / "hours.md").write_text("# Hours\nNine to five.")
    (documents / "faq.csv").write_text("question,answer\nDo you deliver?,Yes.\n")
    (documents / "empty.txt").write_text("")
    return documents


def test_build_says_what_it_built_and_what_it_left_out(built: Path, tmp_path: Path) -> None:
    shown = run("build", built, "--out", tmp_path / "shop.kb")
    assert shown.exit_code == 0
    assert "2 documents, 2 passages, 1 approved answers\nversion " in shown.stdout
    assert f"left out: {built}/empty.txt: holds no text" in shown.stderr


def test_search_shows_passages_with_their_sources(built: Path, tmp_path: Path) -> None:
    run("build", built, "--out", tmp_path / "shop.kb")
    shown = run("search", tmp_path / "shop.kb", "what are your hours")
    assert shown.stdout == "1. hours.md: Hours\nNine to five.\n"
    (found,) = json.loads(run("search", tmp_path / "shop.kb", "deliver", "--json").stdout)
    assert (found["source"], found["question"], found["text"]) == ("faq.csv", "Do you deliver?", "Yes.")
    assert run("search", tmp_path / "shop.kb", "xylophone").stdout == "nothing found\n"


def test_a_broken_file_comes_with_the_command_that_makes_a_new_one(tmp_path: Path) -> None:
    (tmp_path / "shop.kb").write_text("no knowledge")
    shown = run("search", tmp_path / "shop.kb", "hours")
    assert shown.exit_code == 1
    assert shown.stderr.splitlines()[-1] == "fix: voicepipe knowledge build DIR --out FILE.kb"


def test_without_a_server_there_are_no_vectors_to_build(built: Path, tmp_path: Path) -> None:
    shown = run("build", built, "--out", tmp_path / "a.kb", "--embed", "m", "--ollama-url", "http://127.0.0.1:9")
    assert shown.exit_code == 1
    assert "no Ollama server at http://127.0.0.1:9" in shown.stderr
    assert not (tmp_path / "a.kb").exists()


def test_without_a_server_a_search_goes_by_words(tmp_path: Path) -> None:
    vectors = {number: [1.0, float(number)] for number in range(len(CUTS))}
    write(tmp_path / "a.kb", CUTS, {"embedding_model": "m"}, vectors)
    shown = run("search", tmp_path / "a.kb", "rye bread", "--ollama-url", "http://127.0.0.1:9")
    assert shown.exit_code == 0
    assert shown.stdout.startswith("1. prices.md")
    assert "full text only: no Ollama server at http://127.0.0.1:9" in shown.stderr
