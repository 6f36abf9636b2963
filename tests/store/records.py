"""What the tests of records share: a calendar that stands still, rows, and an open service's records."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
from prometheus_client import CollectorRegistry

from pipeline.observe import RecordMetrics
from pipeline.settings import RecordSettings
from pipeline.store.records import Records
from pipeline.store.rows import CallRow, TurnRow

NOON = 1_780_000_000.0
PATIENCE = 10.0
"""Seconds that a test waits for anything before it fails."""


@dataclass
class FakeCalendar:
    at: float = NOON

    def now(self) -> float:
        return self.at


def call_row(number: int = 1, **parts: Any) -> CallRow:
    own: dict[str, Any] = {"id": f"id{number}", "conversation": f"c{number}", "agent": "shop", "tenant": "default"}
    return CallRow(**{**own, "began": NOON, **parts})


def turn_row(call: CallRow, turn: int = 1, question: str = "when do you open", **parts: Any) -> TurnRow:
    return TurnRow(call=call, turn=turn, language="en", question=question, asked=NOON, **parts)


@dataclass
class Kept:
    """Open records and what they count."""

    records: Records
    path: Path
    registry: CollectorRegistry
    calendar: FakeCalendar = field(default_factory=FakeCalendar)

    def count(self, name: str) -> float:
        return self.registry.get_sample_value(f"voicepipe_records_{name}") or 0.0

    async def written(self) -> None:
        """Wait until nothing waits to be written any more."""
        while self.count("backlog"):
            await anyio.lowlevel.checkpoint()

    async def fill_the_disk(self, *, pages: int = 0) -> None:
        """Let the file grow by no more than so many pages: SQLite then says what it says on a full disk."""

        def limit(connection: sqlite3.Connection) -> None:
            (now,) = connection.execute("PRAGMA page_count").fetchone()
            connection.execute(f"PRAGMA max_page_count = {now + pages}").fetchall()

        await self.records.ask(limit)

    async def free_the_disk(self) -> None:
        await self.records.ask(lambda connection: connection.execute("PRAGMA max_page_count = 1000000").fetchall())


@asynccontextmanager
async def kept(path: Path, **settings: Any) -> AsyncIterator[Kept]:
    """Keep records at ``path`` while the context lasts."""
    registry = CollectorRegistry()
    calendar = FakeCalendar()
    records = Records(path, RecordSettings(**settings), RecordMetrics(registry), calendar)
    await records.open()
    try:
        with anyio.fail_after(PATIENCE):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(records.run)
                yield Kept(records, path, registry, calendar)
                tasks.cancel_scope.cancel()
    finally:
        await records.close()


def read(path: Path, query: str) -> list[tuple[Any, ...]]:
    """Ask the file over a connection of our own."""
    connection = sqlite3.connect(path)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def everything(folder: Path) -> bytes:
    """Return every byte that lies in a folder."""
    return b"".join(file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file())
