from collections.abc import Iterator

import pytest

from pipeline.cli.service import Service
from tests.e2e.service import running

AGENT = """
name = "Test line"
greeting = "Hello, this is the test line."
persona = "You are a friendly assistant on the telephone."
"""

CONFIG = """
agent = "line"
agents = "{agents}"

[dialog]
engine = "ollama"
ollama_url = "{ollama}"
models = ["smollm2-135m-instruct"]
num_predict = 16

[call]
no_input = 30.0

[speaking]
phrases_mib = 0
"""
"""Phrases are spoken when they are due: a service starts 5 s sooner so. That of most tests knows them by heart."""


@pytest.fixture(scope="session")
def service(ollama_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The service on a real Ollama server with SmolLM2, whisper tiny.en and Piper."""
    folder = tmp_path_factory.mktemp("service")
    (folder / "agents").mkdir()
    (folder / "agents" / "line.toml").write_text(AGENT)
    config = CONFIG.format(agents=folder / "agents", ollama=ollama_server).replace("phrases_mib = 0", "")
    with running(config, folder) as service:
        yield service
