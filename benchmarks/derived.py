"""What each span takes on a T4 and an A10, by arithmetic: none was measured. Their profiles promise what it gives.

    python -m benchmarks.derived

Constants and formulas, each with its source, stand in ``benchmarks.derived_model``; wherever they come out here the
figures are labelled ``derived``. A turn is put together as the service does it: recognition begins in the dip, the turn
is judged and its answer begun at the soft end, and both run while the end of the turn is waited for.

- p50: the answer was begun ahead and kept, the shortest silence ended the turn, all constants are typical. What was
  over before the turn was costs nothing, as in ``pipeline.core.latency``; a budget is never less than 10 ms.
- p95 of a span: nothing was begun ahead, the constants are slow, the utterance long.
- p95 of the response gap: the longer of two turns, one that is waited for as long as 1 in 20, and one in which nothing
  was begun ahead and all stages are slow.

The check applies the same formulas to the machine of ``stages-cpu.json``: each constant is fitted to one input, the
others are predicted and stand beside what was measured.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from math import ceil
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from benchmarks import derived_model as model
from benchmarks.derived_model import Constant, Half, Machine
from benchmarks.report.results import write_result
from benchmarks.wer import RESULTS
from pipeline import configuration
from pipeline.core.latency import SEGMENTS
from pipeline.hearing.whisper import TAIL
from pipeline.models import catalog
from pipeline.settings import Settings

HALVES: tuple[Half, Half] = ("p50", "p95")
STEP = 0.01
"""Budgets are whole hundredths of a second, rounded up."""
NOT_SEGMENTS = ("knowledge",)
"""Agents of the profiles look nothing up."""


def weights(settings: Settings) -> float:
    """Return the bytes of the profile's language model, by the catalog."""
    name = settings.dialog.models[0]
    return float(next(entry.size for entry in catalog.read(settings.models.catalog).models if entry.name == name))


def stages(settings: Settings, machine: Machine, half: Half) -> dict[str, float]:
    """Return the seconds of each stage alone, with the profile's first models. Raises KeyError for unknown ones."""
    size = model.WHISPERS[settings.recognition.models[0]]
    width = model.WEIGHT_BYTES[settings.recognition.compute_type]
    read, parameters = weights(settings), model.PARAMETERS[settings.dialog.models[0]]
    return {
        "turn_model": model.TURN_MODEL.at(half),
        "recognition": model.recognition(machine, size, width, half),
        "first_token": model.first_token(machine, read, parameters, half),
        "first_clause": model.first_clause(machine, read, half),
        "synthesis": model.synthesis(half),
        "handover": model.HANDOVER.at(half),
    }


def seen(silence: float, half: Half) -> float:
    """Return when a silence of this length has been noticed, in seconds behind the last audible sample."""
    return model.VAD_LAG.at(half) + silence + model.WINDOW.at(half)


def ahead(settings: Settings, took: Mapping[str, float], wait: float, half: Half) -> dict[str, float]:
    """Return the spans of a turn whose answer was begun at the soft end and kept; ``wait`` is the silence at its end.

    A reply waits for the words and for the verdict on them; what is done before the end of the turn costs nothing.
    """
    end = seen(wait, half)
    words = seen(settings.endpointing.dip, half) + took["recognition"]
    judged = seen(settings.endpointing.soft_end, half) + took["turn_model"]
    begun = max(words, judged)
    token = begun + took["first_token"]
    clause = token + took["first_clause"]
    spoken = clause + took["synthesis"]
    milestones = {"endpointing": end, "recognition": words, "first_token": token, "first_clause": clause}
    milestones |= {"synthesis": spoken, "handover": max(spoken, end) + took["handover"]}
    return _between(milestones)


def afterwards(settings: Settings, took: Mapping[str, float], half: Half) -> dict[str, float]:
    """Return the spans of a turn of which only the words were begun ahead: the model is asked when it is over."""
    end = seen(settings.endpointing.min_silence, half)
    words = max(end, seen(settings.endpointing.dip, half) + took["recognition"])
    spans = {"endpointing": end, "recognition": words - end}
    spans |= {name: took[name] for name in ("first_token", "first_clause", "synthesis", "handover")}
    return {**spans, "response_gap": sum(spans.values())}


def _between(milestones: Mapping[str, float]) -> dict[str, float]:
    """Return the spans between milestones in their order, and the gap up to the last: none is less than zero."""
    spans, reached = {}, 0.0
    for name, at in milestones.items():
        spans[name] = max(0.0, at - reached)
        reached = max(reached, at)
    return {**spans, "response_gap": reached}


