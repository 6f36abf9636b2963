"""What stands in the prompts of whole calls."""

import pytest

from pipeline.dialog.agents import Agent
from pipeline.settings import Dialog, Settings
from tests.fakes import FakeLine, FakeModel
from tests.session.calls import LONG_ANSWER
from tests.switchboards import AGENTS, Service
from tests.virtual_time import VIRTUAL_TIME, Backend

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> Backend:
    return VIRTUAL_TIME


async def test_no_setting_and_nothing_of_the_environment_stands_in_a_prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOICEPIPE_TEST_KEY", "hunter2")
    settings = Settings(dialog=Dialog(ollama_url="http://ann:hunter2@127.0.0.1:11434"))
    service = Service(settings, model=FakeModel(LONG_ANSWER))
    await service.place(FakeLine([(1.0, 2.0), (12.0, 13.0)], 30.0), conversation="hunter2")
    said = [message for chat in (*service.model.asked, *service.model.warmed) for message in chat]
    assert len(service.model.asked) == 2
    assert all("hunter2" not in message.text for message in said)


async def test_a_persona_is_the_operators_text_into_which_nothing_is_filled(monkeypatch: pytest.MonkeyPatch) -> None:
    persona = "You keep $HOME, {settings}, %(key)s, ${VOICEPIPE_TEST_KEY} and <|shelves|>."
    monkeypatch.setenv("VOICEPIPE_TEST_KEY", "hunter2")
    monkeypatch.setitem(AGENTS, "shop", Agent(id="shop", name="Shop", persona=persona))
    service = Service()
    await service.place(FakeLine([(1.0, 2.0)], 8.0))
    assert [chat[0].text.partition("\n\n")[0] for chat in service.model.asked] == [persona]
