"""WebRTC alone: how long sound is on its way, what lost packets leave behind, and what a call costs.

    python -m benchmarks.rtc delay          one way, both ways, with 0, 1 and 5 % of the packets lost for a while
    python -m benchmarks.rtc cost           processor time of the service by the number of calls

``delay`` runs both ends in one process, on one clock, over real sockets and DTLS on the loopback: clicks go out of a
script in place of an agent and are found in what the other end has decoded. The far end puts packets in order as ours
does; a browser's own jitter buffer comes on top and is in ``benchmarks.gap --entrance webrtc``. In the second of three
thirds of a call the kernel drops datagrams of every kind (nftables), in a network namespace of the process's own: no
rights are needed where users may make one (``apt install nftables iproute2``). ``cost`` runs the service in a process
of its own, and calls that listen and are silent.
"""

import os
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any
from unittest.mock import patch

import anyio
import httpx
import numpy as np
import typer
from aioice import ice
from aiortc.mediastreams import MediaStreamError
from rich.console import Console
from rich.table import Table

from benchmarks import machine
from benchmarks.calls import WEB, Model, served
from benchmarks.gap import kept
from benchmarks.process import look
from benchmarks.wer import percentiles
from pipeline.cli.screen import complain, told
from pipeline.core.clock import LoopClock, MonotonicClock
from pipeline.core.events import CallEnd, ReplyId, TurnId
from pipeline.core.pcm import Pcm
from pipeline.entrances.webrtc.hearing import heard, put_in_order
from pipeline.session.line import Line, ReplyAudio
from tests.entrances.replies import reply_started
from tests.entrances.webrtc.browser import SDP, Page, web

