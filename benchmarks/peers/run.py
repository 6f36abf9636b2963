"""One run: every call with every arm, turn about, and what came of it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.progress import Progress

from benchmarks import machine
from benchmarks.peers.arms import UNEQUAL, Arm, Setting, opened, settings_of
from benchmarks.peers.measure import Block, Called, Turn, as_json, compared
from benchmarks.speech import Saying, in_one_breath, pausing
from benchmarks.wer import at_16_khz, chosen
from pipeline.audio.wav import read_wav, write_wav
from pipeline.core.pcm import Pcm
from tests.recordings import Prompt

PER_CALL = 5
READ_BACK = 3
"""Replies of each peer that a recognizer reads back after the run."""
ALL = 1000
"""More than there are recordings."""
POOL = 8
"""Recordings to choose from for each saying with a pause: one in four has a place for it."""


@dataclass(slots=True)
class Run:
    """What has been measured so far."""

    turns: list[Turn] = field(default_factory=list)
    broken: list[dict[str, Any]] = field(default_factory=list)
    """Calls that ended early, and why."""
    replies: dict[str, list[tuple[str, Pcm]]] = field(default_factory=dict)
    """Some of each peer's, text and sound."""

    def take(self, arm: Arm, block: Block, called: Called) -> None:
        """Keep what one call gave."""
        self.turns += called.turns
        kept = self.replies.setdefault(arm, [])
        kept += called.replies[: READ_BACK - len(kept)]
        if called.broken:
            self.broken.append({"arm": arm, "kind": block.kind, "block": block.number, "why": called.broken})

    def to_json(self, arms: Sequence[Arm], about: dict[str, Any]) -> dict[str, Any]:
        """Return the result's file."""
        return {
            "benchmark": "peers",
            **about,
            "load_after": machine.described()["load"],
            "measured": compared(self.turns, arms, Arm.VOICEPIPE),
            "broken": self.broken,
            "unequal": UNEQUAL,
            "turns": [as_json(turn) for turn in self.turns],
        }


def blocks(turns: int, pauses: int, seed: int) -> list[Block]:
    """Return the calls of a run, the same ones for the same seed."""
    whole = [saying for saying in sayings(chosen(ALL, "en", seed)) if in_one_breath(saying)]
    kinds = {
        "single": whole[:turns],
        "pauses": pausing(sayings(chosen(POOL * pauses, "en", seed + 1)), pauses, seed) if pauses else [],
    }
    return [
        Block(kind, number, tuple(said[first : first + PER_CALL]))
        for kind, said in kinds.items()
        for number, first in enumerate(range(0, len(said), PER_CALL))
    ]


def sayings(prompts: Sequence[Prompt]) -> list[Saying]:
    """Return recordings as they are."""
    return [Saying(prompt.name, read_wav(prompt.path), prompt.text) for prompt in prompts]


def in_turn(arms: Sequence[Arm], number: int) -> Iterator[Arm]:
    """Yield the arms, beginning with another one for every block."""
    first = number % len(arms)
    yield from (*arms[first:], *arms[:first])


async def measure(
    calls: Sequence[Block], arms: Sequence[Arm], setting: Setting, progress: Progress, keep: Callable[[Run], None]
) -> Run:
    """Place every call with every arm; ``keep`` is called after each block. Raises PipelineError."""
    run = Run()
    async with AsyncExitStack() as stack:
        running = await opened(arms, setting, stack)
        bar = progress.add_task("warming", total=len(calls) * len(arms))
        for arm in arms:
            await running[arm].call(Block("warm", 0, calls[0].sayings[:1]))
        for number, block in enumerate(calls):
            for arm in in_turn(arms, number):
                progress.update(bar, description=f"{block.kind} {block.number + 1}: {arm}")
                called = await running[arm].call(block)
                run.take(arm, block, called)
                _recorded(setting.folder / f"{block.kind}-{block.number + 1:02}-{arm}.wav", called)
                progress.advance(bar)
            keep(run)
    return run


def _recorded(file: Path, called: Called) -> None:
    """Keep the call as it was heard: caller left, service right."""
    write_wav(file, at_16_khz(called.caller), at_16_khz(called.service))


def described(arms: Sequence[Arm], setting: Setting) -> dict[str, Any]:
    """Return what a result says of the machine and of the arms' settings."""
    return {"machine": machine.described(), "arms": settings_of(arms, setting)}
