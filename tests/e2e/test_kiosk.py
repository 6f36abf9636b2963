"""examples/kiosk.py as an integrator runs it, against the real service, over a connection that breaks."""

import json
import os
import re
import signal
import subprocess
import sys
import wave
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import anyio
import pytest
from anyio.abc import Process
from anyio.streams.text import TextReceiveStream

from benchmarks.vision_pictures import SHEETS, drawn, fonts, written
from pipeline.entrances.generated.voicepipe.v1 import output_pb2
from pipeline.entrances.generated.voicepipe.v1.media_pb2 import MediaHeader, UploadMediaRequest, UploadMediaResponse
from pipeline.entrances.generated.voicepipe.v1.media_pb2_grpc import MediaServiceServicer
from tests.caller.server import ServedCall, scripted, tone
from tests.e2e.conftest import AGENT, CONFIG
from tests.e2e.service import metrics, running
from tests.e2e.test_calls import prompt_called
from tests.entrances.relay import relay

pytestmark = [pytest.mark.e2e, pytest.mark.anyio, pytest.mark.timeout(300)]

ROOT = Path(__file__).parent.parent.parent
SAID = ("conf-invalidpin", "conf-onlyperson")


@dataclass
class Rememberer:
    """A model behind Ollama's interface that says how often it was spoken to. No figure comes from it."""

    url: str = ""
    asked: list[list[dict[str, Any]]] = field(default_factory=list)


