"""The file of knowledge: SQLite with full text (FTS5) and, where wanted, vectors (sqlite-vec). The one door to both.

SQLite comes with ``apsw`` and not with Python, whose own module is often built without extensions.
"""

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

import apsw
import sqlite_vec

from pipeline.core.errors import KnowledgeError
from pipeline.dialog.knowledge.passages import Cut, version
from pipeline.dialog.knowledge.terms import terms

FORMAT = 1
"""Rises when a file of the last version cannot be read any more, or would be searched in another way."""
APPLICATION = 0x56504B42
"""``VPKB``, where SQLite keeps the number of whose file it is."""
TITLE_WEIGHT, TEXT_WEIGHT = 2.0, 1.0
CACHE_KIB = 16 << 10
"""Pages of the file that a connection keeps; there is one for each search at the same time."""
BUILD_COMMAND = "voicepipe knowledge build DIR --out FILE.kb"

_SCHEMA = f"""
PRAGMA page_size = 4096;
PRAGMA journal_mode = OFF;
PRAGMA application_id = {APPLICATION};
PRAGMA user_version = {FORMAT};
CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE passages (
    id INTEGER PRIMARY KEY, source TEXT NOT NULL, position INTEGER NOT NULL, title TEXT NOT NULL, text TEXT NOT NULL,
    language TEXT NOT NULL, question TEXT
);
CREATE TABLE terms (term TEXT PRIMARY KEY, passages INTEGER NOT NULL) WITHOUT ROWID;
CREATE VIRTUAL TABLE words USING fts5(
    title, text, content = '', tokenize = "unicode61 remove_diacritics 0 categories 'L* N* M* Co'"
);
CREATE VIRTUAL TABLE questions USING fts5(
    question, content = '', tokenize = "unicode61 remove_diacritics 0 categories 'L* N* M* Co'"
);
"""
_ROW = "id, source, title, text, question"
_HEADER_BYTES = 100
_MAGIC = b"SQLite format 3\0"

STEPS, VECTOR_STEPS = 1000, 2
"""Instructions of SQLite between two looks at the time; the extension does a thousand vectors in each of its own."""

Over = Callable[[], bool]

Row = tuple[int, str, str, str, str | None]
"""Id, source, title, text, question."""


def never() -> bool:
    """Return that there is time."""
    return False


def write(
    file: Path,
    cuts: Sequence[Cut],
    about: Mapping[str, str],
    vectors: Mapping[int, Sequence[float]] = MappingProxyType({}),
) -> None:
    """Write a new database; ``vectors`` are those of passages, by their places among ``cuts``, all of one length.

    Raises KnowledgeError: ``no-vectors`` without sqlite-vec, ``knowledge-unwritable``.
    """
    connection = apsw.Connection(str(file))
    try:
        connection.execute(_SCHEMA).fetchall()
        with connection:
            _write_passages(connection, cuts)
            known = {"format": str(FORMAT), "version": version(cuts), "passages": str(len(cuts)), **about}
            connection.executemany("INSERT INTO about VALUES (?, ?)", sorted(known.items()))
            if vectors:
                if not _with_vectors(connection):
                    raise KnowledgeError("no-vectors", "sqlite-vec cannot be loaded here, so vectors cannot be kept")
                length = len(next(iter(vectors.values())))
                kind = f"vectors USING vec0(vector float[{length}] distance_metric=cosine)"
                connection.execute(f"CREATE VIRTUAL TABLE {kind}")
                rows = ((number + 1, _packed(vector)) for number, vector in vectors.items())
                connection.executemany("INSERT INTO vectors (rowid, vector) VALUES (?, ?)", rows)
        connection.execute("INSERT INTO words (words) VALUES ('optimize')")
        connection.execute("INSERT INTO questions (questions) VALUES ('optimize')")
        connection.execute("VACUUM")
    except apsw.Error as error:
        raise KnowledgeError("knowledge-unwritable", f"the database cannot be written: {error}") from error
    finally:
        connection.close()


