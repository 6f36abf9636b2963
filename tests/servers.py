"""Fixtures: servers that are not ours, run for real. They fail, and never skip, where they cannot be had."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipeline.models import catalog
from pipeline.models.store import Store, cache_folder
from pipeline.settings import SHARE
from tests.ollama_server import OllamaServer, serving


@pytest.fixture(scope="session")
def model_cache() -> Path:
    """The cache folder that the models of this machine lie in."""
    return cache_folder(None, os.environ)  # noqa: TID251


@pytest.fixture(scope="session")
def ollama() -> Iterator[OllamaServer]:
    """A real Ollama server; it knows the models that tests register.

    A reply that is cut off may cost it a place for good (see ``Starvation``), so it has some to lose.
    """
    with serving(os.environ, slots=4) as server:  # noqa: TID251
        yield server


@pytest.fixture
def narrow_ollama() -> Iterator[OllamaServer]:
    """A real Ollama server of the test's own, which writes one reply at a time and knows smollm2-135m-instruct."""
    with serving(os.environ, slots=1) as server:  # noqa: TID251
        server.register("smollm2-135m-instruct")
        yield server


@pytest.fixture(scope="session")
def ollama_server(ollama: OllamaServer) -> str:
    """The URL of a real Ollama server that knows smollm2-135m-instruct."""
    ollama.register("smollm2-135m-instruct")
    return ollama.url


@pytest.fixture(scope="session")
def ollama_with_tools(ollama: OllamaServer) -> str:
    """The URL of a real Ollama server that knows qwen2.5-coder-1.5b-instruct, which is sensible and calls tools."""
    ollama.register("qwen2.5-coder-1.5b-instruct")
    return ollama.url


@pytest.fixture(scope="session")
def model_path(model_cache: Path) -> Callable[[str], Path]:
    """Where a model of the catalog lies; a model that is missing fails the test with the command that fetches it."""
    return Store(model_cache, catalog.read(SHARE / "models" / "catalog.toml")).path
