"""The file of records: SQLite with a write-ahead log, synced with every transaction. The one door to ``sqlite3``.

Nothing here is asynchronous and no method may run on the event loop: each may wait for the disk.
"""

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self, TypeVar

from pipeline.core.errors import RecordsError
from pipeline.store.rows import Row
from pipeline.store.statements import ADDED, APPLICATION, FORMAT, SCHEMA, write_row

T = TypeVar("T")

BUSY_SECONDS = 5.0
"""Wait for another process that writes the same file: a command that deletes calls, for instance."""
MOVE_AWAY = "move the file away and the service makes a new one, or name another with records.file"

_BROKEN = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_FOR_A_WHILE = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_REFUSED = (sqlite3.IntegrityError, sqlite3.ProgrammingError, sqlite3.InterfaceError, sqlite3.DataError, ValueError)
"""What is wrong with a row and not with the disk."""


class RecordsFile:
    """An open file of records. One thread at a time."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        """Take an open connection to ``path``; ``open`` makes one."""
        self._path = path
        self._connection = connection
        self._inode = path.stat().st_ino

    @classmethod
    def open(cls, path: Path, *, make: bool = True, check: bool = False) -> Self:
        """Open the file, or make one that only its owner can read; ``check`` reads all of it.

        Raises RecordsError: ``no-records``, ``records-version``, ``records-broken``, ``records-unwritable``; retryable
        where the disk is full or fails.
        """
        try:
            if make:
                _make(path)
            elif not path.exists():
                raise RecordsError("no-records", f"there are no records yet: {path} does not exist")
            connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        except OSError as error:
            raise RecordsError(
                "records-unwritable", f"records.file: {path}: {error.strerror}", fix=MOVE_AWAY
            ) from error
        except sqlite3.Error as error:
            raise told(error, path) from error
        try:
            _prepare(path, connection, check=check)
            return cls(path, connection)
        except (sqlite3.Error, OSError) as error:
            connection.close()
            raise told(error, path) from error
        except RecordsError:
            connection.close()
            raise

    @property
    def in_place(self) -> bool:
        """Return whether this file still lies at its path: one that was moved away would be written for nobody."""
        try:
            return self._path.stat().st_ino == self._inode
        except OSError:
            return False

    def run(self, job: Callable[[sqlite3.Connection], T]) -> T:
        """Return what ``job`` does in one transaction. Raises RecordsError, and what ``job`` raises."""
        try:
            with _transaction(self._connection):
                return job(self._connection)
        except sqlite3.Error as error:
            raise told(error, self._path) from error

    def write(self, rows: Sequence[Row]) -> list[Row]:
        """Write rows so that they survive the machine; return those that cannot be written at all, which are left out.

        Raises RecordsError when the disk fails; nothing is written then.
        """
        try:
            with _transaction(self._connection):
                for row in rows:
                    write_row(self._connection, row)
        except _REFUSED:
            if len(rows) == 1:
                return list(rows)
            return [refused for row in rows for refused in self.write([row])]
        except sqlite3.Error as error:
            raise told(error, self._path) from error
        return []

    def tidy(self) -> bool:
        """Give the room of deleted rows back and empty the write-ahead log; return whether nobody was in the way."""
        try:
            # ``execute`` would stop behind the first page: the pragma takes a step for each, and returns no rows.
            self._connection.executescript("PRAGMA incremental_vacuum")
            (busy, *_) = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except sqlite3.Error as error:
            raise told(error, self._path) from error
        return not busy

    def close(self) -> None:
        """Close it; what was written stays."""
        self._connection.close()


def told(error: sqlite3.Error | OSError, path: Path) -> RecordsError:
    """Return the error for people: what is wrong with the file at ``path``, and what mends it."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in _BROKEN:
        return RecordsError("records-broken", f"records.file: {path} is no file of records, or broken", fix=MOVE_AWAY)
    if code == sqlite3.SQLITE_FULL:
        return RecordsError("disk-full", f"records.file: {path}: there is no room on the disk", retryable=True)
    return RecordsError(
        "records-unwritable", f"records.file: {path}: {error}", fix=MOVE_AWAY, retryable=code in _FOR_A_WHILE
    )


def _make(path: Path) -> None:
    """Make an empty file for its owner's eyes; SQLite gives the log beside it the same rights."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))


def _prepare(path: Path, connection: sqlite3.Connection, *, check: bool) -> None:
    """Set the connection up, and the file if it is empty. Raises RecordsError and sqlite3.Error."""
    for pragma in ("secure_delete = ON", "foreign_keys = ON", "trusted_schema = OFF", "synchronous = FULL"):
        connection.execute(f"PRAGMA {pragma}").fetchall()
    if _tables(connection):
        _recognize(path, connection)
    else:
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute("PRAGMA journal_mode = WAL").fetchall()
    with _transaction(connection):  # two processes may meet a new file at once
        for statement in ADDED if _tables(connection) else (*SCHEMA, *ADDED):
            connection.execute(statement)
    if check and connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
        raise RecordsError("records-broken", f"records.file: {path} is broken", fix=MOVE_AWAY)


def _tables(connection: sqlite3.Connection) -> int:
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    return int(tables)


def _recognize(path: Path, connection: sqlite3.Connection) -> None:
    """Raise RecordsError if the file is none of ours, or of another version; nothing of it was changed then."""
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION:
        raise RecordsError("records-broken", f"records.file: {path} belongs to another program", fix=MOVE_AWAY)
    if version != FORMAT:
        message = f"records.file: {path} is of version {version}, this program writes version {FORMAT}"
        raise RecordsError("records-version", message, fix=MOVE_AWAY)


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # some failures have rolled back already
            connection.execute("ROLLBACK")
        raise