def _write_passages(connection: apsw.Connection, cuts: Sequence[Cut]) -> None:
    spread: Counter[str] = Counter()
    for number, cut in enumerate(cuts, 1):
        row = (number, cut.source, cut.position, cut.title, cut.text, cut.language, cut.question)
        connection.execute("INSERT INTO passages VALUES (?, ?, ?, ?, ?, ?, ?)", row)
        title, text = terms(cut.title), terms(cut.text)
        spread.update({*title, *text})
        indexed = (number, " ".join(title), " ".join(text))
        connection.execute("INSERT INTO words (rowid, title, text) VALUES (?, ?, ?)", indexed)
        if cut.question is not None:
            asked = (number, " ".join(terms(cut.question)))
            connection.execute("INSERT INTO questions (rowid, question) VALUES (?, ?)", asked)
    connection.executemany("INSERT INTO terms VALUES (?, ?)", sorted(spread.items()))


class Database:
    """One file, open for reading by any thread; it is never written. Raises KnowledgeError where it is broken."""

    def __init__(self, file: Path) -> None:
        """Open it and check that it is whole, one of ours and of this format. Raises KnowledgeError.

        ``knowledge-missing``, ``knowledge-broken``, ``knowledge-format``.
        """
        self._file = file
        _check_header(file)
        self._lock = Lock()
        self._idle: list[apsw.Connection] = []
        self._closed = False
        self.vectors = True
        """Whether sqlite-vec could be loaded."""
        with self._lent() as connection:
            rows = connection.execute("SELECT name, value FROM about").fetchall()
            tables = {str(name) for (name,) in connection.execute("SELECT name FROM sqlite_schema").fetchall()}
        self.about: Mapping[str, str] = MappingProxyType({str(name): str(value) for name, value in rows})
        self.vectors = self.vectors and "vectors" in tables
        if not {"version", "passages"} <= self.about.keys() or not {"passages", "words", "terms"} <= tables:
            raise self._broken("it lacks tables that it should have")

    def spread(self, terms: Sequence[str]) -> dict[str, int]:
        """Return in how many passages each term stands; terms that stand in none are left out."""
        marks = ", ".join("?" * len(terms))
        return dict(self._asked(f"SELECT term, passages FROM terms WHERE term IN ({marks})", terms))  # noqa: S608

    def best(self, terms: Sequence[str], limit: int, over: Over = never) -> list[int]:
        """Return the ids of the passages that match any of the terms, best first (BM25).

        Raises TimeoutError within a millisecond when ``over`` says that the time is.
        """
        order = f"bm25(words, {TITLE_WEIGHT}, {TEXT_WEIGHT})"
        sql = f"SELECT rowid FROM words WHERE words MATCH ? ORDER BY {order}, rowid LIMIT ?"  # noqa: S608
        return [number for (number,) in self._asked(sql, (_any_of(terms), limit), over)]

    def questions(self, terms: Sequence[str], limit: int, over: Over = never) -> list[int]:
        """Return the ids of the approved pairs whose questions match any of the terms, best first; as ``best``."""
        sql = "SELECT rowid FROM questions WHERE questions MATCH ? ORDER BY bm25(questions), rowid LIMIT ?"
        return [number for (number,) in self._asked(sql, (_any_of(terms), limit), over)]

    def nearest(self, vector: Sequence[float], limit: int, over: Over = never) -> list[int]:
        """Return the ids of the passages with the vectors nearest to this one (cosine), best first; as ``best``."""
        sql = "SELECT rowid FROM vectors WHERE vector MATCH ? AND k = ? ORDER BY distance"
        return [number for (number,) in self._asked(sql, (_packed(vector), limit), over, VECTOR_STEPS)]

    def rows(self, numbers: Sequence[int]) -> list[Row]:
        """Return passages by their ids, in that order."""
        marks = ", ".join("?" * len(numbers))
        sql = f"SELECT {_ROW} FROM passages WHERE id IN ({marks})"  # noqa: S608
        found = {row[0]: row for row in self._asked(sql, numbers)}
        return [found[number] for number in numbers if number in found]

    def answers(self, limit: int) -> list[str]:
        """Return the answers of the first approved pairs."""
        sql = "SELECT text FROM passages WHERE question IS NOT NULL ORDER BY id LIMIT ?"
        return [text for (text,) in self._asked(sql, (limit,))]

    def close(self) -> None:
        """Close it; searches under way end first, later ones raise KnowledgeError ``knowledge-closed``."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _asked(
        self, sql: str, values: Sequence[str | int | bytes], over: Over = never, steps: int = STEPS
    ) -> list[tuple[Any, ...]]:
        late = False

        def look() -> bool:
            nonlocal late
            late = over()
            return late

        with self._lent() as connection:
            connection.set_progress_handler(look, steps)
            try:
                return connection.execute(sql, tuple(values)).fetchall()
            except apsw.Error as error:
                # What is interrupted within an extension comes out as an error of its own kind.
                if late:
                    raise TimeoutError from error
                raise
            finally:
                connection.set_progress_handler(None)

    @contextmanager
    def _lent(self) -> Iterator[apsw.Connection]:
        """Lend a connection to one thread at a time."""
        with self._lock:
            if self._closed:
                raise KnowledgeError("knowledge-closed", f"{self._file} is closed")
            connection = self._idle.pop() if self._idle else None
        try:
            if connection is None:
                connection = self._opened()
            yield connection
        except (apsw.Error, UnicodeError) as error:
            raise self._broken(str(error)) from error
        finally:
            with self._lock:
                if connection is not None and not self._closed:
                    self._idle.append(connection)
                    connection = None
            if connection is not None:
                connection.close()

    def _opened(self) -> apsw.Connection:
        uri = f"file:{quote(str(self._file.resolve()))}?mode=ro&immutable=1"
        connection = apsw.Connection(uri, flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI)
        # No mmap: a file that is cut short in its place would end the process.
        connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}; PRAGMA query_only = 1").fetchall()
        self.vectors = self.vectors and _with_vectors(connection)
        return connection

    def _broken(self, what: str) -> KnowledgeError:
        text = f"{self._file} is broken: {what}"
        return KnowledgeError("knowledge-broken", text, fix=BUILD_COMMAND)


def _check_header(file: Path) -> None:
    """Raise KnowledgeError unless the file is a whole database of this format."""
    try:
        with file.open("rb") as stream:
            head = stream.read(_HEADER_BYTES)
        size = file.stat().st_size
    except OSError as error:
        text = f"{file} cannot be read: {error.strerror or error}"
        raise KnowledgeError("knowledge-missing", text, fix=BUILD_COMMAND) from error

    def number(place: int, length: int = 4) -> int:
        return int.from_bytes(head[place : place + length], "big")

    if len(head) < _HEADER_BYTES or not head.startswith(_MAGIC) or number(68) != APPLICATION:
        raise KnowledgeError("knowledge-broken", f"{file} is no file of knowledge", fix=BUILD_COMMAND)
    if number(60) != FORMAT:
        text = f"{file} has format {number(60)}, this version reads format {FORMAT}"
        raise KnowledgeError("knowledge-format", text, fix=BUILD_COMMAND)
    page = number(16, 2)
    if size != number(28) * (65536 if page == 1 else page):
        text = f"{file} is broken: it has {size} bytes and should have {number(28) * page}"
        raise KnowledgeError("knowledge-broken", text, fix=BUILD_COMMAND)


def _any_of(terms: Iterable[str]) -> str:
    """Return a query of FTS5 for passages with any of the terms; quoted, none can be an operator."""
    return " OR ".join('"' + term.replace('"', '""') + '"' for term in terms)


def _with_vectors(connection: apsw.Connection) -> bool:
    """Return whether sqlite-vec is loaded."""
    try:
        connection.enable_load_extension(True)
        connection.load_extension(sqlite_vec.loadable_path())
    except (apsw.Error, AttributeError):
        return False
    connection.enable_load_extension(False)
    return True


def _packed(vector: Sequence[float]) -> bytes:
    return array("f", vector).tobytes()
