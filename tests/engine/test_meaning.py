"""Documents are searched by meaning in calls: with the vectors of a real model, on a real Ollama server."""

from pathlib import Path

import anyio
import pytest

from pipeline.core.stages import Message
from pipeline.dialog.agents import Agent
from pipeline.dialog.lookup import Lookup
from pipeline.library import Library
from pipeline.models import catalog
from pipeline.models.store import Store
from pipeline.observe import Metrics
from pipeline.session.headroom import Headroom
from pipeline.settings import SHARE, Dialog, Settings
from tests.fakes import FakeLine, FakeModel, FakeRecognizer
from tests.ollama_server import OllamaServer
from tests.session.calls import ANSWER, Made, place

pytestmark = [pytest.mark.engine, pytest.mark.anyio]

DOCUMENTS = {
    "arriving.md": "# Arriving\n\nLeave your car behind the building, at no charge.",
    "bread.md": "# Bread\n\nA rye bread is five dollars.",
    "hours.md": "# Hours\n\nWe open at seven, and we close at six.",
    "orders.md": "# Orders\n\nA cake has to be ordered two days before.",
}
QUESTION = "Is there somewhere to park an automobile?"
"""Has no word in common with the documents."""


@pytest.fixture
async def lookup(ollama: OllamaServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lookup:
    """A folder as the service opens it, with an embedder that is warm."""
    monkeypatch.setattr("pipeline.dialog.ahead.PATIENCE", 60.0)  # other tests run beside this one
    (tmp_path / "shop").mkdir()
    for name, text in DOCUMENTS.items():
        (tmp_path / "shop" / name).write_text(text)
    model = ollama.register("all-minilm-l6-v2")
    settings = Settings(agents=tmp_path, dialog=Dialog(engine="ollama", ollama_url=ollama.url))
    store = Store(tmp_path / "cache", catalog.read(SHARE / "models" / "catalog.toml"))
    library = Library(settings, store, Metrics())
    wanted = {"folder": "shop", "embedding": model, "approved": 2.0, "passages": 1}
    agent = Agent.model_validate({"id": "shop", "name": "Shop", "persona": "p", "knowledge": wanted})
    opened = await library.lookup(agent)
    for embedder in library.embedders:
        await embedder.embed(["hello"])
    return opened


async def test_a_question_in_other_words_finds_its_passage_ahead(lookup: Lookup) -> None:
    ahead = lookup.ahead([Message("user", QUESTION)])
    assert ahead is not None
    with anyio.fail_after(30):
        await ahead.run()
    found = await lookup.found([Message("user", QUESTION.lower())], ahead)
    assert found.sources == ("arriving.md",)
    assert "Leave your car behind the building" in found.said[-1].below


async def test_a_question_in_other_words_finds_its_passage_in_a_call(lookup: Lookup) -> None:
    made = Made(
        FakeLine([(0.5, 6.0)], 9.0),
        recognizer=FakeRecognizer([(0.05, QUESTION)]),
        model=FakeModel(ANSWER),
        partial_every=0.5,
        headroom=Headroom(1, 4, lambda: False),
        lookup=lookup,
    )
    await place(made)
    assert "Leave your car behind the building" in made.model.asked[-1][-1].text


async def test_words_alone_do_not_find_it(lookup: Lookup) -> None:
    lookup._knowledge._embedder = None
    assert (await lookup.found([Message("user", QUESTION)])).lacking
