import hashlib
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import pytest

from pipeline.models import hub
from pipeline.models.catalog import Catalog, HubSource, Model, ModelFile, Piece, WheelSource
from pipeline.models.fetch import Puller
from pipeline.models.store import Store
from pipeline.models.wheels import Wheels
from tests.models.hub_server import HubServer, serving

BODY = bytes(range(256)) * 1200
"""A weights file of 300 kB."""
CONFIG = b'{"layers": 4}'


def sha(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


HUB = HubSource(kind="hub", repo="owner/repo", revision="main")
WHEEL = WheelSource(
    kind="wheel",
    distribution="some-voice",
    version="1.0",
    members={"model.bin": "some_voice/model.bin", "config.json": "some_voice/config.json"},
)
PARTS = WheelSource(
    kind="wheel",
    distribution="part-2",
    version="1.0",
    members={
        "model.bin": tuple(Piece(f"part-{n}", "1.0", f"part_{n}/data.bin") for n in (1, 2, 3)),
        "config.json": "part_2/config.json",
    },
)


def model_of(*sources: HubSource | WheelSource, pinned: bool = True, name: str = "some-model") -> Model:
    files = tuple(
        ModelFile(path, len(body) if pinned else None, sha(body) if pinned else None)
        for path, body in (("model.bin", BODY), ("config.json", CONFIG))
    )
    return Model(name, "asr", "MIT", ("en",), "", len(BODY) + len(CONFIG), files, sources)


class Notes:
    """Keeps what a pull said."""

    def __init__(self) -> None:
        self.bytes: list[tuple[int, int]] = []
        self.texts: list[str] = []

    def moved(self, model: str, done: int, total: int) -> None:
        self.bytes.append((done, total))

    def said(self, model: str, text: str) -> None:
        self.texts.append(text)


class Bench:
    """A store in an empty folder, a hub, a shelf of wheels, and a puller between them."""

    def __init__(self, tmp: Path, server: HubServer) -> None:
        self.cache = tmp / "cache"
        self.shelf = tmp / "shelf"
        self.shelf.mkdir()
        self.hub = server
        self.notes = Notes()

    @property
    def environment(self) -> Mapping[str, str]:
        return {**os.environ, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(self.shelf)}  # noqa: TID251

    def store(self, *models: Model) -> Store:
        return Store(self.cache, Catalog(1, models))

    def puller(self, http: httpx.Client, *models: Model, python: str = sys.executable, trust: bool = False) -> Puller:
        return Puller(
            self.store(*models),
            hub.Hub(http, self.hub.url),
            Wheels(python, self.environment),
            progress=self.notes,
            trust_on_first_use=trust,
        )

    def pull(self, model: Model, *, python: str = sys.executable, trust: bool = False) -> Path:
        with hub.client() as http:
            return self.puller(http, model, python=python, trust=trust).pull(model.name)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with serving() as server:
        yield Bench(tmp_path, server)


@pytest.fixture
def stocked(bench: Bench) -> Bench:
    """A bench whose hub has the whole model."""
    bench.hub.put("model.bin", BODY)
    bench.hub.put("config.json", CONFIG)
    return bench
