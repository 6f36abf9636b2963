"""What lies in the folder of results, and where each figure comes from."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline import configuration
from pipeline.settings import SHARE, Settings


@dataclass(frozen=True, slots=True)
class Result:
    """One file."""

    file: str
    tree: Mapping[str, Any]

    @property
    def topic(self) -> str:
        """Return what was measured: the first word of the file's name, ``gap`` of ``gap-stub.json``."""
        return self.stem.partition("-")[0]

    @property
    def stem(self) -> str:
        """Return the file's name without its ending."""
        return self.file.removesuffix(".json")

    @property
    def measured(self) -> Mapping[str, Any]:
        """Return the figures."""
        return dict(self.tree.get("measured") or {})


def read(folder: Path) -> list[Result]:
    """Return all results of a folder, sorted by name."""
    files = sorted(folder.glob("*.json"))
    return [Result(file.name, json.loads(file.read_text(encoding="utf-8"))) for file in files]


def write_result(file: Path, tree: Mapping[str, Any]) -> None:
    """Write what a benchmark has found into a result's file."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(tree, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def profiles() -> dict[str, Settings]:
    """Return the settings of every profile, those of measured budgets first."""
    names = sorted(file.stem for file in (SHARE / "models" / "profiles").glob("*.toml"))
    loaded = {name: configuration.load(profile=name) for name in names}
    return dict(sorted(loaded.items(), key=lambda entry: entry[1].profile.status != "measured"))


def provenance(result: Result) -> str:
    """Return on which machine the figures were measured, and when. Pure."""
    machine = result.tree.get("machine")
    if not isinstance(machine, Mapping) or "cpu" not in machine:
        return f"`{result.file}`. No machine was measured: these figures are derived."
    extra = "".join(f", {machine[key]}" for key in ("gpu", "device") if machine.get(key))
    load = machine.get("load") or [None]
    busy = "" if load[0] is None else f", load {load[0]}"
    where = f"{machine.get('cores')} cores of {machine['cpu']}{extra}"
    return f"`{result.file}`. Machine: {where}; {str(machine.get('measured', ''))[:10]}{busy}."


def service(result: Result) -> str:
    """Return what answered in a run: language model, recognizer, profile. Pure."""
    settings, llm = result.tree.get("settings") or {}, result.tree.get("llm")
    if not llm or "recognition" not in settings:
        about = result.tree.get("about")
        return about if isinstance(about, str) else ""
    written = "a stub that always says the same" if llm == "stub" else settings["dialog"]["models"][0]
    return f"Profile {result.tree.get('profile')}, {settings['recognition']['models'][0]}; what answers: {written}."
