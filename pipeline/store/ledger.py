"""Ledger: what is written down of one call, redacted before it is put."""

from collections.abc import Callable
from dataclasses import replace

from pipeline.core.clock import Clock
from pipeline.core.events import ReplyEnded, TurnId
from pipeline.store.backlog import Receipt
from pipeline.store.records import Records
from pipeline.store.rows import CallRow, TurnRow

Redact = Callable[[str], str]


class CallLedger:
    """One call's turns."""

    def __init__(self, records: Records, call: CallRow, calendar: Clock, *, said: Redact, replied: Redact) -> None:
        """Write the call down; ``said`` redacts a caller's words and ``replied`` the service's."""
        self._records = records
        self._call = call
        self._calendar = calendar
        self._said = said
        self._replied = replied
        self._open: dict[TurnId, TurnRow] = {}
        records.put(call)

    def asked(self, turn: TurnId, text: str, language: str) -> Receipt:
        """Write down what is about to be answered; the receipt tells when that is on the disk."""
        row = TurnRow(
            call=self._call,
            turn=turn,
            language=language,
            question=_writable(self._said(text)),
            asked=self._calendar.now(),
        )
        self._open[turn] = row
        return self._records.put(row)

    def ended(self, event: ReplyEnded) -> None:
        """Write down how the answer to a turn ended."""
        row = self._open.pop(event.turn, None)
        if row is None:
            return
        self._records.put(
            replace(
                row,
                answer=_writable(self._replied(event.text)),
                heard=_writable(self._replied(event.heard)),
                status=event.status.value,
                model=event.usage.model,
                digest=event.usage.digest,
                knowledge=event.knowledge,
                sources=tuple(map(_writable, event.sources)),
                degraded=event.degraded,
                spans=dict(event.spans),
                ended=self._calendar.now(),
            )
        )

    def over(self, reason: str, *, turns: int, seconds: float) -> None:
        """Write down that the call is over. Answers that broke off with it keep an empty status."""
        self._records.put(replace(self._call, ended=self._calendar.now(), reason=reason, turns=turns, seconds=seconds))


def _writable(text: str) -> str:
    """Return the text without the halves of characters that a model's JSON may hold, which no file takes."""
    return text.encode("utf-8", "replace").decode("utf-8")
