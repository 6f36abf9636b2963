"""Agents are read anew while calls go on: what a call answers with is closed when the last that has it is over."""

from collections.abc import Mapping
from typing import Any

import anyio
import httpx
import pytest

from pipeline.core.events import CallEvent, ReplyEnded, TextDelta, TextTyped
from pipeline.core.stages import ToolSpec, ToolUse
from pipeline.dialog.tools.toolbox import Tool, Toolbox
from pipeline.kits import Kit
from tests.fakes import FakeLine, FakeModel
from tests.switchboards import AGENTS, Service, start
from tests.virtual_time import VIRTUAL_TIME, Backend

pytestmark = pytest.mark.anyio

ASK = ToolSpec("stock", "Says how many are left.", {"type": "object", "properties": {}})


@pytest.fixture
def anyio_backend() -> Backend:
    return VIRTUAL_TIME


class Shop:
    """An agent's kit whose tool needs the connection of its toolbox."""

    def __init__(self) -> None:
        self.client = httpx.AsyncClient()
        self.kit = Kit(Toolbox([Tool(ASK, self._stock)], self.client))

    async def _stock(self, _arguments: Mapping[str, Any]) -> str:
        return "closed" if self.client.is_closed else "seven"


async def test_a_kit_that_no_call_has_is_closed_at_once() -> None:
    shop = Shop()
    await shop.kit.retire()
    assert shop.client.is_closed


async def test_a_kit_in_use_stays_open_between_calls() -> None:
    shop = Shop()
    shop.kit.lend()
    await shop.kit.give_back()
    assert not shop.client.is_closed
    await shop.kit.retire()


async def test_a_retired_kit_is_closed_with_the_last_of_its_calls() -> None:
    shop, service = Shop(), Service()
    service.calls.open(service.shared)
    service.calls.answer_as(AGENTS, {"shop": shop.kit})
    first, second = [await service.calls.prepare(start(conversation=name)) for name in ("a", "b")]
    before = service.calls.answer_as(AGENTS, {})
    assert before == {"shop": shop.kit}
    await shop.kit.retire()
    await first.release()
    assert not shop.client.is_closed
    await second.release()  # it was never run
    assert shop.client.is_closed


async def test_a_call_that_goes_on_uses_its_tools_to_its_end_though_its_agent_is_gone() -> None:
    shop = Shop()
    use = (0.1, ToolUse("stock", {}))
    service = Service(model=FakeModel([use], [(0.1, "There are some.")], [use], [(0.1, "There still are.")]))
    service.calls.answer_as(AGENTS, {"shop": shop.kit})
    due = [TextTyped(text="and now?", language="en")]

    def on_event(line: FakeLine, event: CallEvent) -> None:
        if isinstance(event, ReplyEnded) and due:
            service.calls.answer_as({}, {})
            tasks.start_soon(shop.kit.retire)
            line.order(due.pop())

    line = FakeLine([], 12.0, on_event=on_event)
    line.order(TextTyped(text="how many are left?", language="en"))
    model = service.model
    async with anyio.create_task_group() as tasks:
        await service.place(line)
    said = "".join(event.text for event in line.of(TextDelta) if isinstance(event, TextDelta))
    assert said.startswith("There are some.There still are.")
    assert all("seven" in asked[-1].text for asked in (model.asked[1], model.asked[3]))
    assert shop.client.is_closed
