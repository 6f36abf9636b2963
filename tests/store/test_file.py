import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.core.errors import RecordsError
from pipeline.store import statements
from pipeline.store.file import RecordsFile
from pipeline.store.rows import Row
from tests.store.records import call_row, read, turn_row


def made(path: Path, *rows: Row) -> Path:
    file = RecordsFile.open(path)
    file.write(rows)
    file.close()
    return path


def refused(path: Path, **how: bool) -> RecordsError:
    with pytest.raises(RecordsError) as caught:
        RecordsFile.open(path, **how)
    return caught.value


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    call = call_row(consent=True)
    turn = turn_row(call, sources=("hours.md",), degraded=("filler",), spans={"response_gap": 0.25}, ended=5.0)
    file = RecordsFile.open(made(tmp_path / "r.sqlite", call, turn))
    assert file.run(lambda connection: statements.latest(connection, "c1")) == call
    assert file.run(lambda connection: statements.turns(connection, call)) == [turn]
    file.close()


def test_every_write_is_synced_and_what_is_deleted_is_wiped(tmp_path: Path) -> None:
    file = RecordsFile.open(tmp_path / "r.sqlite")

    def pragma(name: str) -> object:
        return file.run(lambda connection: connection.execute(f"PRAGMA {name}").fetchone()[0])

    assert [pragma(name) for name in ("journal_mode", "synchronous", "secure_delete", "foreign_keys")] == [
        "wal",
        2,
        1,
        1,
    ]
    file.close()


def test_only_its_owner_can_read_the_file(tmp_path: Path) -> None:
    path = tmp_path / "new" / "r.sqlite"
    file = RecordsFile.open(path)
    file.write([call_row()])
    assert {found.stat().st_mode & 0o077 for found in path.parent.iterdir()} == {0}
    assert path.parent.stat().st_mode & 0o077 == 0
    file.close()


def test_a_file_of_another_version_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = made(tmp_path / "r.sqlite", call_row())
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 7")
    connection.close()
    before = path.read_bytes()
    error = refused(path)
    assert error.code == "records-version"
    assert "is of version 7, this program writes version 1" in str(error)
    assert "records.file" in error.fix
    assert path.read_bytes() == before


def test_a_file_from_before_pseudonyms_gets_a_place_for_them_and_keeps_the_rest(tmp_path: Path) -> None:
    call, turn = call_row(), turn_row(call_row())
    path = made(tmp_path / "r.sqlite", call, turn)
    connection = sqlite3.connect(path)
    connection.execute("DROP TABLE sealed")
    connection.close()
    file = RecordsFile.open(path, make=False)
    assert file.run(lambda connection: statements.turns(connection, call)) == [turn]
    assert file.run(lambda connection: statements.sealed(connection, call)) == {}
    file.write([turn_row(call, sealed={"name": b"one"})])
    file.write([turn_row(call, sealed={"name": b"two", "other": b"three"})])
    assert file.run(lambda connection: statements.sealed(connection, call)) == {"name": b"one", "other": b"three"}
    file.close()


def test_a_file_from_before_pictures_gets_a_place_for_what_was_read_in_them(tmp_path: Path) -> None:
    call, turn = call_row(), turn_row(call_row())
    path = made(tmp_path / "r.sqlite", call, turn)
    connection = sqlite3.connect(path)
    connection.execute("DROP TABLE pictures")
    connection.close()
    file = RecordsFile.open(path, make=False)
    assert file.run(lambda connection: statements.turns(connection, call)) == [turn]
    seen = turn_row(call, turn=2, picture="TOTAL 7.70")
    file.write([seen, seen])
    assert file.run(lambda connection: statements.turns(connection, call)) == [turn, seen]
    assert file.run(lambda connection: statements.forget(connection, call.conversation)) == 1
    file.close()
    assert read(path, "SELECT * FROM pictures") == []


def test_a_program_from_before_pseudonyms_deletes_them_with_the_call(tmp_path: Path) -> None:
    path = made(tmp_path / "r.sqlite", turn_row(call_row(), sealed={"name": b"content"}))
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA foreign_keys = ON")
    with connection:
        connection.execute("DELETE FROM calls")
    connection.close()
    assert read(path, "SELECT * FROM sealed") == []


def test_a_file_of_another_program_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "mail.sqlite"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE mail (text)")
    connection.close()
    before = path.read_bytes()
    error = refused(path)
    assert (error.code, error.retryable) == ("records-broken", False)
    assert "belongs to another program" in str(error)
    assert path.read_bytes() == before


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:20_000])


def _scribble(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[4096 : 4096 + 3000] = b"x" * 3000
    path.write_bytes(content)


def _overwrite(path: Path) -> None:
    path.write_text("no database at all " * 500)


@pytest.mark.parametrize("harm", [_cut, _scribble, _overwrite])
def test_a_broken_file_is_refused_when_it_is_checked(tmp_path: Path, harm: Callable[[Path], None]) -> None:
    call = call_row()
    path = made(tmp_path / "r.sqlite", call, *(turn_row(call, number, "x" * 2000) for number in range(20)))
    harm(path)
    error = refused(path, check=True)
    assert (error.code, error.retryable) == ("records-broken", False)
    assert str(path) in str(error)


def test_a_folder_in_its_place_and_a_file_in_the_way_are_named(tmp_path: Path) -> None:
    (tmp_path / "r.sqlite").mkdir()
    assert refused(tmp_path / "r.sqlite").code == "records-unwritable"
    (tmp_path / "plain").write_text("")
    error = refused(tmp_path / "plain" / "r.sqlite")
    assert error.code == "records-unwritable"
    assert str(tmp_path / "plain" / "r.sqlite") in str(error)


def test_who_only_reads_makes_no_file(tmp_path: Path) -> None:
    error = refused(tmp_path / "r.sqlite", make=False)
    assert error.code == "no-records"
    assert list(tmp_path.iterdir()) == []


def test_a_row_that_no_file_takes_costs_no_other(tmp_path: Path) -> None:
    path = tmp_path / "r.sqlite"
    file = RecordsFile.open(path)
    call = call_row()
    bad = turn_row(call, 2, "half a character \ud83d")
    assert file.write([call, turn_row(call, 1), bad, turn_row(call, 3)]) == [bad]
    file.close()
    assert read(path, "SELECT turn FROM turns") == [(1,), (3,)]


def test_a_turn_brings_its_call_along(tmp_path: Path) -> None:
    path = made(tmp_path / "r.sqlite", turn_row(call_row()))
    assert read(path, "SELECT conversation FROM calls") == [("c1",)]


def test_a_turn_that_is_written_late_does_not_reopen_its_call(tmp_path: Path) -> None:
    call = call_row()
    path = made(tmp_path / "r.sqlite", call_row(ended=9.0, reason="client"), turn_row(call))
    assert read(path, "SELECT ended, reason FROM calls") == [(9.0, "client")]
