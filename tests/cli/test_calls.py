import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from pipeline.cli import app
from pipeline.store import statements
from pipeline.store.file import RecordsFile
from pipeline.store.keys import read
from pipeline.store.rows import Feedback
from tests.store.records import NOON, call_row, everything, turn_row

AGENT = 'name = "Shop"\npersona = "You keep a shop. Its number is 415 555 2671."\n'
PRIVATE = "415 555 2672"
NAME = "⟨phone:abcdefghijklmnop⟩"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "agents").mkdir()
    (tmp_path / "agents" / "shop.toml").write_text(AGENT)
    (tmp_path / "settings.toml").write_text(
        f'agents = "{tmp_path / "agents"}"\n[records]\nfile = "{tmp_path / "kept" / "r.sqlite"}"\n'
    )
    return tmp_path


def run(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments, "--config", str(folder / "settings.toml")])


def fill(folder: Path) -> None:
    """Keep two calls, with a secret that an older redaction let through; there was consent to the second only."""
    file = RecordsFile.open(folder / "kept" / "r.sqlite")
    for number, consent in ((1, False), (2, True)):
        call = call_row(number, consent=consent, began=NOON + number, ended=NOON + 9, reason="client", turns=2)
        words = f"call me at {PRIVATE} and not at 415 555 2671"
        rows = [turn_row(call, turn, words, answer="We open at nine.", heard="We open", model="m") for turn in (1, 2)]
        file.write([call, *rows])
        for turn in (None, 2):
            given = Feedback(conversation=f"c{number}", turn=turn, rating="down", correction="at ten", key="k")
            file.run(lambda connection, given=given: statements.submit(connection, given, NOON))  # type: ignore[misc]
    file.close()


def test_calls_are_listed_the_latest_first(folder: Path) -> None:
    fill(folder)
    lines = run(folder, "calls", "list").stdout.splitlines()
    assert [line.split()[-1] for line in lines] == ["c2", "c1"]
    assert "2026-05-28T20:26:42.000Z  shop  client  2 turns" in lines[0]
    (one,) = json.loads(run(folder, "calls", "list", "--limit", "1", "--json").stdout)
    assert (one["conversation"], one["training_consent"], one["reason"]) == ("c2", True, "client")


def test_a_time_leaves_older_calls_out(folder: Path) -> None:
    fill(folder)
    assert run(folder, "calls", "list", "--since", "2026-05-28T20:26:42").stdout.splitlines()[0].endswith("c2")
    assert run(folder, "calls", "list", "--since", "2026-06-01").stdout == "no calls\n"
    wrong = run(folder, "calls", "list", "--since", "yesterday")
    assert (wrong.exit_code, "--since yesterday: no time; allowed: 2026-05-31" in wrong.stderr) == (1, True)


def test_a_call_is_shown_with_its_turns_and_feedback(folder: Path) -> None:
    fill(folder)
    shown = run(folder, "calls", "show", "c1").stdout
    assert "1. caller: call me at [phone number] and not at 415 555 2671" in shown
    assert "answer: We open at nine." in shown
    assert "feedback on call: down at ten" in shown
    assert "feedback on turn 2: down at ten" in shown
    missing = run(folder, "calls", "show", "c9")
    assert (missing.exit_code, missing.stderr) == (1, "there is no call c9\n")


@pytest.mark.parametrize("agent", ["shop", "gone"])
def test_no_command_shows_what_today_counts_as_personal(folder: Path, agent: str) -> None:
    fill(folder)
    (folder / "agents" / "shop.toml").rename(folder / "agents" / f"{agent}.toml")
    for command in (
        ("calls", "export"),
        ("calls", "export", "--json"),
        ("calls", "show", "c1"),
        ("calls", "show", "c1", "--json"),
        ("feedback", "export"),
    ):
        done = run(folder, *command)
        assert done.exit_code == 0
        assert "[phone number]" in done.stdout
        assert PRIVATE not in done.stdout
        assert ("415 555 2671" in done.stdout) is (agent == "shop")


def test_an_export_is_a_call_a_line_or_one_list(folder: Path) -> None:
    fill(folder)
    lines = [json.loads(line) for line in run(folder, "calls", "export").stdout.splitlines()]
    assert [call["conversation"] for call in lines] == ["c2", "c1"]
    assert [[turn["turn"] for turn in call["turns"]] for call in lines] == [[1, 2], [1, 2]]
    assert [[one["turn"] for one in call["feedback"]] for call in lines] == [[None, 2], [None, 2]]
    assert json.loads(run(folder, "calls", "export", "--json").stdout) == lines


def test_only_labelled_turns_with_consent_are_exported_to_learn_from(folder: Path) -> None:
    fill(folder)
    (row,) = [json.loads(line) for line in run(folder, "feedback", "export").stdout.splitlines()]
    assert {name: row[name] for name in ("conversation", "turn", "agent", "language", "rating", "correction")} == {
        "conversation": "c2",
        "turn": 2,
        "agent": "shop",
        "language": "en",
        "rating": "down",
        "correction": "at ten",
    }
    assert (row["answer"], row["heard"], row["model"]) == ("We open at nine.", "We open", "m")
    assert {"question", "digest", "knowledge", "sources", "comment"} <= set(row)


