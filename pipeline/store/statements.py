"""The tables of records, and all that is asked of them. Every function is one step of a transaction. Pure SQL."""

import json
from collections.abc import Mapping, Sequence
from sqlite3 import Connection
from sqlite3 import Row as Found
from typing import Any
from uuid import uuid4

from pipeline.core.errors import RecordsError
from pipeline.store.rows import CallRow, Feedback, KeptFeedback, Row, TurnRow

FORMAT = 1
"""Rises when a file of the last version cannot be read or written any more."""
APPLICATION = 0x56505243
"""``VPRC``, where SQLite keeps the number of whose file it is."""
KEYS = 16
"""Idempotency keys that are remembered for each feedback."""

SCHEMA = (
    f"PRAGMA application_id = {APPLICATION}",
    f"PRAGMA user_version = {FORMAT}",
    """CREATE TABLE calls (
        id TEXT PRIMARY KEY, conversation TEXT NOT NULL, agent TEXT NOT NULL, tenant TEXT NOT NULL,
        channel TEXT NOT NULL, language TEXT NOT NULL, consent INTEGER NOT NULL, began REAL NOT NULL, ended REAL,
        reason TEXT NOT NULL, turns INTEGER NOT NULL, seconds REAL NOT NULL
    )""",
    "CREATE INDEX calls_by_conversation ON calls (conversation, began)",
    "CREATE INDEX calls_by_time ON calls (tenant, began)",
    """CREATE TABLE turns (
        call TEXT NOT NULL REFERENCES calls (id) ON DELETE CASCADE, turn INTEGER NOT NULL,
        language TEXT NOT NULL, question TEXT NOT NULL, asked REAL NOT NULL, answer TEXT NOT NULL, heard TEXT NOT NULL,
        status TEXT NOT NULL, model TEXT NOT NULL, digest TEXT NOT NULL, knowledge TEXT NOT NULL,
        sources TEXT NOT NULL, degraded TEXT NOT NULL, spans TEXT NOT NULL, ended REAL,
        PRIMARY KEY (call, turn)
    )""",
    """CREATE TABLE feedback (
        call TEXT NOT NULL REFERENCES calls (id) ON DELETE CASCADE, turn INTEGER NOT NULL, id TEXT NOT NULL,
        rating TEXT NOT NULL, correction TEXT NOT NULL, comment TEXT NOT NULL, keys TEXT NOT NULL, at REAL NOT NULL,
        PRIMARY KEY (call, turn)
    )""",
)
"""A feedback of a whole call has the turn ``WHOLE``."""

ADDED = (
    """CREATE TABLE IF NOT EXISTS sealed (
        call TEXT NOT NULL REFERENCES calls (id) ON DELETE CASCADE, name TEXT NOT NULL, original BLOB NOT NULL,
        PRIMARY KEY (call, name)
    )""",
    """CREATE TABLE IF NOT EXISTS pictures (
        call TEXT NOT NULL REFERENCES calls (id) ON DELETE CASCADE, turn INTEGER NOT NULL, note TEXT NOT NULL,
        PRIMARY KEY (call, turn)
    )""",
)
"""What files of this format got later. Programs from before read such a file, write it and delete from it as ever."""

WHOLE = -1

_CALL = (
    "INSERT INTO calls VALUES (:id, :conversation, :agent, :tenant, :channel, :language, :consent, :began, :ended, "
    ":reason, :turns, :seconds) ON CONFLICT (id) DO "
)
_CALL_BEGUN = _CALL + "NOTHING"
_CALL_STANDS = _CALL + "UPDATE SET ended = :ended, reason = :reason, turns = :turns, seconds = :seconds"
_TURN = (
    "INSERT OR REPLACE INTO turns VALUES (:call, :turn, :language, :question, :asked, :answer, :heard, "
    ":status, :model, :digest, :knowledge, :sources, :degraded, :spans, :ended)"
)
_CALLS = "SELECT * FROM calls WHERE began >= ? ORDER BY began DESC, id LIMIT ?"
_CALLS_OF_ONE = "SELECT * FROM calls WHERE conversation = ? AND began >= ? ORDER BY began DESC, id LIMIT ?"
_FEEDBACK = "INSERT OR REPLACE INTO feedback VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_SEALED = "INSERT OR IGNORE INTO sealed VALUES (?, ?, ?)"
_CALL_FIELDS = tuple(CallRow.__dataclass_fields__)
_TURN_FIELDS = tuple(name for name in TurnRow.__dataclass_fields__ if name not in {"picture", "sealed"})


def write_row(connection: Connection, row: Row) -> None:
    """Write the state of a call or a turn in place of the last one. A turn's call is written where it is missing."""
    if isinstance(row, CallRow):
        connection.execute(_CALL_STANDS, _values(row, _CALL_FIELDS))
        return
    lists = {"sources": json.dumps(row.sources), "degraded": json.dumps(row.degraded)}
    spans = json.dumps({name: round(seconds, 4) for name, seconds in row.spans.items()})
    connection.execute(_CALL_BEGUN, _values(row.call, _CALL_FIELDS))
    connection.execute(_TURN, {**_values(row, _TURN_FIELDS), "call": row.call.id, "spans": spans, **lists})
    if row.picture:
        connection.execute("INSERT OR REPLACE INTO pictures VALUES (?, ?, ?)", (row.call.id, row.turn, row.picture))
    _keep_sealed(connection, row.call.id, row.sealed)


