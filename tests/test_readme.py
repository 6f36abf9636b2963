"""What the documents name exists: commands, options, targets, settings, metrics, files. Their examples can be read."""

import importlib
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer
from prometheus_client import generate_latest

from pipeline import configuration
from pipeline.cli import app
from pipeline.dialog.agents import AgentFile
from pipeline.entrances.generated.voicepipe.v1 import audio_pb2, config_pb2, conversation_pb2, input_pb2, output_pb2
from pipeline.observe import Metrics
from pipeline.settings import Settings

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted(str(file.relative_to(ROOT)) for file in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")))
FOLDERS = "agents|benchmarks|docs|models|pipeline|protos|scripts|tests"
ELSEWHERE = {"VOICEPIPE_OLLAMA", "VOICEPIPE_CHROMIUM", "VOICEPIPE_NO_BROWSER", "VOICEPIPE_SECTION__KEY"}
"""Variables that are no settings: of scripts/ollama.sh, scripts/chromium.sh, tests/browser; the pattern of names."""

_FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_SPAN = re.compile(r"`([^`\n]+)`")
_OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*")

SECTIONS = {name: set(getattr(field.annotation, "model_fields", {})) for name, field in Settings.model_fields.items()}
FIELDS = {
    field
    for module in (audio_pb2, config_pb2, conversation_pb2, input_pb2, output_pb2)
    for message in module.DESCRIPTOR.message_types_by_name.values()
    for field in message.fields_by_name
}
"""Names of the fields of all messages of the contract."""

each_document = pytest.mark.parametrize("document", DOCUMENTS)


@cache
def text(document: str) -> str:
    return (ROOT / document).read_text(encoding="utf-8")


def blocks(document: str, language: str) -> list[str]:
    """Return the fenced blocks in ``language``."""
    return [block for name, block in _FENCED.findall(text(document)) if name == language]


def spans(document: str) -> list[str]:
    """Return what stands between single backticks outside of blocks."""
    return _SPAN.findall(_FENCED.sub("", text(document)))


def typed(document: str) -> Iterator[str]:
    """Yield everything that a reader might type, a line at a time and without comments."""
    for line in (*spans(document), *(line for block in blocks(document, "sh") for line in block.splitlines())):
        yield re.sub(r"(^|\s)#.*", "", line).strip()


def options(command: Any) -> set[str]:
    return {name for parameter in command.params for name in parameter.opts} | {"--help"}


def command_line() -> dict[str, set[str]]:
    """Return the options of each command of ``voicepipe``, by its words."""
    found: dict[str, set[str]] = {}
    for name, command in typer.main.get_command(app).commands.items():  # type: ignore[attr-defined]
        inner = getattr(command, "commands", {})
        found |= {f"{name} {word}": options(part) for word, part in inner.items()} or {name: options(command)}
        if inner:
            found[name] = set()
    return found


def anchors(document: str) -> set[str]:
    """Return what links into a document may name, made from its headings as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", _FENCED.sub("", text(document)), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@each_document
def test_every_make_target_exists(document: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {word for line in typed(document) for word in re.findall(r"(?:^|[\s;=])make ([a-z][a-z-]*)", line)}
    assert named <= targets


@each_document
def test_every_command_and_option_of_voicepipe_exists(document: str) -> None:
    known = command_line()
    for line in typed(document):
        for call in re.findall(r"(?:^|[\s/])voicepipe ([a-z].*)", line):
            words = re.match(r"[a-z]+(?: [a-z]+)?", call)
            assert words is not None
            command = words[0] if words[0] in known else words[0].split()[0]
            assert command in known, line
            assert set(_OPTION.findall(call)) <= known[command], line


@each_document
def test_every_option_named_alone_exists(document: str) -> None:
    known = set().union(*command_line().values())
    named = {option for span in spans(document) if span.startswith("--") for option in _OPTION.findall(span)}
    assert named <= known


@each_document
def test_every_benchmark_is_called_with_options_that_it_has(document: str) -> None:
    for line in typed(document):
        for module, rest in re.findall(r"python -m (benchmarks\.\w+)(.*)", line):
            single = typer.Typer()
            found = importlib.import_module(module)
            found = importlib.import_module(f"{module}.__main__") if hasattr(found, "__path__") else found
            single.command()(found.main)
            assert set(_OPTION.findall(rest)) <= options(typer.main.get_command(single)), line


@each_document
def test_every_link_leads_somewhere(document: str) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", _FENCED.sub("", text(document))):
        if target.startswith("https:"):
            continue
        file, _, anchor = target.partition("#")
        found = ((ROOT / document).parent / file).resolve() if file else ROOT / document
        assert found.exists(), target
        assert not anchor or anchor in anchors(str(found.relative_to(ROOT))), target


@each_document
def test_every_file_that_is_named_exists(document: str) -> None:
    paths = [span.split()[0] for span in spans(document) if re.match(rf"(?:{FOLDERS})/[\w./-]+(?: |$)", span)]
    assert [path for path in paths if not (ROOT / path).exists()] == []


@each_document
def test_python_in_documents_can_be_compiled(document: str) -> None:
    for block in blocks(document, "python"):
        compile(block, document, "exec")


@each_document
def test_settings_and_agents_in_documents_can_be_loaded(document: str, tmp_path: Path) -> None:
    for block in blocks(document, "toml"):
        tree = tomllib.loads(block)
        if "persona" in tree:
            AgentFile(**tree)
        elif {"tools", "control"} & tree.keys():
            AgentFile(name="Shop", persona="You keep a shop.", **tree)
        elif "project" not in tree:
            (tmp_path / "settings.toml").write_text(block, encoding="utf-8")
            configuration.load(config=tmp_path / "settings.toml")


@each_document
def test_every_setting_and_field_that_is_named_exists(document: str) -> None:
    for span in spans(document):
        found = re.fullmatch(r"([a-z_]+)\.([a-z_]+)(?: = .*)?", span)
        if found is not None and found[1] in SECTIONS.keys() | FIELDS:
            assert found[2] in SECTIONS.get(found[1], set()) | FIELDS, span


@each_document
def test_every_variable_that_is_named_sets_something(document: str) -> None:
    keys = {*SECTIONS, *(f"{section}__{key}" for section, keys in SECTIONS.items() for key in keys)}
    known = {f"VOICEPIPE_{key.upper()}" for key in keys}
    assert set(re.findall(r"VOICEPIPE_[A-Z_]+", text(document))) <= known | ELSEWHERE


@each_document
def test_every_metric_that_is_named_exists(document: str) -> None:
    named = {name.removesuffix("_total") for name in re.findall(r"`(voicepipe_[a-z_]+)`", text(document))}
    assert named <= metrics()


def test_every_metric_is_explained() -> None:
    assert [name for name in metrics() if name not in text("docs/operations.md")] == []


def metrics() -> set[str]:
    """Return the metrics that a scrape shows, without the endings of their kinds."""
    shown = re.findall(r"^# TYPE (voicepipe_\w+) (?:counter|gauge|histogram)$", scrape(), re.MULTILINE)
    return {name.removesuffix("_total") for name in shown if not name.endswith("_created")}


def scrape() -> str:
    return generate_latest(Metrics().registry).decode()