@contextmanager
def rememberer() -> Iterator[Rememberer]:
    kept = Rememberer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer({"version": "0.0.0-stub", "models": [{"model": "stub", "name": "stub"}]})

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if not self.path.endswith("/chat"):
                self._answer({"details": {"family": "stub"}, "model_info": {}, "capabilities": ["completion"]})
                return
            kept.asked.append(asked["messages"])
            times = sum(message["role"] == "user" for message in asked["messages"])
            text = f"You have spoken {times} times to me by now, and I have heard it all, every single word of it."
            lines = [{"model": "stub", "message": {"role": "assistant", "content": text}, "done": False}]
            lines.append({"model": "stub", "message": {"role": "assistant", "content": ""}, "done": True})
            self._answer(*lines)

        def _answer(self, *bodies: object) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write("".join(json.dumps(body) + "\n" for body in bodies).encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        kept.url = f"http://127.0.0.1:{server.server_port}"
        Thread(target=server.serve_forever, daemon=True).start()
        yield kept
        server.shutdown()


@pytest.fixture
def client(tmp_path: Path) -> Path:
    """The folder of somebody who has made the stubs as the guide says."""
    purelib = Path(sys.modules["google.rpc"].__path__[0]).parents[1]
    command = [sys.executable, "-m", "grpc_tools.protoc", "-I", "protos", "-I", str(purelib)]
    command += [f"--python_out={tmp_path}", f"--grpc_python_out={tmp_path}"]
    command += [str(file.relative_to(ROOT)) for file in (ROOT / "protos" / "voicepipe" / "v1").glob("*.proto")]
    subprocess.run(command, cwd=ROOT, check=True, timeout=60)
    return tmp_path


@dataclass
class Running:
    process: Process
    lines: list[str] = field(default_factory=list)
    news: anyio.Event = field(default_factory=anyio.Event)

    async def read(self) -> None:
        assert self.process.stdout is not None
        rest = ""
        async for piece in TextReceiveStream(self.process.stdout):
            *whole, rest = (rest + piece).split("\n")
            self.lines += whole
            self.news.set()
            self.news = anyio.Event()

    async def until(self, begins: str, times: int = 1) -> None:
        while len(self.of(begins)) < times:
            await self.news.wait()

    def of(self, begins: str) -> list[str]:
        return [line for line in self.lines if line.startswith(begins)]


@asynccontextmanager
async def kiosk(client: Path, *options: str) -> AsyncIterator[Running]:
    environment = {**os.environ, "PYTHONPATH": str(client)}  # noqa: TID251
    command = [sys.executable, str(ROOT / "examples" / "kiosk.py"), *options]
    async with await anyio.open_process(command, env=environment, stderr=None) as process:
        made = Running(process)
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(made.read)
                with anyio.fail_after(120):
                    yield made
                tasks.cancel_scope.cancel()
        finally:
            if process.returncode is None:
                process.kill()


async def test_a_kiosk_goes_on_with_its_conversation_and_is_remembered(client: Path, tmp_path: Path) -> None:
    (tmp_path / "agents").mkdir()
    (tmp_path / "agents" / "line.toml").write_text(AGENT)
    sound = [str(prompt_called(name).path) for name in SAID]
    receipt = tmp_path / "receipt.jpg"
    receipt.write_bytes(written(drawn(SHEETS[0], fonts("en")[0])))
    with rememberer() as model:
        config = CONFIG.format(agents=tmp_path / "agents", ollama=model.url).replace("smollm2-135m-instruct", "stub")
        with running(config, tmp_path) as service:
            async with relay(int(service.grpc.rpartition(":")[2])) as line:
                options = ("--microphone", *sound, "--speaker", str(tmp_path / "heard.wav"), "--picture", str(receipt))
                async with kiosk(client, line.target, *options) as running_kiosk:
                    await running_kiosk.until("you:")  # and now it is being answered
                    line.cut()
                    await running_kiosk.until("conversation:", 2)
                    await running_kiosk.until("kiosk:", 3)
                    assert await running_kiosk.process.wait() == 0
            seen = metrics(service)
    assert len(set(running_kiosk.of("conversation:"))) == 1
    assert len(running_kiosk.of("you:")) == 2
    assert re.search("spoken 1 times", running_kiosk.of("kiosk:")[1])
    assert re.search("spoken 2 times", running_kiosk.of("kiosk:")[2])
    first = running_kiosk.of("you:")[0].removeprefix("you: ")
    assert any(first in message["content"] for message in model.asked[-1])
    assert any("17.50" in message["content"] for message in model.asked[-1])
    assert seen["voicepipe_calls_resumed_total"] == 1
    assert seen['voicepipe_calls_ended_total{reason="client"}'] == 1
    with wave.open(str(tmp_path / "heard.wav")) as file:
        assert file.getnframes() > 5 * file.getframerate()


class Pictures(MediaServiceServicer):
    """Takes pictures, and remembers them."""

    def __init__(self) -> None:
        self.header = MediaHeader()
        self.chunks: list[bytes] = []

    async def UploadMedia(  # noqa: N802
        self, requests: AsyncIterator[UploadMediaRequest], _context: object
    ) -> UploadMediaResponse:
        async for request in requests:
            if request.HasField("header"):
                self.header = request.header
            else:
                self.chunks.append(request.chunk)
        return UploadMediaResponse(media_id="m-1")


@pytest.mark.parametrize("option", ["--picture", "--camera"])
async def test_a_kiosk_shows_a_picture(client: Path, tmp_path: Path, option: str) -> None:
    picture = b"\x89PNG" + bytes(150_000)
    (tmp_path / "bread.png").write_bytes(picture)
    shown: list[str] = []

    async def script(call: ServedCall) -> None:
        await call.start("c-9")
        await call.begin_reply(1, 0, "Welcome.", tone(0.1))
        await call.end_reply(1, 0, "Welcome.")
        shown.append((await call.receive(lambda one: one.HasField("image"))).image.media_id)
        await call.farewell(output_pb2.END_REASON_CLIENT)

    pictures = Pictures()
    source = str(tmp_path / "bread.png")
    wanted = source if option == "--picture" else f"cat {source}"
    sound = str(prompt_called(SAID[0]).path)
    async with (
        scripted(script, pictures) as (address, _),
        kiosk(client, address, "--microphone", sound, option, wanted) as running_kiosk,
    ):
        assert await running_kiosk.process.wait() == 0
    assert shown == ["m-1"]
    assert b"".join(pictures.chunks) == picture
    assert max(map(len, pictures.chunks)) <= 64 * 1024
    header = pictures.header
    assert (header.conversation_id, header.mime_type, header.size_bytes) == ("c-9", "image/png", len(picture))


async def test_a_kiosk_without_a_service_says_so_and_stops_when_told(client: Path) -> None:
    sound = str(prompt_called(SAID[0]).path)
    async with kiosk(client, "127.0.0.1:1", "--microphone", sound, "--offline", sound) as running_kiosk:
        await running_kiosk.until("OFFLINE: UNAVAILABLE")
        running_kiosk.process.send_signal(signal.SIGINT)
        assert await running_kiosk.process.wait() == 0


def test_a_kiosk_without_a_sound_card_says_what_to_do(client: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(client)}  # noqa: TID251
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "kiosk.py"), "127.0.0.1:1"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert "no sound: " in done.stderr
    assert "--microphone" in done.stderr
