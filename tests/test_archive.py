import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pipeline.archive import Archive, Entry, check_key
from pipeline.core.errors import EntranceError
from pipeline.core.events import CallEnd, ReplyEnded, ReplyId, ReplyStatus, TurnId
from pipeline.core.stages import Usage
from pipeline.dialog.agents import Agent
from pipeline.dialog.privacy import Privacy
from pipeline.dialog.redact import Treatment
from pipeline.entrances.switchboard import (
    AudioForm,
    Caller,
    CallerChannel,
    CallStart,
    Conversation,
    CutOff,
    Encoding,
    Outcome,
)
from pipeline.settings import SettingsError
from pipeline.store.keys import Keys
from pipeline.store.rows import Feedback
from tests.store.records import NOON, Kept, everything, kept, read

pytestmark = pytest.mark.anyio

FORM = AudioForm(Encoding.LINEAR16, 16_000)
SHOP = Agent(id="shop", name="Shop", persona="You keep a shop. Its number is 415 555 2671.", tenant="bakers")
NAMING = SHOP.model_copy(update={"privacy": Privacy(kept=Treatment.PSEUDONYM)})
WORDS = "My number is 415 555 2672, and yours is 415 555 2671."


@dataclass
class Archived:
    archive: Archive
    kept: Kept
    agent: Agent = SHOP

    def begin(self, conversation: str = "c1", **caller: Any) -> Entry:
        start = CallStart(conversation=conversation, input=FORM, output=FORM, caller=Caller(**caller))
        return self.archive.begin(start, self.agent, "en", self.archive.discretion(self.agent, self.agent.tenant))

    def end(self, entry: Entry, reason: str = "client") -> None:
        self.archive.end(entry, reason, turns=2, seconds=12.5)

    async def answered(self, entry: Entry, turn: int = 1, question: str = WORDS, **parts: Any) -> None:
        await entry.ledger.asked(TurnId(turn), question, "en").wait()
        entry.ledger.ended(answer(turn, **parts))
        await self.kept.written()

    async def submit(self, **parts: Any) -> str:
        own = {"conversation": "c1", "turn": 1, "rating": "up", "key": "k1", **parts}
        return await self.archive.take_feedback(Feedback(**own), {"shop": self.agent})


def answer(turn: int, **parts: Any) -> ReplyEnded:
    own: dict[str, Any] = {"text": "We open at nine.", "heard": "We open", "status": ReplyStatus.BARGE_IN, **parts}
    usage = Usage(model="qwen", digest="sha256:1")
    spans = {"response_gap": 0.25}
    return ReplyEnded(turn=TurnId(turn), at=0.0, reply=ReplyId(2), heard_ms=900, usage=usage, spans=spans, **own)


@asynccontextmanager
async def archived(path: Path, agent: Agent = SHOP, keys: Keys | None = None) -> AsyncIterator[Archived]:
    async with kept(path / "r.sqlite", patience=1.0) as records:
        yield Archived(Archive(records.records, records.calendar, keys), records, agent)


async def test_what_was_read_in_a_picture_is_kept_redacted_with_its_turn(tmp_path: Path) -> None:
    async with archived(tmp_path) as service:
        entry = service.begin()
        await entry.ledger.asked(TurnId(1), "what is the total", "en").wait()
        entry.ledger.saw(TurnId(1), "TOTAL 7.70\ncall 415 555 2672")
        entry.ledger.ended(answer(1))
        entry.ledger.saw(TurnId(1), "too late")
        await service.kept.written()
        assert read(service.kept.path, "SELECT turn, note FROM pictures") == [(1, "TOTAL 7.70\ncall [phone number]")]


async def test_a_call_is_live_until_it_ends(tmp_path: Path) -> None:
    async with archived(tmp_path) as service:
        entry = service.begin()
        known = Conversation(id="c1", agent="shop", began=NOON, outcome=None)
        assert await service.archive.conversation("c1") == known
        service.end(entry)
        outcome = Outcome(reason=CallEnd.CLIENT, turns=2, duration=12.5)
        assert await service.archive.conversation("c1") == Conversation(
            id="c1", agent="shop", began=NOON, outcome=outcome
        )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("vanished", CutOff.VANISHED),
        ("stalled", CutOff.STALLED),
        ("max_duration", CallEnd.MAX_DURATION),
        ("", CallEnd.FAILED),
    ],
)
async def test_the_reason_of_an_end_is_known_later(tmp_path: Path, text: str, reason: CallEnd | CutOff) -> None:
    async with archived(tmp_path) as service:
        service.end(service.begin(), text)
        outcome = (await service.archive.conversation("c1")).outcome
        assert outcome is not None
        assert outcome.reason is reason


async def test_a_call_whose_service_died_is_told_as_failed(tmp_path: Path) -> None:
    async with archived(tmp_path) as service:
        service.begin()
        again = Archive(service.kept.records, service.kept.calendar)
        outcome = (await again.conversation("c1")).outcome
        assert outcome == Outcome(reason=CallEnd.FAILED, turns=0, duration=0.0)


async def test_an_id_that_comes_again_is_a_new_call(tmp_path: Path) -> None:
    async with archived(tmp_path) as service:
        service.end(service.begin())
        service.kept.calendar.at += 60
        second = service.begin()
        assert await service.archive.conversation("c1") == Conversation(
            id="c1", agent="shop", began=NOON + 60, outcome=None
        )
        service.end(second)
        await service.kept.written()
    assert read(service.kept.path, "SELECT count(*), count(DISTINCT id) FROM calls") == [(2, 2)]


