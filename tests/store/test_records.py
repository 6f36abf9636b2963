import subprocess
import sys
from pathlib import Path

import anyio
import pytest
from structlog.testing import capture_logs

from pipeline.core.errors import RecordsError
from pipeline.store import statements
from pipeline.store.rows import Feedback
from tests.store.records import Kept, call_row, kept, read, turn_row

pytestmark = pytest.mark.anyio

LONG = "x" * 20_000
"""More than a page of the file holds."""


async def test_a_row_is_on_the_disk_when_its_receipt_says_so(tmp_path: Path) -> None:
    async with kept(tmp_path / "r.sqlite", patience=1.0) as records:
        await records.records.put(turn_row(call_row())).wait()
        assert read(records.path, "SELECT question FROM turns") == [("when do you open",)]
        assert records.count("late_total") == 0


async def test_the_last_state_of_a_turn_stands(tmp_path: Path) -> None:
    async with kept(tmp_path / "r.sqlite") as records:
        call = call_row()
        for status in ("", "completed"):
            records.records.put(turn_row(call, status=status))
        await records.written()
        records.records.put(call_row(ended=5.0, reason="client", turns=1))
    assert read(records.path, "SELECT status FROM turns") == [("completed",)]
    assert read(records.path, "SELECT ended, reason, turns FROM calls") == [(5.0, "client", 1)]


