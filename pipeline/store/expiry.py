"""Expiry: deletes the calls whose time is over, so that nothing of them is left in the file."""

from functools import partial

import anyio

from pipeline.core.clock import Clock
from pipeline.core.errors import RecordsError
from pipeline.observe import logger
from pipeline.settings import RecordSettings
from pipeline.store import statements
from pipeline.store.records import Records

BATCH = 100
"""Calls of one transaction: between two of them turns are written."""
DAY = 86_400.0


async def expire_often(records: Records, settings: RecordSettings, calendar: Clock) -> None:
    """Delete what has expired, now and every ``records.sweep`` seconds, until cancelled."""
    log = logger("records")
    while True:
        try:
            deleted = await expire(records, settings, calendar)
        except RecordsError as error:
            records.failed(error)
        else:
            if deleted:
                log.info("records expired", calls=deleted)
        await anyio.sleep(settings.sweep)


async def expire(records: Records, settings: RecordSettings, calendar: Clock) -> int:
    """Delete the calls that are older than their tenant's retention; return how many. Raises RecordsError.

    What was sealed for a tenant that does not allow it any more goes as well.
    """
    deleted = 0
    for tenant in await records.ask(statements.tenants):
        before = calendar.now() - DAY * settings.days(tenant)
        oldest = partial(statements.expire, tenant=tenant, before=before, most=BATCH)
        while some := await records.ask(oldest):
            deleted += some
        if tenant not in settings.restorable:
            await records.ask(partial(statements.unseal, tenant=tenant))
    await records.tidy()
    return deleted