def spans(settings: Settings, machine: Machine) -> dict[str, dict[Half, float]]:
    """Return what each span takes, in seconds: typically, and in 1 of 20 turns."""
    low, high = (stages(settings, machine, half) for half in HALVES)
    longest = min(model.SLOW_WAIT.slow, settings.endpointing.max_silence)
    typical = ahead(settings, low, settings.endpointing.min_silence, "p50")
    waited, slow = ahead(settings, high, longest, "p95"), afterwards(settings, high, "p95")
    found: dict[str, dict[Half, float]] = {
        name: {"p50": typical[name], "p95": slow[name]} for name in SEGMENTS if name not in NOT_SEGMENTS
    }
    found["endpointing"]["p95"] = waited["endpointing"]
    gap = max(waited["response_gap"], slow["response_gap"])
    found["response_gap"] = {"p50": typical["response_gap"], "p95": gap}
    stop = settings.barge_in.min_speech
    found["stop"] = {half: stop + model.WINDOW.at(half) + model.ONSET.at(half) for half in HALVES}
    return found


def budgets(profile: str) -> dict[str, dict[Half, float]]:
    """Return what a profile may promise. Raises SettingsError, and KeyError for a machine without constants."""
    found = spans(configuration.load(profile=profile), model.MACHINES[profile])
    return {name: {half: _rounded(value) for half, value in span.items()} for name, span in found.items()}


def _rounded(seconds: float) -> float:
    steps = ceil(round(seconds / STEP, 6))
    return round(max(steps, 1) * STEP, 2)


def derived(profile: str) -> dict[str, Any]:
    """Return all that is derived of a profile, in milliseconds."""
    settings, machine = configuration.load(profile=profile), model.MACHINES[profile]
    low, high = (stages(settings, machine, half) for half in HALVES)
    return {
        "label": "derived",
        "machine": machine.name,
        "models": f"{settings.recognition.models[0]} {settings.recognition.compute_type}, {settings.dialog.models[0]}",
        "stages_ms": {name: {"p50": _ms(low[name]), "p95": _ms(high[name])} for name in low},
        "spans_ms": {
            name: {half: _ms(value) for half, value in span.items()} for name, span in spans(settings, machine).items()
        },
        "budgets_s": budgets(profile),
    }


def _ms(seconds: float) -> float:
    return round(1000 * seconds, 1)


def constants() -> dict[str, dict[str, dict[str, Any]]]:
    """Return every constant with its source, those of a machine under its name."""
    turn = {name.lower(): asdict(value) for name, value in vars(model).items() if isinstance(value, Constant)}
    own = {
        machine.name: {name: value for name, value in asdict(machine).items() if isinstance(value, dict)}
        for machine in model.MACHINES.values()
    }
    return {"all": {name: value for name, value in turn.items() if not name.startswith("_")}, **own}


def check(measured: Mapping[str, Any], *, whisper: str, llm: str, llm_bytes: float) -> list[dict[str, Any]]:
    """Return predictions for a machine that was measured alone, stage by stage, beside what it took. Pure."""
    rows = [*_check_whisper(measured, model.WHISPERS[whisper]), *_check_piper(measured)]
    return rows + _check_llm(measured, llm_bytes, model.PARAMETERS[llm])


def _alone(measured: Mapping[str, Any], stage: str) -> dict[str, Mapping[str, Any]]:
    return {row["input"]: row for row in measured.get(stage, ()) if row["at_once"] == 1}


def _check_whisper(measured: Mapping[str, Any], size: model.WhisperSize) -> list[dict[str, Any]]:
    """Predict the short context from the full window: the operations that it saves, at a rate fitted at 3 s."""
    short, full = (_alone(measured, f"recognition_{context}") for context in ("short", "full"))
    if "3 s" not in short or "3 s" not in full:
        return []

    def saved(length: str) -> tuple[float, float]:
        window = float(length.removesuffix(" s")) + TAIL
        operations = size.encoder_operations() - size.encoder_operations(round(window * model.FULL_STATES / 30))
        return operations, 1000 * (30 - window) * model.FEATURES.typical

    def took(rows: Mapping[str, Mapping[str, Any]], length: str) -> float:
        return float(rows[length]["took_ms"]["p50"])

    operations, features = saved("3 s")
    rate = operations / (took(full, "3 s") - took(short, "3 s") - features)
    rows = []
    for length in short:
        operations, features = saved(length)
        what = f"recognition of {length}, short context"
        rows.append(_row(what, took(full, length) - features - operations / rate, took(short, length), length == "3 s"))
    return rows


