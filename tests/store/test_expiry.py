from pathlib import Path

import pytest

from pipeline.settings import RecordSettings, TenantRecords
from pipeline.store.expiry import BATCH, DAY, expire
from pipeline.store.rows import Feedback
from tests.store.records import NOON, Kept, call_row, everything, kept, read, turn_row

pytestmark = pytest.mark.anyio

SETTINGS = RecordSettings(
    retention_days=30,
    tenants={"default": TenantRecords(restore=True), "strict": TenantRecords(retention_days=2, restore=True)},
)
SEALS = [f"sealed for {call} days ago".encode() for call in ("default 31", "default 29", "strict 3", "strict 1")]


async def full(records: Kept) -> None:
    """Put an old and a new call of two tenants, each with a turn and feedback."""
    ages = {"default": (31, 29), "strict": (3, 1)}
    for number, (tenant, days) in enumerate((tenant, days) for tenant, found in ages.items() for days in found):
        call = call_row(number, conversation=f"{tenant}-{days}", tenant=tenant, began=NOON - days * DAY)
        sealed = {"name": f"sealed for {tenant} {days} days ago".encode()}
        records.records.put(turn_row(call, question=f"the words of {tenant} {days} days ago " * 50, sealed=sealed))
        await records.records.submit(Feedback(conversation=call.conversation, comment=f"comment {days}", key="k"))


async def test_calls_are_kept_as_long_as_their_tenant_wants(tmp_path: Path) -> None:
    async with kept(tmp_path / "r.sqlite") as records:
        await full(records)
        assert await expire(records.records, SETTINGS, records.calendar) == 2
        assert await expire(records.records, SETTINGS, records.calendar) == 0
    assert read(records.path, "SELECT conversation FROM calls ORDER BY 1") == [("default-29",), ("strict-1",)]
    assert read(records.path, "SELECT count(*) FROM turns") == [(2,)]
    assert read(records.path, "SELECT comment FROM feedback ORDER BY 1") == [("comment 1",), ("comment 29",)]


async def test_no_byte_of_what_expired_stays_on_the_disk(tmp_path: Path) -> None:
    async with kept(tmp_path / "r.sqlite") as records:
        await full(records)
        assert b"default 31 days ago" in everything(tmp_path)
        await expire(records.records, SETTINGS, records.calendar)
        on_disk = everything(tmp_path)
    assert b"default 29 days ago" in on_disk
    for gone in (b"default 31 days ago", b"strict 3 days ago", b"comment 31", b"default-31"):
        assert gone not in on_disk


async def test_many_calls_expire_in_several_steps_and_give_their_room_back(tmp_path: Path) -> None:
    async with kept(tmp_path / "r.sqlite") as records:
        for number in range(3 * BATCH):
            records.records.put(turn_row(call_row(number, began=NOON - 40 * DAY), question="x" * 1000))
        await records.records.submit(Feedback(conversation="c0", rating="up", key="k"))
        await records.records.tidy()
        before = records.path.stat().st_size
        assert await expire(records.records, SETTINGS, records.calendar) == 3 * BATCH
        assert records.path.stat().st_size < before / 4


async def test_what_pseudonyms_stand_for_goes_with_its_call(tmp_path: Path) -> None:
    async with kept(tmp_path / "r.sqlite") as records:
        await full(records)
        await expire(records.records, SETTINGS, records.calendar)
        assert [seal for seal in SEALS if seal in everything(tmp_path)] == [SEALS[1], SEALS[3]]


async def test_what_a_tenant_does_not_allow_any_more_is_gone_with_the_next_look(tmp_path: Path) -> None:
    async with kept(tmp_path / "r.sqlite") as records:
        await full(records)
        allowed = RecordSettings(tenants={"strict": TenantRecords(restore=True)}, retention_days=1000)
        assert await expire(records.records, allowed, records.calendar) == 0
        assert [seal for seal in SEALS if seal in everything(tmp_path)] == SEALS[2:]
    assert read(records.path, "SELECT count(*) FROM turns") == [(4,)]
