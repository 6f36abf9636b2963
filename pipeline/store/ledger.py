"""Ledger: what is written down of one call, redacted before it is written."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from pipeline.core.clock import Clock
from pipeline.core.events import ReplyEnded, TurnId
from pipeline.store.backlog import Receipt
from pipeline.store.records import Records
from pipeline.store.rows import CallRow, Row, TurnRow

Words = Callable[[str], str]
"""Takes the personal data out of a text."""
Seal = Callable[[Sequence[str]], Mapping[str, bytes]]
"""Returns the originals of the pseudonyms in redacted texts, encrypted, by name; none where they must not be kept."""


class CallLedger:
    """One call's turns."""

    def __init__(
        self, records: Records, call: CallRow, calendar: Clock, *, said: Words, replied: Words, seal: Seal
    ) -> None:
        """Write the call down; ``said`` redacts a caller's words and ``replied`` the service's."""
        self._records = records
        self._call = call
        self._calendar = calendar
        self._said = said
        self._replied = replied
        self._seal = seal
        self._open: dict[TurnId, TurnRow] = {}
        records.put(call)

    def asked(self, turn: TurnId, text: str, language: str) -> Receipt:
        """Write down what is about to be answered; the receipt tells when that is on the disk."""
        row = TurnRow(call=self._call, turn=turn, language=language, question=text, asked=self._calendar.now())
        self._open[turn] = row
        return self._records.put(row, self._redacted)

    def saw(self, turn: TurnId, note: str) -> None:
        """Write down what was read in the pictures that the answer to a turn was the first to know."""
        if turn in self._open:
            self._open[turn] = row = replace(self._open[turn], picture=note)
            self._records.put(row, self._redacted)

    def ended(self, event: ReplyEnded) -> None:
        """Write down how the answer to a turn ended."""
        row = self._open.pop(event.turn, None)
        if row is None:
            return
        ended = replace(
            row,
            answer=event.text,
            heard=event.heard,
            status=event.status.value,
            model=event.usage.model,
            digest=event.usage.digest,
            knowledge=event.knowledge,
            sources=event.sources,
            degraded=event.degraded,
            spans=dict(event.spans),
            ended=self._calendar.now(),
        )
        self._records.put(ended, self._redacted)

    def over(self, reason: str, *, turns: int, seconds: float) -> None:
        """Write down that the call is over. Answers that broke off with it keep an empty status."""
        self._records.put(replace(self._call, ended=self._calendar.now(), reason=reason, turns=turns, seconds=seconds))

    def _redacted(self, row: Row) -> Row:
        """Return the row as it is kept. In a thread: it may take long."""
        if isinstance(row, CallRow):
            return row
        question, answer, heard = self._said(row.question), self._replied(row.answer), self._replied(row.heard)
        picture = self._said(row.picture)
        return replace(
            row,
            question=_writable(question),
            answer=_writable(answer),
            heard=_writable(heard),
            picture=_writable(picture),
            sources=tuple(map(_writable, row.sources)),
            sealed=self._seal((question, answer, heard, picture)),
        )


def _writable(text: str) -> str:
    """Return the text without the halves of characters that a model's JSON may hold, which no file takes."""
    return text.encode("utf-8", "replace").decode("utf-8")