def latest(connection: Connection, conversation: str) -> CallRow | None:
    """Return the last call that had this id."""
    found = calls(connection, conversation=conversation, most=1)
    return found[0] if found else None


def calls(connection: Connection, *, conversation: str = "", since: float = 0.0, most: int = -1) -> list[CallRow]:
    """Return calls, the latest first, at most ``most`` of them; those of one id where it is given."""
    found = (
        _asked(connection, _CALLS_OF_ONE, (conversation, since, most))
        if conversation
        else _asked(connection, _CALLS, (since, most))
    )
    return [CallRow(**{**row, "consent": bool(row["consent"])}) for row in found]


def turns(connection: Connection, call: CallRow) -> list[TurnRow]:
    """Return the turns of a call in order."""
    found = _asked(connection, "SELECT * FROM turns WHERE call = ? ORDER BY turn", (call.id,))
    pictures = _asked(connection, "SELECT turn, note FROM pictures WHERE call = ?", (call.id,))
    notes = {row["turn"]: row["note"] for row in pictures}
    return [
        TurnRow(
            **{
                **row,
                "call": call,
                "sources": tuple(json.loads(row["sources"])),
                "degraded": tuple(json.loads(row["degraded"])),
                "spans": json.loads(row["spans"]),
                "picture": notes.get(row["turn"], ""),
            }
        )
        for row in found
    ]


def feedback(connection: Connection, call: CallRow) -> list[KeptFeedback]:
    """Return what was thought of a call and its turns, the call as a whole first."""
    query = "SELECT id, call, turn, rating, correction, comment, at FROM feedback WHERE call = ? ORDER BY turn"
    found = _asked(connection, query, (call.id,))
    return [KeptFeedback(**{**row, "turn": None if row["turn"] == WHOLE else row["turn"]}) for row in found]


def submit(connection: Connection, given: Feedback, at: float) -> str:
    """Keep a feedback on the last call that had its id, and return the feedback's own id.

    There is one for each call and turn: a new key replaces it, under the same id; a key that is known changes nothing.
    Raises RecordsError: ``unknown-conversation``, ``unknown-turn``.
    """
    call = latest(connection, given.conversation)
    if call is None:
        raise RecordsError("unknown-conversation", f"there is no call {given.conversation}")
    turn = WHOLE if given.turn is None else given.turn
    place = (call.id, turn)
    if turn != WHOLE and not _asked(connection, "SELECT turn FROM turns WHERE call = ? AND turn = ?", place):
        raise RecordsError("unknown-turn", f"call {given.conversation} has no answered turn {given.turn}")
    known = _asked(connection, "SELECT id, keys FROM feedback WHERE call = ? AND turn = ?", place)
    own, keys = (known[0]["id"], json.loads(known[0]["keys"])) if known else (uuid4().hex, [])
    if given.key not in keys:
        keys = json.dumps([*keys, given.key][-KEYS:])
        row = (*place, own, given.rating, given.correction, given.comment, keys, at)
        connection.execute(_FEEDBACK, row)
        _keep_sealed(connection, call.id, given.sealed)
    return str(own)


def sealed(connection: Connection, call: CallRow) -> dict[str, bytes]:
    """Return the originals of a call's pseudonyms, encrypted, by name."""
    found = _asked(connection, "SELECT name, original FROM sealed WHERE call = ?", (call.id,))
    return {row["name"]: row["original"] for row in found}


def unseal(connection: Connection, tenant: str) -> None:
    """Delete the originals of all pseudonyms of a tenant."""
    connection.execute("DELETE FROM sealed WHERE (SELECT tenant FROM calls WHERE id = sealed.call) = ?", (tenant,))


def tenants(connection: Connection) -> list[str]:
    """Return the tenants of all calls."""
    return [row["tenant"] for row in _asked(connection, "SELECT DISTINCT tenant FROM calls", ())]


def expire(connection: Connection, tenant: str, before: float, most: int) -> int:
    """Delete a tenant's calls that began before an instant, ``most`` of them at once; return how many."""
    query = "DELETE FROM calls WHERE id IN (SELECT id FROM calls WHERE tenant = ? AND began < ? LIMIT ?)"
    return connection.execute(query, (tenant, before, most)).rowcount


def forget(connection: Connection, conversation: str) -> int:
    """Delete all calls of an id with all that belongs to them; return how many there were."""
    return connection.execute("DELETE FROM calls WHERE conversation = ?", (conversation,)).rowcount


def _keep_sealed(connection: Connection, call: str, sealed: Mapping[str, bytes]) -> None:
    """Write the originals of a call's pseudonyms; one that is there stays: it is of the same value."""
    connection.executemany(_SEALED, [(call, name, original) for name, original in sealed.items()])


def _values(row: Row, fields: Sequence[str]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in fields}


def _asked(connection: Connection, query: str, values: Sequence[Any]) -> list[Mapping[str, Any]]:
    cursor = connection.cursor()
    cursor.row_factory = Found
    return [dict(row) for row in cursor.execute(query, values)]
