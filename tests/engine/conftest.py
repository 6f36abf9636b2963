import os
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.hearing.silero import Silero
from pipeline.hearing.whisper import Whisper
from pipeline.models import catalog
from pipeline.models.store import Store, cache_folder
from pipeline.settings import SHARE, Recognition, Speaking
from pipeline.speaking.piper import Piper


@pytest.fixture(scope="session")
def model_path() -> Callable[[str], Path]:
    """Where a model of the catalog lies; a model that is missing fails the test with the command that fetches it."""
    known = catalog.read(SHARE / "models" / "catalog.toml")
    return Store(cache_folder(None, os.environ), known).path  # noqa: TID251


@pytest.fixture(scope="session")
def silero(model_path: Callable[[str], Path]) -> Silero:
    return Silero.load(model_path("silero-vad"))


@pytest.fixture(scope="session")
def tiny(model_path: Callable[[str], Path]) -> Whisper:
    return Whisper.load(model_path("whisper-tiny.en"), Recognition())


@pytest.fixture(scope="session")
def base(model_path: Callable[[str], Path]) -> Whisper:
    return Whisper.load(model_path("whisper-base"), Recognition())


@pytest.fixture(scope="session")
def piper(model_path: Callable[[str], Path]) -> Piper:
    return Piper.load(model_path("piper-en-us-joe-medium"), Speaking())
