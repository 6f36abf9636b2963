"""The language model of a run: one server, asked by every arm."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum

from pipeline.cli.screen import environment
from pipeline.core.errors import PipelineError
from tests.ollama_server import serving

MOST_TOKENS = 40
CONTEXT = 4096
"""Ollama's own default on a machine without a large GPU, which OpenAI's interface cannot change: another one would make
the server load the model anew between two arms."""
OPTIONS = {"temperature": 0.0, "top_p": 0.9, "num_predict": MOST_TOKENS, "num_ctx": CONTEXT, "stop": []}


class Choice(StrEnum):
    """What answers."""

    STUB = "stub"
    SMOLLM2 = "smollm2"
    QWEN = "qwen"


MODELS = {Choice.SMOLLM2: "smollm2-135m-instruct", Choice.QWEN: "qwen2.5-coder-1.5b-instruct"}


@dataclass(frozen=True, slots=True)
class LanguageModel:
    """Where it is asked, and by which name."""

    url: str
    model: str


@contextmanager
def language_model(choice: Choice, reply: str) -> Iterator[LanguageModel]:
    """Serve the model while the context lasts; ``reply`` is what the stub says.

    Raises PipelineError when it cannot be served, RuntimeError when there is no Ollama server.
    """
    if choice is Choice.STUB:
        command = [sys.executable, "-m", "benchmarks.peers.stub", "--reply", reply]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                url = process.stdout.readline().strip() if process.stdout else ""
                if not url:
                    raise PipelineError("no-stub", "the stub of a language model did not start; it says why above")
                yield LanguageModel(url, "stub")
            finally:
                process.terminate()
        return
    with serving(environment()) as server:
        yield LanguageModel(server.url, server.register(MODELS[choice]))
