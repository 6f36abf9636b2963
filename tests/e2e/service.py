"""Runs the real service as a process of its own, as an operator would, and looks into it."""

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import grpc.aio

from pipeline.cli import service as services
from pipeline.cli.service import Service
from pipeline.entrances.generated.voicepipe.v1.input_pb2 import CONTROL_KIND_END
from tests.entrances.calls import Caller


def metrics(service: Service) -> dict[str, float]:
    """Return every sample of a scrape by its name and labels."""
    with urlopen(f"http://{service.http}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    samples = re.findall(r"^(\w+(?:\{.*\})?) (\S+)$", text, flags=re.MULTILINE)
    return {name: float(value) for name, value in samples}


def threads(service: Service) -> int:
    """Return how many threads the process has."""
    return len(list(Path(f"/proc/{service.process.pid}/task").iterdir()))


@contextmanager
def running(config: str, folder: Path, *, until: str = "ready") -> Iterator[Service]:
    """Run the service with these settings (TOML) on free ports until the context ends."""
    file = folder / "settings.toml"
    file.write_text(config)
    with services.running(config=file, log=folder / "service.log", until=until) as running:
        yield running


@asynccontextmanager
async def calling(service: Service, **start: Any) -> AsyncIterator[Caller]:
    """Open a call, and hang up in the end: one whose client is merely gone waits for it, and its service with it."""
    async with grpc.aio.insecure_channel(service.grpc) as channel:
        caller = Caller(channel)
        await caller.start(**start)
        yield caller
        await caller.send(control={"kind": CONTROL_KIND_END})
        await caller.all()
