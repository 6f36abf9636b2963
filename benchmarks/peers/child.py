"""Child: a peer in a process of its own, in the peers' environment, told what to do in JSON lines."""

import base64
import json
import subprocess
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import anyio
from anyio import to_thread

from benchmarks.peers.measure import Block, Called, of_telephone
from benchmarks.peers.telephone import LEAD, PATIENCE
from benchmarks.wer import at_16_khz
from pipeline.core.errors import PipelineError
from pipeline.settings import SHARE

STARTING = 180.0
"""Seconds that a peer has to load everything."""
STOPPING = 20.0


class PeerError(PipelineError):
    """A peer did not start, or stopped; the message ends with what it logged last."""

    stage = "peers"


@dataclass(slots=True)
class Child:
    """A running peer."""

    name: str
    process: "subprocess.Popen[str]"
    log: Path

    async def call(self, block: Block) -> Called:
        """Say the block's sayings in one conversation. Raises PeerError."""
        sounds = [at_16_khz(saying.sound) for saying in block.sayings]
        sayings = [
            {"name": block.key(index), "samples": base64.b64encode(sound.data).decode()}
            for index, sound in enumerate(sounds)
        ]
        longest = LEAD + sum(sound.duration + PATIENCE + 1 for sound in sounds)
        return of_telephone(await self.ask({"sayings": sayings}, longest), block, sounds, self.name)

    async def ask(self, job: Mapping[str, Any], longest: float) -> dict[str, Any]:
        """Send a line and return the line that answers it. Raises PeerError."""
        answer = ""
        with anyio.move_on_after(longest):
            answer = await to_thread.run_sync(partial(self._exchange, json.dumps(job)), abandon_on_cancel=True)
        if not answer:
            tail = "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-10:])
            raise PeerError("no-peer", f"{self.name} did not answer; its log, {self.log}, ends with:\n{tail}")
        value: dict[str, Any] = json.loads(answer)
        return value

    def _exchange(self, line: str) -> str:
        if self.process.stdin is None or self.process.stdout is None or self.process.poll() is not None:
            return ""
        try:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            return ""
        return self.process.stdout.readline()


@asynccontextmanager
async def peer(name: str, python: Path, module: str, job: Mapping[str, Any], log: Path) -> AsyncIterator[Child]:
    """Run a peer while the context lasts, from the moment at which it has loaded everything. Raises PeerError."""
    with log.open("w", encoding="utf-8") as errors:
        process = subprocess.Popen(  # noqa: ASYNC220  it is started once, before anything is measured
            [python, "-m", module], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True, cwd=SHARE
        )
        child = Child(name, process, log)
        try:
            await child.ask(job, STARTING)
            yield child
        finally:
            _stop(process)


def versions(python: Path, packages: Sequence[str]) -> dict[str, str]:
    """Return the versions of packages in another environment."""
    program = "import importlib.metadata as m, json, sys; print(json.dumps({p: m.version(p) for p in sys.argv[1:]}))"
    told = subprocess.run([python, "-c", program, *packages], capture_output=True, text=True, check=True)
    found: dict[str, str] = json.loads(told.stdout)
    return found


def _stop(process: "subprocess.Popen[str]") -> None:
    """Let it end by itself, at the end of its input; kill it when it does not."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        process.wait(STOPPING)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()
