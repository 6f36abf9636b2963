"""Records: what must outlive a call, written in a thread behind one task, so that no call ever waits for the disk.

Rows wait in memory until they are written. Where the disk fails they wait for it to work again.
"""

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from sqlite3 import Connection
from typing import TypeVar

import anyio
from anyio import to_thread

from pipeline.core.clock import Clock
from pipeline.core.errors import RecordsError
from pipeline.observe import RecordMetrics, logger
from pipeline.settings import RecordSettings
from pipeline.store import statements
from pipeline.store.backlog import Backlog, Receipt, Redact, Waiting, as_it_is
from pipeline.store.file import RecordsFile
from pipeline.store.rows import CallRow, Feedback, Row

T = TypeVar("T")

RETRY = 1.0
"""Seconds until a disk that failed is tried again."""
BATCH = 256
"""Rows of one transaction: more would keep others waiting."""


class Records:
    """The records of one service. Use it in one event loop."""

    def __init__(self, path: Path, settings: RecordSettings, metrics: RecordMetrics, calendar: Clock) -> None:
        """Keep records in the file at ``path``; nothing happens before ``open``."""
        self._path = path
        self._metrics = metrics
        self._calendar = calendar
        self._log = logger("records")
        self._file: RecordsFile | None = None
        self._backlog = Backlog(settings, metrics)
        self._wake = anyio.Event()
        self._thread = anyio.CapacityLimiter(1)
        self._writing = anyio.Lock()
        self._failing = ""
        """The code of what is wrong with the disk, empty when nothing is."""

    async def open(self) -> None:
        """Open the file and read all of it. Raises RecordsError, except where the disk may work again later."""
        try:
            self._file = await to_thread.run_sync(partial(RecordsFile.open, self._path, check=True))
        except RecordsError as error:
            if not error.retryable:
                raise
            self.failed(error)

    async def run(self) -> None:
        """Write what is put, until cancelled."""
        while True:
            self._wake = anyio.Event()
            if await self._write():
                await self._wake.wait()
            else:
                await anyio.sleep(RETRY)

    def put(self, row: Row, redact: Redact = as_it_is) -> Receipt:
        """Have a row written soon, redacted, in place of its last state. Returns at once."""
        receipt = self._backlog.put(row, redact)
        if self._failing:
            receipt.settle()
        self._wake.set()
        return receipt

    async def latest(self, conversation: str) -> CallRow | None:
        """Return the last call that had this id. Raises RecordsError."""
        waiting = self._backlog.latest(conversation)
        return waiting or await self.ask(partial(statements.latest, conversation=conversation))

    async def submit(self, feedback: Feedback) -> str:
        """Keep a feedback; it is on the disk when this returns its id. Raises as ``statements.submit``."""
        await self._write()
        return await self.ask(partial(statements.submit, given=feedback, at=self._calendar.now()))

    async def ask(self, job: Callable[[Connection], T]) -> T:
        """Return what ``job`` does in one transaction. Raises RecordsError, and what ``job`` raises."""
        return await self._in_thread(lambda file: file.run(job))

    async def tidy(self) -> bool:
        """Give the room of deleted rows back; return whether no other process was in the way. Raises RecordsError."""
        return await self._in_thread(RecordsFile.tidy)

    def failed(self, error: RecordsError) -> None:
        """Take note that the disk fails: nobody waits for it until it works again."""
        self._metrics.failed.inc()
        if self._failing != error.code:
            self._failing = error.code
            waiting = len(self._backlog)
            self._log.error("records cannot be written", code=error.code, reason=str(error), waiting=waiting)
        self._backlog.settle()

    async def close(self) -> None:
        """Write what waits, if the disk works, and close the file."""
        await self._write()
        if self._backlog:
            self._backlog.lose(len(self._backlog))
        await to_thread.run_sync(self._close, limiter=self._thread)

    async def _write(self) -> bool:
        """Write all that waits; return whether the disk worked."""
        async with self._writing:
            while some := self._backlog.oldest(BATCH):
                try:
                    refused = await self._in_thread(partial(_put_down, rows=some.values()))
                except RecordsError as error:
                    self.failed(error)
                    return False
                self._backlog.written(some)
                if refused:
                    self._backlog.lose(refused)
                if self._failing:
                    self._log.info("records are written again", after=self._failing)
                    self._failing = ""
        return True

    async def _in_thread(self, job: Callable[[RecordsFile], T]) -> T:
        return await to_thread.run_sync(lambda: job(self._opened()), limiter=self._thread)

    def _opened(self) -> RecordsFile:
        """Return the file, opened where it is not, or not any more. In the thread."""
        if self._file is not None and not self._file.in_place:
            self._log.warning("records moved away, a new file is made", file=str(self._path))
            self._close()
        if self._file is None:
            self._file = RecordsFile.open(self._path)
        return self._file

    def _close(self) -> None:
        """Close the file. In the thread."""
        if self._file is not None:
            self._file.close()
            self._file = None


def _put_down(file: RecordsFile, rows: Iterable[Waiting]) -> int:
    """Write rows, redacted; return how many cannot be written. In the thread."""
    return len(file.write([waiting.ready() for waiting in rows]))