def test_what_was_written_outlives_a_process_that_is_killed(tmp_path: Path) -> None:
    code = f"""
import os, anyio
from pathlib import Path
from tests.store.records import kept, call_row, turn_row
async def main():
    async with kept(Path({str(tmp_path / "r.sqlite")!r}), patience=1.0) as records:
        await records.records.put(turn_row(call_row())).wait()
        os.kill(os.getpid(), 9)
anyio.run(main)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=Path.cwd(), check=False)
    assert done.returncode == -9
    assert read(tmp_path / "r.sqlite", "SELECT question FROM turns") == [("when do you open",)]


async def test_a_full_disk_costs_no_row_and_keeps_nobody_waiting(tmp_path: Path) -> None:
    with capture_logs() as lines:
        async with kept(tmp_path / "r.sqlite", patience=1.0) as records:
            await records.fill_the_disk()
            call = call_row()
            with anyio.fail_after(0.9):
                for turn in range(1, 6):
                    await records.records.put(turn_row(call, turn, LONG)).wait()
            assert records.count("backlog") == 5
            assert records.count("failed_total") >= 1
            await records.free_the_disk()
            await records.written()
            assert records.count("lost_total") == 0
    assert read(records.path, "SELECT turn FROM turns") == [(1,), (2,), (3,), (4,), (5,)]
    errors = [line for line in lines if line["log_level"] == "error"]
    assert [(line["event"], line["code"]) for line in errors] == [("records cannot be written", "disk-full")]
    assert "no room on the disk" in errors[0]["reason"]
    assert [line["after"] for line in lines if line["event"] == "records are written again"] == ["disk-full"]


async def test_what_finds_no_room_in_memory_is_counted_and_told(tmp_path: Path) -> None:
    with capture_logs() as lines:
        async with kept(tmp_path / "r.sqlite", backlog=3) as records:
            await records.fill_the_disk()
            call = call_row()
            for turn in range(1, 8):
                records.records.put(turn_row(call, turn, LONG))
            records.records.put(turn_row(call, 2, LONG, status="completed"))
            assert (records.count("backlog"), records.count("lost_total")) == (3, 4)
            await records.free_the_disk()
            await records.written()
    assert read(records.path, "SELECT turn, status FROM turns") == [(1, ""), (2, "completed"), (3, "")]
    assert [line["rows"] for line in lines if line["event"] == "records lost"] == [1]


async def test_what_is_not_written_in_the_end_is_told(tmp_path: Path) -> None:
    with capture_logs() as lines:
        async with kept(tmp_path / "r.sqlite") as records:
            await records.fill_the_disk()
            records.records.put(turn_row(call_row(), question=LONG))
    assert [line["rows"] for line in lines if line["event"] == "records lost"] == [1]


async def test_an_answer_waits_for_a_slow_disk_no_longer_than_its_patience(tmp_path: Path) -> None:
    async with kept(tmp_path / "r.sqlite", patience=0.01) as records:
        thread_is_free = anyio.Event()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(records.records.ask, lambda connection: anyio.from_thread.run(thread_is_free.wait))
            await anyio.wait_all_tasks_blocked()
            await records.records.put(turn_row(call_row())).wait()
            assert records.count("late_total") == 1
            thread_is_free.set()
        await records.written()
    assert read(records.path, "SELECT count(*) FROM turns") == [(1,)]


async def test_a_file_that_is_moved_away_is_replaced(tmp_path: Path) -> None:
    async with kept(tmp_path / "r.sqlite", patience=1.0) as records:
        await records.records.put(call_row(1)).wait()
        for name in ("r.sqlite", "r.sqlite-wal", "r.sqlite-shm"):
            (tmp_path / name).rename(tmp_path / f"old-{name}")
        await records.records.put(call_row(2)).wait()
        assert read(records.path, "SELECT conversation FROM calls") == [("c2",)]


async def test_a_call_is_known_before_and_after_it_is_written(tmp_path: Path) -> None:
    async with kept(tmp_path / "r.sqlite") as records:
        row = call_row()
        records.records.put(row)
        assert await records.records.latest("c1") == row
        await records.written()
        assert await records.records.latest("c1") == row
        assert await records.records.latest("c2") is None


async def test_of_calls_with_one_id_the_last_is_told(tmp_path: Path) -> None:
    async with kept(tmp_path / "r.sqlite") as records:
        first, second = call_row(1, conversation="again"), call_row(2, conversation="again", began=call_row().began + 1)
        records.records.put(second)
        records.records.put(first)
        await records.written()
        assert await records.records.latest("again") == second


def feedback(key: str = "k1", **parts: object) -> Feedback:
    return Feedback(**{"conversation": "c1", "turn": 1, "rating": "up", "key": key, **parts})  # type: ignore[arg-type]


async def given(records: Kept) -> list[tuple[object, ...]]:
    def ask(connection: object) -> list[tuple[object, ...]]:
        found = statements.feedback(connection, call_row())  # type: ignore[arg-type]
        return [(one.turn, one.rating, one.correction) for one in found]

    return await records.records.ask(ask)


async def test_feedback_on_a_turn_that_is_still_to_be_written_is_kept(tmp_path: Path) -> None:
    async with kept(tmp_path / "r.sqlite") as records:
        records.records.put(turn_row(call_row()))
        assert await records.records.submit(feedback())
        assert await given(records) == [(1, "up", "")]


async def test_a_key_counts_once_and_a_new_one_replaces(tmp_path: Path) -> None:
    async with kept(tmp_path / "r.sqlite") as records:
        records.records.put(turn_row(call_row()))
        first = await records.records.submit(feedback())
        assert await records.records.submit(feedback(rating="down")) == first
        assert await given(records) == [(1, "up", "")]
        assert await records.records.submit(feedback("k2", rating="down", correction="at nine")) == first
        assert await records.records.submit(feedback()) == first
        assert await given(records) == [(1, "down", "at nine")]


async def test_a_call_and_its_turns_have_feedback_of_their_own(tmp_path: Path) -> None:
    async with kept(tmp_path / "r.sqlite") as records:
        call = call_row()
        for turn in (1, 2):
            records.records.put(turn_row(call, turn))
        ids = {await records.records.submit(feedback(turn=turn)) for turn in (None, 1, 2)}
        assert len(ids) == 3
        assert [turn for turn, *_ in await given(records)] == [None, 1, 2]


@pytest.mark.parametrize(
    ("wrong", "code"), [({"conversation": "c9"}, "unknown-conversation"), ({"turn": 7}, "unknown-turn")]
)
async def test_feedback_on_nothing_is_refused(tmp_path: Path, wrong: dict[str, object], code: str) -> None:
    async with kept(tmp_path / "r.sqlite") as records:
        records.records.put(turn_row(call_row()))
        with pytest.raises(RecordsError) as caught:
            await records.records.submit(feedback(**wrong))  # type: ignore[arg-type]
        assert caught.value.code == code


async def test_feedback_on_a_full_disk_may_be_tried_again(tmp_path: Path) -> None:
    async with kept(tmp_path / "r.sqlite") as records:
        records.records.put(turn_row(call_row()))
        await records.written()
        await records.fill_the_disk()
        with pytest.raises(RecordsError) as caught:
            await records.records.submit(feedback(correction=LONG))
        assert (caught.value.code, caught.value.retryable) == ("disk-full", True)
        await records.free_the_disk()
        assert await records.records.submit(feedback(correction=LONG))


async def test_a_broken_file_keeps_the_service_from_starting(tmp_path: Path) -> None:
    (tmp_path / "r.sqlite").write_text("no database " * 1000)
    with pytest.raises(RecordsError) as caught:
        async with kept(tmp_path / "r.sqlite"):
            pass
    assert caught.value.code == "records-broken"
    assert "move the file away" in caught.value.fix
