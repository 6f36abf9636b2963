"""What docs/guide.md tells integrators to type is typed here, on an empty folder and the real service."""

import os
import re
import subprocess
import sys
import wave
from collections.abc import Callable
from pathlib import Path

import grpc.aio
import pytest

from pipeline.cli.service import Service
from pipeline.entrances.generated.voicepipe.v1.config_pb2 import ConversationStart
from pipeline.entrances.generated.voicepipe.v1.conversation_pb2 import ConverseRequest
from pipeline.entrances.generated.voicepipe.v1.conversation_pb2_grpc import ConversationServiceStub
from tests.e2e.test_calls import prompt_called
from tests.engine.words import word_errors

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

ROOT = Path(__file__).parent.parent.parent


def block(language: str, holding: str) -> str:
    """Return the guide's only code block in ``language`` that holds a text."""
    guide = (ROOT / "docs" / "guide.md").read_text(encoding="utf-8")
    blocks = re.findall(rf"^```{language}\n(.*?)^```$", guide, re.DOTALL | re.MULTILINE)
    (found,) = (block for block in blocks if holding in block)
    return str(found)


def run(folder: Path, *command: str) -> "subprocess.CompletedProcess[str]":
    """Run a command in the integrator's folder, with this environment's Python as ``python``."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"  # noqa: TID251
    environment = {**os.environ, "PATH": path, "PYTHONPATH": "client"}  # noqa: TID251
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=120
    )


@pytest.fixture
def client(tmp_path: Path) -> Path:
    """The folder of somebody who has followed the guide so far: the contract, its stubs and the client."""
    (tmp_path / "protos").symlink_to(ROOT / "protos")
    made = run(tmp_path, "bash", "-ec", block("sh", "grpc_tools.protoc"))
    assert made.returncode == 0, made.stderr
    (tmp_path / "client.py").write_text(block("python", "async def main"), encoding="utf-8")
    return tmp_path


def test_the_client_of_the_guide_is_understood_and_answered(client: Path, service: Service) -> None:
    prompt = prompt_called("conf-invalidpin")
    done = run(client, "python", "client.py", service.grpc, str(prompt.path), "replies.wav")
    assert done.returncode == 0, done.stderr
    opened, greeting, heard, transcript, reply, reply_heard = done.stdout.strip().splitlines()
    assert opened.startswith("call: ")
    assert greeting == "Hello, this is the test line."
    assert word_errors([prompt.text], [transcript.removeprefix("caller: ")]) < 0.35
    assert reply.strip()
    with wave.open(str(client / "replies.wav")) as file:
        saved_ms = 1000 * file.getnframes() / file.getframerate()
    told_ms = sum(int(number) for line in (heard, reply_heard) for number in re.findall(r"\((\d+) ms heard\)", line))
    assert saved_ms == pytest.approx(told_ms, abs=2)


def test_the_client_of_the_guide_says_why_it_was_refused(client: Path, service: Service) -> None:
    source = client / "client.py"
    source.write_text(source.read_text().replace("(input_audio=line)", '(input_audio=line, agent_id="nobody")'))
    done = run(client, "python", "client.py", service.grpc, str(prompt_called("conf-invalidpin").path), "replies.wav")
    assert done.returncode == 1
    assert done.stderr.strip() == "NOT_FOUND: no agent 'nobody'; there are: line"


@pytest.mark.anyio
async def test_the_reason_of_a_refusal_is_found_as_the_guide_says(service: Service) -> None:
    told: dict[str, Callable[[grpc.aio.AioRpcError], str]] = {}
    exec(block("python", "def reason"), told)  # noqa: S102
    async with grpc.aio.insecure_channel(service.grpc) as channel:
        call = ConversationServiceStub(channel).Converse()
        await call.write(ConverseRequest(start=ConversationStart()))
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await call.read()
    assert told["reason"](refused.value) == "INVALID_VALUE"
