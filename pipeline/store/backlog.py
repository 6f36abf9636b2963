"""Backlog: rows that wait in memory until they are written, each in place of the state before it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice

import anyio

from pipeline.observe import RecordMetrics, logger
from pipeline.settings import RecordSettings
from pipeline.store.rows import CallRow, Row

Key = tuple[str, int]


class Receipt:
    """Tells when a row is on the disk."""

    def __init__(self, patience: float, late: Callable[[], None]) -> None:
        """Wait ``patience`` seconds at most, and tell when that was too short."""
        self._patience = patience
        self._late = late
        self._settled = anyio.Event()

    def settle(self) -> None:
        """Let nobody wait any more."""
        self._settled.set()

    async def wait(self) -> None:
        """Return once the row is on the disk, or need not be waited for."""
        with anyio.move_on_after(self._patience):
            await self._settled.wait()
        if not self._settled.is_set():
            self._late()


Redact = Callable[[Row], Row]
"""Takes the personal data out of a row. In the thread that writes it."""


def as_it_is(row: Row) -> Row:
    """Return a row that holds nobody's words."""
    return row


@dataclass(slots=True)
class Waiting:
    """A row and who waits for it."""

    row: Row
    redact: Redact
    receipt: Receipt

    def ready(self) -> Row:
        """Return the row, redacted: once, however often it is tried to be written. In the thread that writes it."""
        self.row, self.redact = self.redact(self.row), as_it_is
        return self.row


class Backlog:
    """At most ``records.backlog`` rows; what finds no room is counted and logged as lost."""

    def __init__(self, settings: RecordSettings, metrics: RecordMetrics) -> None:
        """Begin with none."""
        self._settings = settings
        self._metrics = metrics
        self._log = logger("records")
        self._waiting: dict[Key, Waiting] = {}
        """In the order in which they came."""
        self._losing = False

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, row: Row, redact: Redact) -> Receipt:
        """Let a row wait, in place of its last state."""
        receipt = Receipt(self._settings.patience, self._metrics.late.inc)
        earlier = self._waiting.get(row.key)
        if earlier is not None:
            earlier.receipt.settle()
        elif len(self._waiting) >= self._settings.backlog:
            self.lose(1)
            receipt.settle()
            return receipt
        self._waiting[row.key] = Waiting(row, redact, receipt)
        self._metrics.backlog.set(len(self._waiting))
        return receipt

    def oldest(self, most: int) -> Mapping[Key, Waiting]:
        """Return up to ``most`` rows; they stay until they are ``written``."""
        return dict(islice(self._waiting.items(), most))

    def written(self, rows: Mapping[Key, Waiting]) -> None:
        """Forget rows that are on the disk, but for those that have a new state by now."""
        for key, written in rows.items():
            written.receipt.settle()
            if self._waiting.get(key) is written:
                del self._waiting[key]
        self._metrics.written.inc(len(rows))
        self._metrics.backlog.set(len(self._waiting))
        self._losing = False

    def settle(self) -> None:
        """Let nobody wait for the rows that are here."""
        for waiting in self._waiting.values():
            waiting.receipt.settle()

    def lose(self, rows: int) -> None:
        """Count rows that will not be written; the first of them make a log line."""
        self._metrics.lost.inc(rows)
        if not self._losing:
            self._losing = True
            self._log.error("records lost", rows=rows, waiting=len(self._waiting))

    def latest(self, conversation: str) -> CallRow | None:
        """Return the last call of this id that waits here."""
        rows = (waiting.row for waiting in reversed(self._waiting.values()))
        return next((row for row in rows if isinstance(row, CallRow) and row.conversation == conversation), None)
