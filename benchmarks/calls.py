"""Whole calls over gRPC to a service of one's own, and what each saying came to: for ``gap`` and ``load``."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from benchmarks.peers.arms import COMPUTE_TYPE, VOICE, WHISPER
from benchmarks.peers.language import OPTIONS, Choice, language_model
from benchmarks.peers.measure import Block, Turn, of_report, summary
from benchmarks.peers.own import toml, written
from benchmarks.peers.stub import REPLY
from benchmarks.peers.telephone import PATIENCE, PAUSE
from benchmarks.wer import percentiles
from pipeline import configuration
from pipeline.caller.line import Tell
from pipeline.caller.place import place_call
from pipeline.caller.plan import CallPlan, Encoding, Utterance
from pipeline.caller.report import CallReport
from pipeline.cli.screen import opened
from pipeline.cli.service import Service, running
from pipeline.core.latency import SPANS
from pipeline.dialog.agents import load
from pipeline.settings import SHARE, Settings

PARTS = ("endpointing", "recognition", "dialog", "speculation", "speaking", "ladder", "playout")
"""Sections of the settings that a result names."""


WEB = '[server]\nweb = "127.0.0.1:0"\n'
"""Settings with which browsers can call."""


class Model(StrEnum):
    """What answers."""

    STUB = "stub"
    SMOLLM2 = "smollm2"
    QWEN = "qwen"
    EMBEDDED = "embedded"
    """The profile's own, without a server."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One saying, what followed, and where the time of its last turn went."""

    turn: Turn
    spans_ms: Mapping[str, float]
    filler_ms: float | None
    stalled_ms: float
    status: str


async def call(block: Block, server: str, tell: Tell = lambda _: None) -> list[Measured]:
    """Say a block's sayings in one call; ``tell`` is called for what happens meanwhile. Raises CallError."""
    said = tuple(Utterance(block.key(index), saying.sound) for index, saying in enumerate(block.sayings))
    plan = CallPlan(utterances=said, server=server, encoding=Encoding.MULAW, rate=8000, pause=PAUSE, patience=PATIENCE)
    return measured(await place_call(plan, tell=tell), block)


def measured(report: CallReport, block: Block) -> list[Measured]:
    """Return what each saying of a call came to. Pure."""
    found = []
    for index, turn in enumerate(of_report(report, block, "voicepipe").turns):
        made = [entry for entry in report.turns if entry.utterance == block.key(index)]
        last = made[-1] if made else None
        found.append(
            Measured(
                turn,
                spans_ms=dict(last.spans) if last else {},
                filler_ms=last.filler_ms if last else None,
                stalled_ms=last.stalled_ms if last else 0.0,
                status=last.status if last else "none",
            )
        )
    return found


def kinds(found: Sequence[Measured]) -> dict[str, dict[str, Any]]:
    """Return the figures of turns by their kind. Pure."""
    names = dict.fromkeys(entry.turn.kind for entry in found)
    return {name: figures([entry for entry in found if entry.turn.kind == name]) for name in names}


def figures(found: Sequence[Measured]) -> dict[str, Any]:
    """Return the figures of turns of one kind. Pure."""
    answered = [entry for entry in found if entry.turn.gap_ms is not None and entry.turn.cut_off_ms is None]
    fillers = [entry.filler_ms for entry in found if entry.filler_ms is not None]
    return {
        **summary([entry.turn for entry in found]),
        "spans_ms": {
            name: percentiles([entry.spans_ms[name] for entry in answered if name in entry.spans_ms]) for name in SPANS
        },
        "fillers": len(fillers),
        "filler_ms": percentiles(fillers),
        "stalled": sum(entry.stalled_ms > 0 for entry in found),
        "stalled_ms": percentiles([entry.stalled_ms for entry in answered]),
        "statuses": {
            status: sum(entry.status == status for entry in found) for status in sorted({e.status for e in found})
        },
    }


def as_json(entry: Measured) -> dict[str, Any]:
    """Return a turn for a result's file."""
    return {
        **asdict(entry.turn),
        "gap_ms": entry.turn.gap_ms,
        "cut_off_ms": entry.turn.cut_off_ms,
        "spans_ms": entry.spans_ms,
        "filler_ms": entry.filler_ms,
        "stalled_ms": entry.stalled_ms,
        "status": entry.status,
    }


@contextmanager
def served(llm: Model, profile: str, folder: Path, more: str = "") -> Iterator[tuple[Service, Settings]]:
    """Run the service with the models, prompt and options of ``benchmarks.peers`` while the context lasts.

    Its log and settings lie in ``folder``; ``more`` (TOML) stands behind them. Raises PipelineError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        config = _config(llm, profile, folder, stack)
        config.write_text(config.read_text() + more)
        settings = configuration.load(profile=profile, config=config)
        yield stack.enter_context(running(profile=profile, config=config, log=folder / "service.log")), settings


def about(llm: Model, profile: str, settings: Settings) -> dict[str, Any]:
    """Return what a result says of the service."""
    tree = settings.public()
    return {"llm": llm, "profile": profile, "settings": {name: tree[name] for name in PARTS}}


def _config(llm: Model, profile: str, folder: Path, stack: ExitStack) -> Path:
    if llm is Model.EMBEDDED:
        settings, store = opened(profile, None)
        model = store.first_present(settings.dialog.models)  # a result names what answered
        file = folder / "voicepipe.toml"
        file.write_text(f"""\
[dialog]
engine = "llamacpp"
models = [{toml(model)}]
num_predict = {OPTIONS["num_predict"]}
""")
        return file
    language = stack.enter_context(language_model(Choice(llm), REPLY))
    return written(folder, load(SHARE / "agents")["shop"], language, WHISPER, COMPUTE_TYPE, VOICE)
