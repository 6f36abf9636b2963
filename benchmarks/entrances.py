"""The response gap over both entrances: the same sayings by telephone over gRPC, and in a real browser over WebRTC.

``python -m benchmarks.gap --entrance webrtc``. Blocks are said by both in turn, to one service. Over gRPC the gap is
measured on a telephone's line of 8 kHz; in the browser on its own microphone and what it plays, its jitter buffer
included.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from playwright.async_api import async_playwright
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks import browser, calls
from benchmarks.calls import WEB, Model, about, served
from benchmarks.peers.measure import Block, Turn, as_json, compared
from pipeline.cli.screen import told

GRPC = "grpc"


def placed(blocks: Sequence[Block], llm: Model, profile: str, folder: Path) -> dict[str, Any]:
    """Run a service, place all calls, print the figures and return what a result's file says of them."""
    bar = Progress(console=Console(stderr=True), refresh_per_second=1)
    with told(), served(llm, profile, folder, WEB) as (service, settings), bar as progress:
        found = asyncio.run(measure(blocks, service.grpc, service.web, folder, progress))
    figures = compared(found, (GRPC, browser.ARM), GRPC)
    Console(width=110).print(table(figures))
    listed = [as_json(turn) for turn in found]
    return {"benchmark": "webrtc", **about(llm, profile, settings), "measured": figures, "turns": listed}


def table(figures: Mapping[str, Mapping[str, Any]]) -> Table:
    """Return the figures as a table."""
    drawn = Table("", "turns", "answered", "p50", "p95", "ratio", "cut off", "word errors", title="gap in milliseconds")
    for kind, arms in figures.items():
        for arm, entry in arms.items():
            gap = entry["gap_ms"] or {}
            cells = entry["turns"], entry["answered"], gap.get("p50"), gap.get("p95"), entry["ratio_of_medians"]
            more = entry["false_cut_offs"], entry["word_error_rate"]
            drawn.add_row(f"{kind}, {arm}", *(str(cell) for cell in (*cells, *more)))
    return drawn


async def measure(blocks: Sequence[Block], server: str, web: str, folder: Path, progress: Progress) -> list[Turn]:
    """Place every call over both entrances, after one over each that is not counted."""
    bar = progress.add_task("warming", total=2 * len(blocks))
    found: list[Turn] = []
    async with async_playwright() as playwright:
        warm = Block("warm", 0, blocks[0].sayings[:1])
        await calls.call(warm, server)
        await browser.call(playwright, warm, web, folder)
        for number, block in enumerate(blocks):
            for arm in (GRPC, browser.ARM) if number % 2 == 0 else (browser.ARM, GRPC):
                progress.update(bar, description=f"{block.kind} {block.number + 1}: {arm}")
                if arm == GRPC:
                    found += [replace(one.turn, arm=GRPC) for one in await calls.call(block, server)]
                else:
                    found += await browser.call(playwright, block, web, folder)
                progress.advance(bar)
    return found
