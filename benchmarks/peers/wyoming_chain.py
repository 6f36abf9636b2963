"""The simplest chain: wyoming-faster-whisper and wyoming-piper over TCP, connected to a telephone and a language model.

Runs in the peers' environment, as a process of its own; the two servers are its children. The endpointer is the one
of wyoming-faster-whisper (``--vad-endpointing``: so much silence ends a command). Text goes to wyoming-piper while it
is written, sentence by sentence. It listens while it speaks, but learns that the caller spoke only from the next
transcript, which stops the reply; while it transcribes it is deaf.
"""

import json
import socket
import sys
from collections import deque
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import aiohttp
import anyio
from anyio.abc import Process, TaskGroup
from wyoming.asr import Transcribe, Transcript
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncClient, AsyncTcpClient
from wyoming.tts import SynthesizeChunk, SynthesizeStart, SynthesizeStop, SynthesizeStopped, SynthesizeVoice

from benchmarks.peers.telephone import RATE, Begin, Peer, Telephone, serve
from pipeline.audio.level import first_audible
from pipeline.core.clock import LoopClock
from pipeline.core.pcm import Pcm

STARTING = 60.0
FRAMES = 500
"""Frames of the caller's line that may wait; 10 s."""
PRE_ROLL = 25
"""Frames that are sent from before the caller is loud."""


class Chain(Peer):
    """One conversation."""

    def __init__(
        self, job: dict[str, Any], ears: int, voice: int, http: aiohttp.ClientSession, phone: Telephone
    ) -> None:
        self._job, self._ears, self._voice, self._http, self._telephone = job, ears, voice, http, phone
        self._history = [{"role": "system", "content": job["system"]}]
        self._frames, self._heard = anyio.create_memory_object_stream[bytes](FRAMES)
        self._answering: anyio.CancelScope | None = None
        self._replies = 0
        self._heard_until = 0.0

    @property
    def owes(self) -> bool:
        """Whether an answer is being written, or heard."""
        return self._answering is not None

    async def hear(self, frame: bytes) -> None:
        """Take a frame."""
        await self._frames.send(frame)

    async def run(self, tasks: TaskGroup) -> None:
        """Listen for one command after the other, and answer each."""
        while True:
            text = await self._command()
            if text:
                if self._answering is not None:
                    self._answering.cancel()
                    self._telephone.cut()
                self._replies += 1
                self._telephone.tell("caller", text, self._replies)
                scope = self._answering = anyio.CancelScope()
                tasks.start_soon(self._answer, text, self._replies, scope)

    async def _command(self) -> str:
        async with AsyncTcpClient("127.0.0.1", self._ears) as client, anyio.create_task_group() as sending:
            await client.write_event(Transcribe(language="en").event())
            await client.write_event(AudioStart(rate=RATE, width=2, channels=1).event())
            sending.start_soon(self._send, client)
            text = await _transcript(client)
            sending.cancel_scope.cancel()
            with anyio.CancelScope(shield=True):
                await client.write_event(AudioStop().event())
        return text

    async def _send(self, client: AsyncClient) -> None:
        """Send the caller's line from half a second before it is loud.

        The server transcribes all that it was sent, and whisper makes words of half a minute of silence.
        """
        waiting: deque[bytes] = deque(maxlen=PRE_ROLL)
        loud = False
        async for frame in self._heard:
            waiting.append(frame)
            loud = loud or first_audible(Pcm(frame, RATE)) is not None
            while loud and waiting:
                chunk = AudioChunk(rate=RATE, width=2, channels=1, audio=waiting.popleft())
                await client.write_event(chunk.event())

    async def _answer(self, text: str, reply: int, scope: anyio.CancelScope) -> None:
        self._history.append({"role": "user", "content": text})
        written = ""
        try:
            with scope:
                async with AsyncTcpClient("127.0.0.1", self._voice) as client, anyio.create_task_group() as tasks:
                    tasks.start_soon(self._play, client, reply)
                    await client.write_event(SynthesizeStart(SynthesizeVoice(self._job["voice"])).event())
                    async for delta in self._deltas():
                        written += delta
                        await client.write_event(SynthesizeChunk(delta).event())
                    await client.write_event(SynthesizeStop().event())
                await anyio.sleep(max(0.0, self._heard_until - LoopClock().now()))
        finally:
            self._history.append({"role": "assistant", "content": written})
            self._telephone.tell("peer", written, reply)
            if self._answering is scope:
                self._answering = None

    async def _deltas(self) -> AsyncIterator[str]:
        asked = {
            "model": self._job["model"],
            "messages": self._history,
            "stream": True,
            "think": False,
            "keep_alive": -1,
            "options": self._job["options"],
        }
        async with self._http.post(f"{self._job['llm_url']}/api/chat", json=asked) as answer:
            answer.raise_for_status()
            async for line in answer.content:
                yield json.loads(line)["message"]["content"]

    async def _play(self, client: AsyncClient, reply: int) -> None:
        while (event := await client.read_event()) is not None and not SynthesizeStopped.is_type(event.type):
            if AudioChunk.is_type(event.type):
                chunk = AudioChunk.from_event(event)
                self._heard_until = self._telephone.play(reply, chunk.audio, chunk.rate)


async def _transcript(client: AsyncClient) -> str:
    while (event := await client.read_event()) is not None:
        if Transcript.is_type(event.type):
            return str(Transcript.from_event(event).text).strip()
    raise ConnectionError("wyoming-faster-whisper closed the connection")


@asynccontextmanager
async def running(job: dict[str, Any]) -> AsyncIterator[Begin]:
    """Run both servers while the context lasts."""
    ears, voice = _free_port(), _free_port()
    scratch = ["--data-dir", job["scratch"], "--download-dir", job["scratch"]]
    recognizer = ["--model", job["whisper"], "--compute-type", job["compute_type"], "--language", "en", *scratch]
    recognizer += ["--stt-library", "faster-whisper", "--local-files-only", "--vad-endpointing", str(job["silence"])]
    recognizer += ["--beam-size", str(job["beam"]), "--cpu-threads", str(job["threads"])]
    speaker = ["--voice", job["voice"], "--data-dir", job["voice_folder"], *scratch]
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(_server("wyoming_faster_whisper", ears, recognizer))
        await stack.enter_async_context(_server("wyoming_piper", voice, speaker))
        http = await stack.enter_async_context(aiohttp.ClientSession())

        @asynccontextmanager
        async def conversation(telephone: Telephone) -> AsyncIterator[Peer]:
            chain = Chain(job, ears, voice, http, telephone)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(chain.run, tasks)
                yield chain
                tasks.cancel_scope.cancel()

        yield conversation


@asynccontextmanager
async def _server(module: str, port: int, options: list[str]) -> AsyncIterator[None]:
    command = [sys.executable, "-m", module, "--uri", f"tcp://127.0.0.1:{port}", *options]
    process = await anyio.open_process(command, stdin=None, stdout=sys.stderr, stderr=sys.stderr)
    try:
        with anyio.fail_after(STARTING):
            await _listening(port, process)
        yield
    finally:
        process.terminate()
        with anyio.CancelScope(shield=True):
            await process.wait()


async def _listening(port: int, process: Process) -> None:
    while process.returncode is None:
        try:
            async with await anyio.connect_tcp("127.0.0.1", port):
                return
        except OSError:
            await anyio.sleep(0.1)
    raise RuntimeError(f"a server ended with status {process.returncode}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    anyio.run(serve, running)
