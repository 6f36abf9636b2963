"""Approved answers are spoken ahead, so that they come at once when they are asked for."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.assemble import Assembly
from pipeline.core.clock import LoopClock
from pipeline.dialog.knowledge.database import write
from pipeline.dialog.knowledge.documents import Section
from pipeline.dialog.knowledge.passages import cut
from pipeline.dialog.knowledge.search import Knowledge
from pipeline.dialog.lookup import Documents, Lookup
from pipeline.dialog.tools.toolbox import Toolbox
from pipeline.kits import Kit
from pipeline.models import catalog
from pipeline.models.store import Store
from pipeline.observe import Metrics
from pipeline.settings import SHARE, Settings, Speaking
from pipeline.speaking.phrases import PhraseBook, SpeechCache
from tests.fakes import FakeSynthesizer
from tests.switchboards import AGENTS, Service

pytestmark = pytest.mark.anyio

ANSWERS = ("No, we do not sell coffee. There is a café across the street.", "Yes, **within** five miles of the shop.")


@pytest.fixture
def kit(tmp_path: Path) -> Kit:
    pairs = [Section((answer[:9],), (answer,), f"{answer[:9]}?", "en") for answer in ANSWERS]
    write(tmp_path / "shop.kb", cut(pairs, "faq.csv", "en"), {"built_with": "tests"})
    return Kit(Toolbox(), Lookup(Knowledge.open(tmp_path / "shop.kb"), Documents(), "US", lambda error: None))


async def rehearsed(kit: Kit, folder: Path, idle: Callable[[], bool]) -> list[str]:
    service, voice = Service(), FakeSynthesizer()
    book = PhraseBook(voice, Speaking(), SpeechCache(LoopClock(), 32 << 20))
    shared = replace(service.shared, synthesizer=book)
    store = Store(folder, catalog.read(SHARE / "models" / "catalog.toml"))
    assembly = Assembly(Settings(), store, Metrics(), LoopClock(), {})
    await assembly.rehearse(shared, [AGENTS["shop"]], {"shop": kit}, idle)
    return [text.strip() for text in voice.spoken]


async def test_how_each_approved_answer_begins_is_spoken_ahead(kit: Kit, tmp_path: Path) -> None:
    spoken = await rehearsed(kit, tmp_path, lambda: True)
    assert len(spoken) == len(ANSWERS)
    for text, answer in zip(spoken, ANSWERS, strict=True):
        assert answer.replace("*", "").startswith(text)


async def test_an_agent_without_documents_has_nothing_to_rehearse(tmp_path: Path) -> None:
    assert await rehearsed(Kit(Toolbox()), tmp_path, lambda: True) == []
