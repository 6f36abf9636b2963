"""Archive: which calls there are and were, what is written down of them, and what is thought of them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from uuid import uuid4

from anyio import to_thread

from pipeline.core.clock import Clock
from pipeline.core.errors import EntranceError, RecordsError
from pipeline.core.events import CallEnd
from pipeline.dialog.agents import Agent
from pipeline.dialog.discretion import Discretion
from pipeline.dialog.privacy import Privacy
from pipeline.dialog.redact import Pseudonyms, Treatment
from pipeline.entrances.switchboard import CallStart, Conversation, CutOff, Outcome
from pipeline.session.ledger import Ledger, NoLedger
from pipeline.settings import SettingsError
from pipeline.store.keys import Keys
from pipeline.store.ledger import CallLedger, Seal
from pipeline.store.records import Records
from pipeline.store.rows import CallRow, Feedback

STRICT = Privacy()
"""For the calls of an agent that there is no more."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A call that goes on."""

    row: CallRow
    kept: CallLedger | None

    @property
    def ledger(self) -> Ledger:
        """Return where its turns go."""
        return self.kept or NoLedger()


class Archive:
    """All calls of a service."""

    def __init__(self, records: Records | None, calendar: Clock, keys: Keys | None = None) -> None:
        """Write calls down in ``records``, if there are any, with the pseudonyms of these ``keys``."""
        self._records = records
        self._calendar = calendar
        self._keys = keys
        self._live: dict[str, Entry] = {}

    def discretion(self, agent: Agent, tenant: str) -> Discretion:
        """Return what redacts one call of an agent. Raises SettingsError without the key that the agent asks for."""
        if agent.privacy.kept is not Treatment.PSEUDONYM:
            return agent.privacy.discretion(agent.persona)
        if self._keys is None:
            raise _no_key(agent)
        names = Pseudonyms(self._keys.naming(tenant), restorable=self._keys.restores(tenant))
        return agent.privacy.discretion(agent.persona, names)

    def begin(self, start: CallStart, agent: Agent, language: str, discretion: Discretion) -> Entry:
        """Write down that a call begins."""
        row = CallRow(
            id=uuid4().hex,
            conversation=start.conversation,
            agent=agent.id,
            tenant=agent.tenant,
            channel=start.caller.channel.value,
            language=language,
            consent=start.caller.training_consent,
            began=self._calendar.now(),
        )
        ledger = None
        if self._records is not None:
            said, replied, seal = discretion.said, discretion.replied, self._seal(row.tenant, discretion)
            ledger = CallLedger(self._records, row, self._calendar, said=said, replied=replied, seal=seal)
        entry = self._live[start.conversation] = Entry(row, ledger)
        return entry

    def end(self, entry: Entry, reason: str, *, turns: int, seconds: float) -> None:
        """Write down that a call is over."""
        if self._live.get(entry.row.conversation) is entry:
            del self._live[entry.row.conversation]
        if entry.kept is not None:
            entry.kept.over(reason, turns=turns, seconds=seconds)

    async def conversation(self, conversation: str) -> Conversation:
        """Return the last call that had this id. Raises EntranceError ``unknown-conversation``, and RecordsError."""
        row = await self._row(conversation)
        outcome = None
        if conversation not in self._live:
            outcome = Outcome(reason=_reason(row.reason), turns=row.turns, duration=row.seconds)
        return Conversation(id=conversation, agent=row.agent, began=row.began, outcome=outcome)

    async def take_feedback(self, feedback: Feedback, agents: Mapping[str, Agent]) -> str:
        """Keep a feedback, redacted by the rules of the call's agent; see ``Switchboard.take_feedback``."""
        if self._records is None:
            raise EntranceError("no-records", "this server keeps no records: records.enabled is off")
        row = await self._row(feedback.conversation)
        agent = agents.get(row.agent)
        discretion = STRICT.discretion("") if agent is None else self.discretion(agent, row.tenant)
        seal = self._seal(row.tenant, discretion)
        try:
            return await self._records.submit(await to_thread.run_sync(_redacted, feedback, discretion, seal))
        except RecordsError as error:
            field = {"unknown-conversation": "conversation_id", "unknown-turn": "turn_id"}.get(error.code)
            if field is None:
                raise
            raise EntranceError(error.code, str(error), field=field) from error

    def _seal(self, tenant: str, discretion: Discretion) -> Seal:
        """Return what seals the originals of a call's pseudonyms."""
        keys = self._keys
        return lambda texts: {} if keys is None else keys.sealed(tenant, discretion.originals(texts))

    async def _row(self, conversation: str) -> CallRow:
        live = self._live.get(conversation)
        if live is not None:
            return live.row
        row = None if self._records is None else await self._records.latest(conversation)
        if row is None:
            raise EntranceError("unknown-conversation", f"there is no call {conversation}", field="conversation_id")
        return row


def check_key(agents: Mapping[str, Agent], keys: Keys | None) -> None:
    """Raise SettingsError where an agent asks for pseudonyms, and no file is named that holds the key for them."""
    for agent in agents.values():
        if agent.privacy.kept is Treatment.PSEUDONYM and keys is None:
            raise _no_key(agent)


def discretion_of(agents: Mapping[str, Agent], agent: str) -> Discretion:
    """Return what masks the words of an agent's calls, also where there is no such agent any more."""
    found = agents.get(agent)
    return STRICT.discretion("") if found is None else found.privacy.discretion(found.persona)


def _no_key(agent: Agent) -> SettingsError:
    return SettingsError(
        "no-key", f'agent {agent.id}: privacy.kept = "pseudonym" needs a key: name one with records.key'
    )


def _redacted(feedback: Feedback, discretion: Discretion, seal: Seal) -> Feedback:
    """Return the feedback without personal data. 5 microseconds a character: in a thread."""
    correction, comment = discretion.said(feedback.correction), discretion.said(feedback.comment)
    return replace(feedback, correction=correction, comment=comment, sealed=seal((correction, comment)))


def _reason(text: str) -> CallEnd | CutOff:
    """Return why a call ended; FAILED where that was not written down, because the service ended before it."""
    for kind in (CallEnd, CutOff):
        if text in list(kind):
            return kind(text)
    return CallEnd.FAILED
