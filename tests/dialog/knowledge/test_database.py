import sqlite3
from pathlib import Path

import apsw
import pytest

from pipeline.core.errors import KnowledgeError
from pipeline.dialog.knowledge import database
from pipeline.dialog.knowledge.database import Database, write
from pipeline.dialog.knowledge.passages import version
from tests.dialog.knowledge.conftest import CUTS

VECTORS = {number: [float(place == number) for place in range(len(CUTS))] for number in range(len(CUTS))}


def refusal(file: Path) -> KnowledgeError:
    with pytest.raises(KnowledgeError) as caught:
        Database(file)
    assert str(file) in str(caught.value)
    assert caught.value.fix.startswith("voicepipe knowledge build")
    return caught.value


def test_a_file_says_what_it_is(file: Path) -> None:
    opened = Database(file)
    assert opened.about["version"] == version(CUTS)
    assert opened.about["passages"] == str(len(CUTS))
    assert opened.about["built_with"] == "tests"
    assert not opened.vectors


def test_the_same_knowledge_is_the_same_file(file: Path, tmp_path: Path) -> None:
    write(tmp_path / "again.kb", CUTS, {"built_with": "tests"})
    assert (tmp_path / "again.kb").read_bytes() == file.read_bytes()


def test_passages_are_found_by_their_terms_and_given_in_the_order_asked_for(file: Path) -> None:
    opened = Database(file)
    assert {row[1] for row in opened.rows(opened.best(["rye", "七点"], 5))} == {"营业时间.md", "prices.md"}
    assert [row[0] for row in opened.rows([3, 1, 99])] == [3, 1]
    assert opened.spread(["bread", "七点", "nowhere"]) == {"bread": 1, "七点": 1}


def test_a_title_counts_for_more_than_a_text(file: Path) -> None:
    opened = Database(file)
    assert opened.rows(opened.best(["open"], 5))[0][4] is not None


def test_vectors_are_found_by_nearness(tmp_path: Path) -> None:
    file = tmp_path / "shop.kb"
    write(file, CUTS, {}, VECTORS)
    opened = Database(file)
    assert opened.vectors
    assert opened.nearest([0.1, 0.9, *[0.0] * (len(CUTS) - 2)], 2) == [2, 1]


@pytest.mark.parametrize("steps", [0, 3])
def test_what_takes_too_long_is_broken_off(tmp_path: Path, steps: int) -> None:
    write(tmp_path / "a.kb", CUTS * 200, {}, {number: [1.0, number] for number in range(200 * len(CUTS))})
    opened = Database(tmp_path / "a.kb")
    looks = iter([False] * steps)
    for search in (
        lambda over: opened.nearest([1.0, 2.0], 5, over),
        lambda over: opened._asked("SELECT count(*) FROM passages a, passages b", (), over, 10),
    ):
        with pytest.raises(TimeoutError):
            search(lambda: next(looks, True))
    assert opened.best(["open"], 1)
    assert opened.nearest([1.0, 2.0], 1)


def test_without_the_extension_there_is_full_text_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "shop.kb"
    write(file, CUTS, {}, VECTORS)
    monkeypatch.setattr("sqlite_vec.loadable_path", lambda: str(tmp_path / "nothing"))
    opened = Database(file)
    assert not opened.vectors
    assert opened.best(["rye"], 1)
    with pytest.raises(KnowledgeError) as caught:
        write(tmp_path / "other.kb", CUTS, {}, VECTORS)
    assert caught.value.code == "no-vectors"


def test_a_file_that_is_not_there_is_missing(tmp_path: Path) -> None:
    assert refusal(tmp_path / "nothing.kb").code == "knowledge-missing"
    assert refusal(tmp_path).code == "knowledge-missing"


@pytest.mark.parametrize("content", [b"", b"SQLite format 3\0", b"#!/bin/sh\n" * 500])
def test_what_is_no_database_is_broken(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.kb").write_bytes(content)
    assert refusal(tmp_path / "a.kb").code == "knowledge-broken"


def test_a_database_of_something_else_is_broken(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "a.kb") as other:
        other.execute("CREATE TABLE about (name, value)")
    other.close()
    assert refusal(tmp_path / "a.kb").code == "knowledge-broken"


@pytest.mark.parametrize("part", [0.99, 0.5, 0.1, 0.01])
def test_a_truncated_file_is_broken(file: Path, part: float) -> None:
    whole = file.read_bytes()
    file.write_bytes(whole[: int(len(whole) * part)])
    assert refusal(file).code == "knowledge-broken"


def test_another_format_is_named(file: Path) -> None:
    connection = apsw.Connection(str(file))
    connection.execute(f"PRAGMA user_version = {database.FORMAT + 1}").fetchall()
    connection.close()
    assert (error := refusal(file)).code == "knowledge-format"
    assert f"format {database.FORMAT + 1}" in str(error)


def test_a_file_that_lacks_its_tables_is_broken(file: Path) -> None:
    connection = apsw.Connection(str(file))
    connection.execute("DROP TABLE terms").fetchall()
    connection.close()
    assert refusal(file).code == "knowledge-broken"


def outcome(file: Path) -> str:
    try:
        opened = Database(file)
        opened.spread(["bread"])
        opened.rows(opened.best(["bread", "open"], 5))
        opened.questions(["sunday"], 5)
    except KnowledgeError as error:
        return error.code
    return "found"


def test_a_file_with_overwritten_pages_is_broken_and_nothing_else(file: Path) -> None:
    whole, outcomes = file.read_bytes(), set()
    for page in range(1, len(whole) // 4096):
        file.write_bytes(whole[: page * 4096] + b"\xa5" * 4096 + whole[(page + 1) * 4096 :])
        outcomes.add(outcome(file))
    assert "knowledge-broken" in outcomes
    assert outcomes <= {"knowledge-broken", "found"}


def test_it_can_not_be_written(file: Path) -> None:
    before = file.read_bytes()
    with pytest.raises(KnowledgeError):
        Database(file)._asked("DELETE FROM passages", ())
    assert file.read_bytes() == before


def test_a_name_may_hold_what_addresses_give_a_meaning(file: Path, tmp_path: Path) -> None:
    odd = file.rename(tmp_path / "a?mode=rw&b#c %41 面包.kb")
    assert Database(odd).about["passages"] == str(len(CUTS))


def test_a_closed_file_says_so(file: Path) -> None:
    opened = Database(file)
    opened.close()
    opened.close()
    with pytest.raises(KnowledgeError) as caught:
        opened.rows([1])
    assert caught.value.code == "knowledge-closed"
