"""Parses the parts of an Ollama Modelfile that its HTTP interface takes one by one."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pipeline.core.errors import ModelError

_INSTRUCTIONS = {"FROM", "PARAMETER", "TEMPLATE", "SYSTEM", "LICENSE"}
_LINE = re.compile(r"\s*(?P<word>[A-Za-z]+)[ \t]+(?P<rest>.*)", re.DOTALL)


@dataclass(frozen=True)
class Modelfile:
    """What a Modelfile says of a model beside its weights."""

    source: str = ""
    """What ``FROM`` names: a file."""
    template: str = ""
    system: str = ""
    licence: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """Numbers and texts by name; ``stop`` is a list."""


def parse(text: str) -> Modelfile:
    """Return what a Modelfile says. Raises ModelError for an instruction that is unknown or not closed.

    Source: docs/modelfile.md of Ollama. ``ADAPTER``, ``MESSAGE`` and ``RENDERER`` are not needed here, so not known.
    """
    single = {"FROM": "", "TEMPLATE": "", "SYSTEM": "", "LICENSE": ""}
    parameters: dict[str, Any] = {}
    for word, value in _instructions(text):
        if word == "PARAMETER":
            name, _, setting = value.partition(" ")
            if name == "stop":
                parameters.setdefault(name, []).append(_unquoted(setting.strip()))
            else:
                parameters[name] = _typed(setting.strip())
        else:
            single[word] = value
    return Modelfile(single["FROM"], single["TEMPLATE"], single["SYSTEM"], single["LICENSE"], parameters)


def _instructions(text: str) -> Iterator[tuple[str, str]]:
    """Yield each instruction with its value; a value in triple quotes may go over lines."""
    lines = iter(text.splitlines())
    for line in lines:
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        word = match["word"].upper() if match else line.split()[0]
        if not match or word not in _INSTRUCTIONS:
            raise ModelError(
                "broken-modelfile", f"unknown instruction {word!r}; known: {', '.join(sorted(_INSTRUCTIONS))}"
            )
        value = match["rest"].strip()
        if not value.startswith('"""'):
            yield word, _unquoted(value) if word != "PARAMETER" else value
            continue
        block = match["rest"].lstrip().removeprefix('"""')
        while '"""' not in block:
            following = next(lines, None)
            if following is None:
                raise ModelError("broken-modelfile", f'{word}: the closing """ is missing')
            block += f"\n{following}"
        yield word, block[: block.index('"""')]


def _unquoted(value: str) -> str:
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] == '"' else value


def _typed(value: str) -> bool | float | str:
    """Return a parameter as its JSON type: Ollama refuses a number that comes as a text."""
    if value in {"true", "false"}:
        return value == "true"
    for kind in (int, float):
        try:
            return kind(value)
        except ValueError:
            continue
    return _unquoted(value)
