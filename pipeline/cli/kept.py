"""What the commands about records share: the open file, and calls, turns and feedback as JSON, redacted once more."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from pipeline.archive import discretion_of
from pipeline.cli.screen import opened
from pipeline.dialog import agents
from pipeline.dialog.agents import Agent
from pipeline.dialog.redact import restored
from pipeline.settings import Settings, SettingsError
from pipeline.store import statements
from pipeline.store.file import RecordsFile
from pipeline.store.keys import Keys, read
from pipeline.store.rows import CallRow, KeptFeedback, TurnRow

Since = Annotated[
    str, typer.Option(metavar="TIME", help="Only calls that began then or later: 2026-05-31 or 2026-05-31T14:30, UTC.")
]
Id = Annotated[str, typer.Argument(metavar="ID", help="A call's conversation id.")]


@dataclass(frozen=True, slots=True)
class Kept:
    """The records, and the agents by whose rules they are redacted."""

    file: RecordsFile
    agents: dict[str, Agent]
    keys: Keys | None
    """Open what pseudonyms stand for, to show that in their place; None shows the pseudonyms."""

    def calls(self, *, conversation: str = "", since: float = 0.0, most: int = -1) -> list[CallRow]:
        """Return calls, the latest first."""
        return self.file.run(
            lambda connection: statements.calls(connection, conversation=conversation, since=since, most=most)
        )

    def turns(self, call: CallRow) -> list[dict[str, Any]]:
        """Return the turns of a call. Raises RecordsError."""
        discretion = discretion_of(self.agents, call.agent)
        originals = self._originals(call)
        found = self.file.run(lambda connection: statements.turns(connection, call))
        return [
            {
                "turn": turn.turn,
                "language": turn.language,
                "question": restored(discretion.said(turn.question), originals),
                "picture": restored(discretion.said(turn.picture), originals),
                "answer": restored(discretion.replied(turn.answer), originals),
                "heard": restored(discretion.replied(turn.heard), originals),
                "status": turn.status,
                "model": turn.model,
                "digest": turn.digest,
                "knowledge": turn.knowledge,
                "sources": turn.sources,
                "degraded": turn.degraded,
                "spans": turn.spans,
                "asked": instant(turn.asked),
                "ended": _ended(turn),
            }
            for turn in found
        ]

    def feedback(self, call: CallRow) -> list[dict[str, Any]]:
        """Return the feedback on a call; ``turn`` is None for the call as a whole. Raises RecordsError."""
        discretion = discretion_of(self.agents, call.agent)
        originals = self._originals(call)
        found: list[KeptFeedback] = self.file.run(lambda connection: statements.feedback(connection, call))
        return [
            {
                "turn": one.turn,
                "feedback": one.id,
                "rating": one.rating,
                "correction": restored(discretion.said(one.correction), originals),
                "comment": restored(discretion.said(one.comment), originals),
                "at": instant(one.at),
            }
            for one in found
        ]

    def whole(self, call: CallRow) -> dict[str, Any]:
        """Return a call with all that belongs to it."""
        return {**facts(call), "turns": self.turns(call), "feedback": self.feedback(call)}

    def _originals(self, call: CallRow) -> Mapping[str, str]:
        """Return what the pseudonyms of a call stand for, as far as it is to be shown."""
        if self.keys is None:
            return {}
        return self.keys.opened(call.tenant, self.file.run(lambda connection: statements.sealed(connection, call)))


@contextmanager
def kept(profile: str, config: Path | None, *, restore: bool = False) -> Iterator[Kept]:
    """Open the records that the settings name while the context lasts, with the key to ``restore`` them.

    Raises PipelineError.
    """
    settings, _ = opened(profile, config)
    assert settings.records.file is not None  # noqa: S101  ``opened`` fills it in
    found = agents.load(settings.agents)
    keys = read(key_file(settings), settings.records.restorable) if restore else None
    file = RecordsFile.open(settings.records.file, make=False)
    try:
        yield Kept(file, found, keys)
    finally:
        file.close()


def key_file(settings: Settings) -> Path:
    """Return the file that holds the key of pseudonyms. Raises SettingsError where none is named."""
    if settings.records.key is None:
        raise SettingsError("no-key", "records.key names no file: it is where the key of pseudonyms lies")
    return settings.records.key


def facts(call: CallRow) -> dict[str, Any]:
    """Return what is known of a call."""
    return {
        "conversation": call.conversation,
        "agent": call.agent,
        "tenant": call.tenant,
        "channel": call.channel,
        "language": call.language,
        "training_consent": call.consent,
        "began": instant(call.began),
        "ended": None if call.ended is None else instant(call.ended),
        "reason": call.reason,
        "turns_begun": call.turns,
        "seconds": round(call.seconds, 3),
    }


def instant(at: float) -> str:
    """Return an instant as people and programs read it, UTC."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def since_instant(text: str) -> float:
    """Return the instant that ``--since`` names; the beginning of all where it is empty. Raises SettingsError."""
    if not text:
        return 0.0
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise SettingsError("wrong-time", f"--since {text}: no time; allowed: 2026-05-31, 2026-05-31T14:30") from error
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def _ended(turn: TurnRow) -> str | None:
    return None if turn.ended is None else instant(turn.ended)