async def test_what_is_known_of_a_call_and_a_turn_is_written(tmp_path: Path) -> None:
    async with archived(tmp_path) as service:
        entry = service.begin(channel=CallerChannel.KIOSK, training_consent=True, ani="+4930123456")
        await service.answered(entry, sources=("hours.md",), knowledge="v7", degraded=("filler",))
        calls = read(service.kept.path, "SELECT conversation, agent, tenant, channel, language, consent FROM calls")
        assert calls == [("c1", "shop", "bakers", "kiosk", "en", 1)]
        columns = "turn, language, answer, heard, status, model, digest, knowledge, sources, degraded, spans"
        assert read(service.kept.path, f"SELECT {columns} FROM turns") == [  # noqa: S608  our own columns
            (
                1,
                "en",
                "We open at nine.",
                "We open",
                "barge_in",
                "qwen",
                "sha256:1",
                "v7",
                '["hours.md"]',
                '["filler"]',
                '{"response_gap": 0.25}',
            )
        ]
        assert b"4930123456" not in everything(tmp_path)


async def test_a_secret_is_never_on_the_disk_and_what_is_public_is(tmp_path: Path) -> None:
    async with archived(tmp_path) as service:
        receipt = (entry := service.begin()).ledger.asked(TurnId(1), WORDS, "en")
        await receipt.wait()
        assert b"415 555 2672" not in everything(tmp_path)
        await service.answered(entry)
        await service.submit(correction=WORDS, comment="Write to joe@example.com")
        on_disk = everything(tmp_path)
        assert b"415 555 2672" not in on_disk
        assert b"joe@example.com" not in on_disk
        question = "My number is [phone number], and yours is 415 555 2671."
        assert read(service.kept.path, "SELECT question FROM turns") == [(question,)]
        given = read(service.kept.path, "SELECT correction, comment FROM feedback")
        assert given == [(question, "Write to [email address]")]


@pytest.mark.parametrize("restorable", [(), ("bakers",)])
async def test_with_pseudonyms_the_same_value_has_the_same_name_in_all_that_is_kept(
    tmp_path: Path, restorable: tuple[str, ...]
) -> None:
    keys = Keys(b"k" * 32, restorable)
    async with archived(tmp_path, NAMING, keys) as service:
        await service.answered(service.begin())
        await service.submit(correction="Call four one five five five five two six seven two.")
        await service.answered(service.begin("c2"), question="It is +1 (415) 555-2672.")
        texts = [text for (text,) in read(service.kept.path, "SELECT question FROM turns ORDER BY call, turn")]
        texts += [text for (text,) in read(service.kept.path, "SELECT correction FROM feedback")]
        names = [name for text in texts for name in re.findall(r"⟨phone:[a-p]{16}⟩", text)]
        assert (len(names), len(set(names))) == (3, 1)
        sealed = dict(read(service.kept.path, "SELECT name, original FROM sealed"))
        assert set(sealed) == (set(names) if restorable else set())
        if restorable:
            assert keys.opened("bakers", sealed)[names[0]] in WORDS + "It is +1 (415) 555-2672."
        on_disk = everything(tmp_path)
        assert re.findall(rb"555\D{0,2}2672|two six seven two", on_disk) == []
        assert b"415 555 2671" in on_disk


async def test_what_a_tenants_number_is_called_says_nothing_to_another(tmp_path: Path) -> None:
    other = NAMING.model_copy(update={"tenant": "clinic"})
    async with archived(tmp_path, NAMING, Keys(b"k" * 32)) as service:
        own, others = (service.archive.discretion(agent, agent.tenant).said(WORDS) for agent in (NAMING, other))
        assert own != others


async def test_an_agent_that_asks_for_pseudonyms_has_no_call_without_a_key(tmp_path: Path) -> None:
    async with archived(tmp_path, NAMING) as service:
        with pytest.raises(SettingsError, match=r"agent shop: privacy\.kept = \"pseudonym\" needs a key") as caught:
            service.begin()
        assert caught.value.code == "no-key"
    with pytest.raises(SettingsError):
        check_key({"shop": NAMING}, None)
    check_key({"shop": SHOP}, None)
    check_key({"shop": NAMING}, Keys(b"k" * 32))


async def test_a_text_that_no_file_takes_is_written_with_marks(tmp_path: Path) -> None:
    async with archived(tmp_path) as service:
        await service.answered(service.begin(), text="half \ud83d a sign")
        assert read(service.kept.path, "SELECT answer FROM turns") == [("half ? a sign",)]


@pytest.mark.parametrize(
    ("wrong", "code", "field"),
    [
        ({"conversation": "c9"}, "unknown-conversation", "conversation_id"),
        ({"turn": 9}, "unknown-turn", "turn_id"),
    ],
)
async def test_feedback_on_nothing_names_what_is_wrong(
    tmp_path: Path, wrong: dict[str, Any], code: str, field: str
) -> None:
    async with archived(tmp_path) as service:
        await service.answered(service.begin())
        with pytest.raises(EntranceError) as caught:
            await service.submit(**wrong)
        assert (caught.value.code, caught.value.field) == (code, field)


async def test_without_records_a_live_call_is_known_and_feedback_is_refused(tmp_path: Path) -> None:
    async with archived(tmp_path) as service:
        service.archive = Archive(None, service.kept.calendar)
        entry = service.begin()
        assert (await service.archive.conversation("c1")).outcome is None
        with pytest.raises(EntranceError) as caught:
            await service.submit()
        assert caught.value.code == "no-records"
        service.end(entry)
        with pytest.raises(EntranceError) as caught:
            await service.archive.conversation("c1")
        assert (caught.value.code, caught.value.field) == ("unknown-conversation", "conversation_id")
