"""Reads settings: a profile, then a TOML file, then the environment, then options; what is wrong is named in full."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_settings import EnvSettingsSource
from pydantic_settings import SettingsError as MalformedVariable

from pipeline.core.latency import SPANS
from pipeline.settings import SHARE, Settings, SettingsError

SCRIPTS = {"ollama"}
"""Variables with our prefix that are read by scripts: ``VOICEPIPE_OLLAMA``, by scripts/ollama.sh."""


def load(
    *, profile: str = "", config: Path | None = None, overrides: Mapping[str, Any] | None = None, share: Path = SHARE
) -> Settings:
    """Return the settings of a profile (a name, or a TOML file's path), a TOML file, the environment and overrides.

    The later wins. Raises SettingsError for what cannot be read and for wrong keys and values; it names them all.
    """
    tree: dict[str, Any] = {}
    chosen = Path(profile) if profile.endswith(".toml") else share / "models" / "profiles" / f"{profile or 'cpu'}.toml"
    if not chosen.exists() and not profile.endswith(".toml"):
        known = ", ".join(sorted(found.stem for found in chosen.parent.glob("*.toml")))
        raise SettingsError("unknown-profile", f"profile {profile!r} does not exist; there are: {known}")
    for file in (chosen, config):
        if file is not None:
            _merge(tree, _read(file))
    _merge(tree, _environment())
    _merge(tree, overrides or {})
    try:
        settings = Settings(**tree)
    except ValidationError as error:
        files = ", ".join(str(file) for file in (config, chosen) if file is not None)
        lines = "".join(f"\n  {line}" for line in complaints(error, Settings))
        raise SettingsError("wrong-settings", f"wrong settings ({files} or the environment):{lines}") from error
    unknown = sorted(set(settings.budgets) - set(SPANS))
    if unknown:
        raise SettingsError("wrong-settings", f"budgets.{unknown[0]}: no such span; there are: {', '.join(SPANS)}")
    return settings


def _environment() -> dict[str, Any]:
    """Return what the environment says, as a tree."""
    source = EnvSettingsSource(Settings)
    prefix = str(Settings.model_config["env_prefix"]).lower()
    sections = {name.removeprefix(prefix).split("__")[0] for name in source.env_vars if name.startswith(prefix)}
    unknown = sorted(sections - set(Settings.model_fields) - SCRIPTS)
    if unknown:
        allowed = ", ".join(sorted(Settings.model_fields))
        raise SettingsError("wrong-settings", f"{(prefix + unknown[0]).upper()}: no such section; there are: {allowed}")
    try:
        return source()
    except MalformedVariable as error:
        raise SettingsError(
            "wrong-settings", f'the environment: {error}; lists are JSON, such as ["a", "b"]'
        ) from error


def _read(file: Path) -> dict[str, Any]:
    try:
        with file.open("rb") as stream:
            return tomllib.load(stream)
    except OSError as error:
        raise SettingsError("unreadable-settings", f"{file}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError("unreadable-settings", f"{file}: not TOML: {error}") from error


def _merge(tree: dict[str, Any], over: Mapping[str, Any]) -> None:
    """Put ``over`` into ``tree``, section by section."""
    for key, value in over.items():
        if isinstance(value, Mapping) and isinstance(tree.get(key), dict):
            _merge(tree[key], value)
        else:
            tree[key] = dict(value) if isinstance(value, Mapping) else value


def complaints(error: ValidationError, model: type[BaseModel]) -> list[str]:
    """Return one line for each wrong key of ``model``: where it stands, what is wrong, what is allowed."""
    lines = []
    for problem in error.errors():
        path = [str(part) for part in problem["loc"]]
        if problem["type"] == "extra_forbidden":
            lines.append(f"{'.'.join(path)}: no such key; allowed here: {', '.join(_keys(model, path[:-1]))}")
        else:
            # A whole section is not repeated: it is long, and what stands in it may be nobody's business.
            found = "" if isinstance(problem["input"], Mapping | list) else f" (found {problem['input']!r})"
            lines.append(f"{'.'.join(path)}: {problem['msg']}{found}")
    return lines


def _keys(kind: Any, path: list[str]) -> list[str]:
    """Return the keys of the section at ``path`` below a section of this kind."""
    if path and get_origin(kind) in {dict, tuple}:
        return _keys(get_args(kind)[get_origin(kind) is dict], path[1:])
    if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
        return []
    return _keys(kind.model_fields[path[0]].annotation, path[1:]) if path else sorted(kind.model_fields)
