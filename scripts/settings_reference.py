#!/usr/bin/env python
"""Writes docs/settings.md from pipeline/settings.py and models/profiles/: run it after a change of either.

.venv/bin/python scripts/settings_reference.py
"""

import ast
import inspect
import tomllib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from pipeline.settings import SHARE, Settings

ROOT = Path(__file__).parent.parent
PROFILES = ("cpu", "t4", "a10")
BOUNDS = {"Ge": ("ge", "from"), "Gt": ("gt", "over"), "Le": ("le", "to"), "Lt": ("lt", "under")}
LEFT_OUT = {"profile", "budgets"}
"""Sections of the profiles that say what a profile is, and not how the service runs."""

HEAD = """\
# Settings

Written by `scripts/settings_reference.py` from `pipeline/settings.py`; do not edit. Durations are in seconds unless the
name says otherwise. Where settings come from, and which source wins, stands in [operations.md](operations.md#settings).
The environment variable of `server.max_calls` is `VOICEPIPE_SERVER__MAX_CALLS`; the others are named alike.
"""


def reference() -> str:
    """Return the page. Raises ValueError for a setting without a docstring."""
    sections = dict(_sections())
    plain = [name for name in Settings.model_fields if name not in sections]
    parts = [HEAD, "\n".join(["## Top level\n", *_table(Settings, plain)])]
    for name, model in sections.items():
        rows = _table(model, list(model.model_fields))
        parts.append("\n".join([f"## {name}\n", f"{inspect.getdoc(model)}\n", *rows]))
    parts.append("\n".join(["## What the profiles set\n", *_profiles()]))
    return "\n\n".join(part.rstrip() for part in parts) + "\n"


def _sections() -> Iterator[tuple[str, type[BaseModel]]]:
    for name, field in Settings.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield name, field.annotation


def _table(model: type[BaseModel], names: list[str]) -> Iterator[str]:
    meanings = _docstrings(model)
    yield from ("| key | value | default | meaning |", "|---|---|---|---|")
    for name in names:
        if name not in meanings:
            raise ValueError(f"{model.__name__}.{name} has no docstring")
        field = model.model_fields[name]
        yield _row(f"`{name}`", _kind(field), _default(field), meanings[name])


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("``", "`") for cell in cells) + " |"


def _docstrings(model: type[BaseModel]) -> dict[str, str]:
    """Return the string below each attribute of a class."""
    found = {}
    for attribute, below in pairwise(ast.walk(ast.parse(inspect.getsource(model)))):
        match attribute, below:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                found[name] = " ".join(text.split())
    return found


def _kind(field: FieldInfo) -> str:
    """Return what a value looks like, and its bounds."""
    bounds = []
    for bound in field.metadata:
        if type(bound).__name__ in BOUNDS:
            attribute, word = BOUNDS[type(bound).__name__]
            bounds.append(f"{word} {getattr(bound, attribute):g}")
    return ", ".join([_type(field.annotation), *bounds])


def _type(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return " or ".join(f"`{choice}`" for choice in get_args(kind))
    if get_origin(kind) is tuple:
        return "list of text"
    if get_origin(kind) is list and issubclass(get_args(kind)[0], BaseModel):
        return "list of tables"
    if get_origin(kind) is list:
        return "list of text"
    if get_origin(kind) is dict:
        return "table"
    if get_args(kind):
        return " or ".join(_type(choice) for choice in get_args(kind))
    names = {str: "text", int: "whole number", float: "number", bool: "true or false", Path: "path", type(None): "none"}
    return "secret" if kind is SecretStr else names[kind]


def _default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True)
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if isinstance(value, Path):
        value = value.relative_to(SHARE).as_posix()
    return f"`{_toml(value)}`"


def _toml(value: Any) -> str:
    match value:
        case None:
            return "none"
        case bool():
            return str(value).lower()
        case str():
            return f'"{value}"'
        case tuple() | list():
            return f"[{', '.join(map(_toml, value))}]"
        case dict():
            pairs = ", ".join(f"{key} = {_toml(one)}" for key, one in value.items())
            return f"{{ {pairs} }}" if pairs else "{}"
        case _:
            return f"{value}"


def _profiles() -> Iterator[str]:
    """Yield a table of the keys that at least one profile sets."""
    set_by = {name: dict(_keys(name)) for name in PROFILES}
    yield from (_row("key", *(f"`{name}`" for name in PROFILES)), "|---" * (1 + len(PROFILES)) + "|")
    for key in dict.fromkeys(key for values in set_by.values() for key in values):
        yield _row(f"`{key}`", *(f"`{_toml(set_by[name][key])}`" if key in set_by[name] else "" for name in PROFILES))


def _keys(profile: str) -> Iterator[tuple[str, Any]]:
    tree = tomllib.loads((ROOT / "models" / "profiles" / f"{profile}.toml").read_text(encoding="utf-8"))
    for section, values in tree.items():
        if section not in LEFT_OUT:
            yield from ((f"{section}.{key}", value) for key, value in values.items())


if __name__ == "__main__":
    (ROOT / "docs" / "settings.md").write_text(reference(), encoding="utf-8")