def _check_piper(measured: Mapping[str, Any]) -> list[dict[str, Any]]:
    rows = {name: float(row["first_ms"]["p50"]) for name, row in _alone(measured, "synthesis").items()}
    if "8 words" not in rows:
        return []

    def notes(name: str) -> float:
        front = model.PIPER_FRONT.typical + int(name.partition(" ")[0]) * model.PIPER_WORD.typical
        return front + model.FIRST_FRAMES * model.PIPER_FRAME.typical

    scale = rows["8 words"] / notes("8 words")
    return [_row(f"first piece of {name}", scale * notes(name), took, name == "8 words") for name, took in rows.items()]


def _check_llm(measured: Mapping[str, Any], llm_bytes: float, parameters: float) -> list[dict[str, Any]]:
    """Predict the first token behind a known prefix: bandwidth fitted to tokens/s, the rate to the cold prompt."""
    rows = _alone(measured, "language")
    cold, known = rows.get("cold prompt"), rows.get("known prefix")
    if not cold or not known:
        return []
    pass_ms = 1000 / known["tokens_per_second"]
    each = (cold["first_ms"]["p50"] - pass_ms) / cold["tokens_read"]
    told = {
        "bytes_per_second": round(1000 * llm_bytes / pass_ms),
        "operations_per_second": round(2000 * parameters / each),
    }
    row = _row(
        "first token behind a known prefix", pass_ms + each * known["tokens_read"], known["first_ms"]["p50"], False
    )
    return [{**row, **told}]


def _row(what: str, predicted: float, took: float, fitted: bool) -> dict[str, Any]:
    return {
        "what": what,
        "derived_ms": round(predicted, 1),
        "measured_ms": round(took, 1),
        "derived_over_measured": round(predicted / took, 2),
        "fitted_here": fitted,
    }


def checked(folder: Path) -> list[dict[str, Any]]:
    """Return the check on what was measured in ``stages-cpu.json``; nothing where there is none."""
    file = folder / "stages-cpu.json"
    if not file.exists():
        return []
    tree = json.loads(file.read_text(encoding="utf-8"))
    settings = configuration.load(profile="cpu")
    llm = tree["settings"]["dialog"]["model"]
    size = next(entry.size for entry in catalog.read(settings.models.catalog).models if entry.name == llm)
    return check(tree["measured"], whisper=tree["settings"]["recognition"]["model"], llm=llm, llm_bytes=size)


def table(profiles: Mapping[str, Mapping[str, Any]]) -> Table:
    """Return the spans of all profiles as a table."""
    drawn = Table(title="derived, not measured: milliseconds, p50 / p95")
    for heading in ("", *profiles):
        drawn.add_column(heading, justify="right" if heading else "left")
    for part in ("stages_ms", "spans_ms"):
        for name in next(iter(profiles.values()))[part]:
            cells = (entry[part][name] for entry in profiles.values())
            title = f"{name} alone" if part == "stages_ms" else name
            drawn.add_row(title, *(f"{cell['p50']} / {cell['p95']}" for cell in cells))
        drawn.add_section()
    return drawn


def result(names: Sequence[str], folder: Path) -> dict[str, Any]:
    """Return the result's tree."""
    return {
        "benchmark": "derived",
        "about": (
            "Arithmetic on published figures; every figure is derived, none of these machines was measured. Constants "
            "and their sources stand in the file. The check below says how far to trust it: it finds the voice and the "
            "language model to a seventh, and whisper's encoder, as if one rate held for every length, only to a "
            "factor of two."
        ),
        "profiles": {name: derived(name) for name in names},
        "check": checked(folder),
        "constants": constants(),
    }


def main(
    *,
    out: Annotated[Path, typer.Option(help="The result's file.")] = RESULTS / "derived.json",
) -> None:
    """Derive, print the table and keep the figures with all constants as JSON."""
    tree = result(list(model.MACHINES), RESULTS)
    write_result(out, tree)
    Console(width=110).print(table(tree["profiles"]))
    for row in tree["check"]:
        told = "fitted" if row["fitted_here"] else f"{row['derived_over_measured']} times what was measured"
        sys.stdout.write(f"{row['what']}: {row['derived_ms']} ms, measured {row['measured_ms']}: {told}\n")
    sys.stdout.write(f"{out}\n")


if __name__ == "__main__":
    typer.run(main)