LOSSES = (0.0, 0.01, 0.05)
THIRD = 20.0
"""Seconds with and without loss."""
EVERY = 0.5
"""Seconds from click to click."""
CALLS = (1, 2, 4, 8)
HELD = 15.0
"""Seconds for which each number of calls is held."""
LOUD = 2000
RATE = 48_000
CLICK = np.round(12_000 * np.sin(np.arange(RATE // 25) * 2 * np.pi / 48)).astype("<i2").tobytes()
"""40 ms of 1 kHz: one lost packet leaves half of it."""

app = typer.Typer(no_args_is_help=True)


async def lose(share: float) -> None:
    """Let the kernel drop this share of all datagrams that arrive, each for itself, from now on."""
    rules = ["flush ruleset"]
    if share:
        rules += ["add table inet loss", "add chain inet loss input { type filter hook input priority 0; }"]
        rules += [f"add rule inet loss input meta l4proto udp numgen random mod 1000 < {round(share * 1000)} drop"]
    await anyio.run_process(["nft", "-f", "-"], input="\n".join(rules).encode())


class Clicks:
    """When clicks went out and came in, in seconds of one clock."""

    def __init__(self) -> None:
        self.sent: list[float] = []
        self.came: list[float] = []

    def arrived(self, samples: bytes, at: float) -> None:
        """Take note of a frame, 16 bit; the first loud one after a quiet while is a click."""
        level = np.abs(np.frombuffer(samples, dtype="<i2").astype(int)).max(initial=0)
        if level > LOUD and (not self.came or at - self.came[-1] > EVERY / 2):
            self.came.append(at)

    def delays(self, since: float, until: float) -> list[float]:
        """Return how long clicks of a stretch were on their way, in milliseconds; lost ones are left out."""
        found = []
        for at in self.sent:
            if since <= at < until:
                came = next((one for one in self.came if at <= one < at + EVERY), None)
                found += [] if came is None else [round((came - at) * 1000, 2)]
        return found


async def one_way(share: float) -> dict[str, Any]:
    """Hold one call of three thirds and return the delays of both ways."""
    clock, out, back = LoopClock(), Clicks(), Clicks()

    async def script(line: Line) -> CallEnd:
        await line.send(reply_started(1))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_listen, line, back, clock)
            while True:
                out.sent.append(clock.now())
                await line.play(ReplyAudio(TurnId(1), ReplyId(1), Pcm(CLICK, RATE), last=False))
                await anyio.sleep(EVERY)
        return CallEnd.HANGUP

    with patch.object(ice, "get_host_addresses", lambda use_ipv4, use_ipv6: ["127.0.0.1"]):
        async with web(script) as service, calling(service.client) as page, anyio.create_task_group() as tasks:
            page.send({"start": {}})
            await page.next("started")
            began = clock.now()
            tasks.start_soon(_hear, page, out, clock)
            tasks.start_soon(_click, page, back, clock)
            for lost in (0.0, share, 0.0):
                await lose(lost)
                await anyio.sleep(THIRD)
            tasks.cancel_scope.cancel()
    thirds = {name: began + number * THIRD for number, name in enumerate(("before", "during", "after"))}
    return {
        way: {
            name: {"clicks": len(found), **(percentiles(found) or {})}
            for name, since in thirds.items()
            for found in [clicks.delays(since + EVERY, since + THIRD - EVERY)]
        }
        for way, clicks in (("to the browser", out), ("to the service", back))
    }


@asynccontextmanager
async def calling(client: httpx.AsyncClient) -> AsyncIterator[Page]:
    """Open a connection whose far end takes packets as ours does."""
    page = Page(client)
    try:
        answer = await client.post("/v1/rtc", content=await page.offer(), headers=SDP)
        answer.raise_for_status()
        await page.answered(answer.text)
        yield page
    finally:
        await page.connection.close()


async def _listen(line: Line, clicks: Clicks, clock: LoopClock) -> None:
    async for frame in line.microphone:
        clicks.arrived(frame.pcm.data, clock.now())


async def _hear(page: Page, clicks: Clicks, clock: LoopClock) -> None:
    (receiver,) = (one.receiver for one in page.connection.getTransceivers())
    put_in_order(receiver, lambda: None)

    async def take(sound: Any) -> None:
        clicks.arrived(sound.data, clock.now())

    await heard(receiver.track, take)


async def _click(page: Page, clicks: Clicks, clock: LoopClock) -> None:
    while True:
        await anyio.sleep(EVERY)
        clicks.sent.append(clock.now())
        page.microphone.sounds.append(CLICK)


async def costs(http: str, address: str, pid: int) -> list[dict[str, Any]]:
    """Hold more and more calls; return what each number of them cost."""
    clock, found = MonotonicClock(), []
    async with httpx.AsyncClient(base_url=f"http://{address}") as client:
        for calls in CALLS:
            async with anyio.create_task_group() as tasks:
                pages = [Page(client) for _ in range(calls)]
                counts = [[0] for _ in pages]
                for page, count in zip(pages, counts, strict=True):
                    await page.call({})
                    await page.next("started")
                    tasks.start_soon(_count, page, count)
                await anyio.sleep(3.0)
                before, begun, at = await look(0, http, pid), [count[0] for count in counts], clock.now()
                await anyio.sleep(HELD)
                after, seconds = await look(0, http, pid), clock.now() - at
                frames = [(count[0] - one) / seconds for count, one in zip(counts, begun, strict=True)]
                found.append(
                    {
                        "calls": calls,
                        "cores": round((after.cpu - before.cpu) / seconds, 3),
                        "cores_per_call": round((after.cpu - before.cpu) / seconds / calls, 3),
                        "frames_per_second": round(min(frames), 1),
                    }
                )
                for page in pages:
                    await page.connection.close()
                tasks.cancel_scope.cancel()
            await anyio.sleep(2.0)
    return found


async def _count(page: Page, count: list[int]) -> None:
    (track,) = (one.receiver.track for one in page.connection.getTransceivers())
    while True:
        try:
            await track.recv()
        except MediaStreamError:
            return
        count[0] += 1


@app.command()
def delay(
    *,
    out: Annotated[Path | None, typer.Option(help="The result's file.")] = None,
    inside: Annotated[bool, typer.Option(hidden=True)] = False,
) -> None:
    """Measure how long sound is on its way, before, during and after packets are lost."""
    if not inside:
        missing = [name for name in ("unshare", "ip", "nft") if shutil.which(name) is None]
        if missing:
            complain(f"not found: {', '.join(missing)}", fix="apt install util-linux iproute2 nftables")
            raise typer.Exit(1)
        again = f'ip link set lo up && exec "{sys.executable}" -m benchmarks.rtc delay --inside "$@"'
        os.execvp("unshare", ["unshare", "-rn", "sh", "-c", again, "sh", *(["--out", str(out)] if out else [])])  # noqa: S606
    described = machine.described()
    measured = {f"{share:.0%} lost": anyio.run(one_way, share) for share in LOSSES}
    drawn = Table("", "before", "during", "after", title="one way over the loopback, p50 / p95 ms")
    for name, ways in measured.items():
        for way, thirds in ways.items():
            drawn.add_row(f"{name}, {way}", *(f"{one.get('p50')} / {one.get('p95')}" for one in thirds.values()))
    Console(width=110).print(drawn)
    kept({"benchmark": "rtc", "machine": described, "measured": measured}, out, "rtc-delay")


@app.command()
def cost(
    *,
    folder: Annotated[Path, typer.Option(help="For the service's log and settings.")] = Path("out/rtc"),
    out: Annotated[Path | None, typer.Option(help="The result's file.")] = None,
) -> None:
    """Measure what calls cost that listen and are silent."""
    described = machine.described()
    with told(), served(Model.STUB, "cpu", folder, WEB) as (service, _):
        measured = anyio.run(costs, service.http, service.web, service.process.pid)
    drawn = Table("calls", "cores", "cores each", "frames a second, the slowest", title="the service's process")
    for entry in measured:
        drawn.add_row(*(str(value) for value in entry.values()))
    Console(width=110).print(drawn)
    kept({"benchmark": "rtc", "machine": described, "measured": measured}, out, "rtc-cost")


if __name__ == "__main__":
    app()