def test_a_deleted_call_leaves_nothing_behind(folder: Path) -> None:
    fill(folder)
    assert b"c1" in everything(folder / "kept")
    done = run(folder, "calls", "delete", "c1")
    assert (done.exit_code, done.stdout) == (0, "deleted: 1\n")
    assert run(folder, "calls", "delete", "c1").exit_code == 1
    assert run(folder, "calls", "delete", "c2").exit_code == 0
    left = everything(folder / "kept")
    for gone in (PRIVATE.encode(), b"c1", b"c2", b"at ten", b"We open"):
        assert gone not in left


def test_a_call_that_goes_on_is_deleted_with_a_warning(folder: Path) -> None:
    file = RecordsFile.open(folder / "kept" / "r.sqlite")
    file.write([call_row()])
    done = run(folder, "calls", "delete", "c1")
    file.close()
    assert done.exit_code == 0
    assert "fix: voicepipe calls delete c1, once it is over" in done.stderr


def test_without_records_it_is_said_where_they_would_be(folder: Path) -> None:
    done = run(folder, "calls", "list")
    assert done.exit_code == 1
    assert f"there are no records yet: {folder / 'kept' / 'r.sqlite'} does not exist" in done.stderr


@pytest.fixture
def named(folder: Path) -> Path:
    """Return a folder with the records of a call in which a pseudonym stands for a number that may be restored."""
    with (folder / "settings.toml").open("a") as settings:
        settings.write(f'key = "{folder / "key"}"\n[records.tenants.default]\nrestore = true\n')
    assert run(folder, "calls", "key").stdout.startswith(f"made: {folder / 'key'}. Keep a copy")
    keys = read(folder / "key", ["default"])
    call, sealed = call_row(ended=NOON + 9), keys.sealed("default", {NAME: PRIVATE})
    file = RecordsFile.open(folder / "kept" / "r.sqlite")
    file.write([call, turn_row(call, question=f"call me at {NAME}", answer=f"at {NAME}?", heard="at", sealed=sealed)])
    given = Feedback(conversation="c1", rating="down", correction=f"it was {NAME}", key="k")
    file.run(lambda connection: statements.submit(connection, given, NOON))
    file.close()
    return folder


def test_a_call_is_restored_with_the_key_and_named_without(named: Path) -> None:
    plain = run(named, "calls", "show", "c1").stdout
    assert f"caller: call me at {NAME}" in plain
    shown = run(named, "calls", "show", "c1", "--restore").stdout
    assert shown == plain.replace(NAME, PRIVATE)
    as_json = json.loads(run(named, "calls", "show", "c1", "--restore", "--json").stdout)
    assert as_json[0]["feedback"][0]["correction"] == f"it was {PRIVATE}"
    for command in (("calls", "export"), ("calls", "export", "--json")):
        exported = run(named, *command).stdout
        assert (NAME in exported, PRIVATE in exported) == (True, False)
    assert run(named, "calls", "export", "--restore").exit_code == 2


def test_names_are_shown_without_any_key(named: Path) -> None:
    (named / "key").unlink()
    assert NAME in run(named, "calls", "show", "c1").stdout


def _without_a_key(folder: Path) -> None:
    (folder / "key").unlink()


def _with_another_key(folder: Path) -> None:
    (folder / "key").write_text("ab" * 32)


def _with_an_open_key(folder: Path) -> None:
    (folder / "key").chmod(0o644)


def _without_leave(folder: Path) -> None:
    settings = folder / "settings.toml"
    settings.write_text(settings.read_text().replace("restore = true", "restore = false"))


def _without_a_name_for_the_key(folder: Path) -> None:
    settings = folder / "settings.toml"
    settings.write_text("\n".join(line for line in settings.read_text().splitlines() if not line.startswith("key =")))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (_without_a_key, "fix: voicepipe calls key, or bring the file back"),
        (_with_another_key, "does not open with this key"),
        (_with_an_open_key, "has mode 0644"),
        (_without_leave, "records.tenants.default.restore is off"),
        (_without_a_name_for_the_key, "records.key names no file"),
    ],
)
def test_nothing_is_restored_otherwise(named: Path, change: Callable[[Path], None], told: str) -> None:
    change(named)
    done = run(named, "calls", "show", "c1", "--restore")
    assert (done.exit_code, done.stdout) == (1, "")
    assert told in done.stderr
    assert PRIVATE not in done.stderr


def test_a_key_is_made_once_and_where_the_settings_say(named: Path, folder: Path) -> None:
    again = run(named, "calls", "key")
    assert (again.exit_code, f"{named / 'key'} is there already" in again.stderr) == (1, True)
    _without_a_name_for_the_key(folder)
    assert "records.key names no file" in run(folder, "calls", "key").stderr
