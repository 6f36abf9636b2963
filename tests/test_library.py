"""The documents of agents as the service opens them. Real vectors: tests/engine/test_meaning.py."""

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from pipeline.core.stages import Message
from pipeline.dialog.agents import Agent
from pipeline.dialog.knowledge.database import write
from pipeline.dialog.lookup import Lookup
from pipeline.library import Library
from pipeline.models import catalog
from pipeline.models.store import Store
from pipeline.observe import Metrics
from pipeline.settings import SHARE, Dialog, Settings
from tests.dialog.knowledge.conftest import CUTS

pytestmark = pytest.mark.anyio

NOBODY = "http://127.0.0.1:9"
QUESTION = [Message("user", "how much is the rye bread")]


def library(folder: Path, **dialog: object) -> Library:
    settings = Settings(agents=folder, dialog=Dialog.model_validate({"ollama_url": NOBODY, **dialog}))
    store = Store(folder / "cache", catalog.read(SHARE / "models" / "catalog.toml"))
    return Library(settings, store, Metrics())


def agent(**knowledge: object) -> Agent:
    return Agent.model_validate({"id": "shop", "name": "Shop", "persona": "p", "knowledge": knowledge})


def with_vectors(file: Path) -> None:
    vectors = {one: [float(one == other) for other in range(len(CUTS))] for one in range(len(CUTS))}
    write(file, CUTS, {"embedding_model": "all-minilm"}, vectors)


async def shown(lookup: Lookup) -> str:
    return (await lookup.found(QUESTION)).said[-1].below


@pytest.mark.parametrize(("engine", "asks"), [("auto", True), ("ollama", True), ("llamacpp", False)])
async def test_a_file_with_vectors_is_searched_by_them_where_a_server_may_be_asked(
    tmp_path: Path, engine: str, asks: bool
) -> None:
    with_vectors(tmp_path / "shop.kb")
    books = library(tmp_path, engine=engine)
    with capture_logs() as logs:
        await books.lookup(agent(file="shop.kb"))
    assert [embedder.model for embedder in books.embedders] == ["all-minilm"] * asks
    assert [line["vectors"] for line in logs if line["event"] == "knowledge"] == ["all-minilm" * asks]


async def test_a_file_without_vectors_needs_no_server(tmp_path: Path) -> None:
    write(tmp_path / "shop.kb", CUTS, {})
    books = library(tmp_path)
    await books.lookup(agent(file="shop.kb"))
    assert list(books.embedders) == []


async def test_a_server_that_is_away_is_told_once_and_words_find_what_they_find(tmp_path: Path) -> None:
    with_vectors(tmp_path / "shop.kb")
    books = library(tmp_path)
    with capture_logs() as logs:
        lookup = await books.lookup(agent(file="shop.kb"))
        for _ in range(3):
            assert "A rye bread is five dollars." in await shown(lookup)
    warnings = [line for line in logs if line["log_level"] == "warning"]
    assert [(line["event"], line["code"]) for line in warnings] == [
        ("no vectors, searching by words alone", "engine-unreachable")
    ]
    assert not any("rye" in str(value) for line in logs for value in line.values())


async def test_a_folder_whose_vectors_cannot_be_had_is_searched_by_words(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "prices.md").write_text("# Prices\n\nA rye bread is five dollars.")
    books = library(tmp_path)
    with capture_logs() as logs:
        lookup = await books.lookup(agent(folder="shop", embedding="all-minilm-l6-v2"))
        assert "five dollars" in await shown(lookup)
    assert [line["event"] for line in logs if line["log_level"] == "warning"] == [
        "no vectors, searching by words alone"
    ]
    (built,) = (line for line in logs if line["event"] == "knowledge built")
    assert built["vectors"] == ""
