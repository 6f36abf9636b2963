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
"""


@pytest.fixture(scope="session")
def service(ollama_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The service on a real Ollama server with SmolLM2, whisper tiny.en and Piper."""
    folder = tmp_path_factory.mktemp("service")
    (folder / "agents").mkdir()
    (folder / "agents" / "line.toml").write_text(AGENT)
    with running(CONFIG.format(agents=folder / "agents", ollama=ollama_server), folder) as service:
        yield service
