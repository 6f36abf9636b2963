"""The rules of the house that no linter knows, each with its exceptions and their reasons."""

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
GENERATED = ROOT / "pipeline" / "entrances" / "generated"

LONGEST_FILE = 320
LONG_FILES = {
    "pipeline/core/events.py": "one closed union; its parts are read side by side",
    "pipeline/settings.py": "one tree; a section for each part, read one at a time",
}
LONGEST_FUNCTION = 50
LONG_FUNCTIONS: dict[str, str] = {}
MOST_METHODS = 14
LARGE_CLASSES = {
    "pipeline/entrances/wire_line.py:WireLine": "one thing that sessions see as a Line and entrances as a stream",
    "pipeline/session/reply.py:Reply": "three stages at once under one scope, and what each tells",
    "pipeline/session/session.py:Session": "the conductor: a method for each kind of thing that happens in a call",
}
VARIABLES = {
    "pipeline/cli/__init__.py:app": "typer's table of commands, filled while it is imported",
    "pipeline/cli/calls.py:app": "typer's table of commands, filled while it is imported",
    "pipeline/cli/feedback.py:app": "typer's table of commands, filled while it is imported",
    "pipeline/cli/knowledge.py:app": "typer's table of commands, filled while it is imported",
    "pipeline/cli/models.py:app": "typer's table of commands, filled while it is imported",
    "pipeline/cli/ollama.py:app": "typer's table of commands, filled while it is imported",
}
WAITING = {
    "tests/fakes.py": "scripted delays, waited for on virtual time",
    "tests/vision/looks.py": "likewise",
    "tests/virtual_time.py": "pass_time, which refuses to wait in real time",
}

CLOCKS = ("asyncio.get_running_loop().time", "time.time", "time.monotonic", "time.perf_counter", "anyio.current_time")
CALENDARS = ("datetime.now", "datetime.utcnow", "date.today")
CHANGES = {"append", "extend", "insert", "add", "update", "setdefault", "pop", "popitem", "remove", "discard", "clear"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def sources(*folders: str) -> list[str]:
    """Return the files that people wrote."""
    found = (file for folder in folders for file in (ROOT / folder).rglob("*.py") if GENERATED not in file.parents)
    return sorted(str(file.relative_to(ROOT)) for file in found)


SERVICE = sources("pipeline")
EVERYTHING = sources("pipeline", "tests", "benchmarks")


@cache
def parsed(source: str) -> ast.Module:
    return ast.parse((ROOT / source).read_text(encoding="utf-8"))


def called(source: str) -> set[str]:
    """Return what a file calls, as it is written there."""
    return {ast.unparse(node.func) for node in ast.walk(parsed(source)) if isinstance(node, ast.Call)}


def bound(source: str) -> set[str]:
    """Return the names that a module's own assignments bind."""
    assignments = (top for top in parsed(source).body if isinstance(top, ast.Assign | ast.AnnAssign))
    targets = (
        target for top in assignments for target in (top.targets if isinstance(top, ast.Assign) else [top.target])
    )
    return {node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)}


def changed(source: str) -> Iterator[str]:
    """Yield the names whose values a function changes in place."""
    functions = (node for node in ast.walk(parsed(source)) if isinstance(node, Function))
    for node in (inner for function in functions for inner in ast.walk(function)):
        match node:
            case ast.Global(names=names):
                yield from names
            case ast.Subscript(value=ast.Name(id=name), ctx=ast.Store() | ast.Del()):
                yield name
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=method)) if method in CHANGES:
                yield name


def test_files_are_read_in_one_sitting() -> None:
    lengths = {source: len((ROOT / source).read_text(encoding="utf-8").splitlines()) for source in EVERYTHING}
    assert {source for source, lines in lengths.items() if lines > LONGEST_FILE} == LONG_FILES.keys()


def test_functions_are_short() -> None:
    assert {
        f"{source}:{node.name}"
        for source in EVERYTHING
        for node in ast.walk(parsed(source))
        if isinstance(node, Function) and (node.end_lineno or 0) - node.lineno >= LONGEST_FUNCTION
    } == LONG_FUNCTIONS.keys()


def test_classes_are_small() -> None:
    assert {
        f"{source}:{node.name}"
        for source in EVERYTHING
        for node in ast.walk(parsed(source))
        if isinstance(node, ast.ClassDef) and sum(isinstance(part, Function) for part in node.body) > MOST_METHODS
    } == LARGE_CLASSES.keys()


def test_modules_have_constants_and_types_and_no_variables() -> None:
    names = {(source, name) for source in SERVICE for name in bound(source) if not name.startswith("__")}
    assert {f"{source}:{name}" for source, name in names if name.strip("_")[0].islower()} == VARIABLES.keys()


def test_no_function_changes_a_constant() -> None:
    assert {f"{source}:{name}" for source in SERVICE for name in bound(source).intersection(changed(source))} == set()


def test_every_task_has_a_group() -> None:
    assert [source for source in EVERYTHING if any(call.endswith("create_task") for call in called(source))] == []


def test_the_time_is_read_in_one_place() -> None:
    readers = [source for source in SERVICE if any(call.endswith(CLOCKS + CALENDARS) for call in called(source))]
    assert readers == ["pipeline/core/clock.py"]


def test_no_test_sleeps() -> None:
    assert {
        source for source in sources("tests") if any(call.endswith("sleep") for call in called(source))
    } == WAITING.keys()


def test_the_vocabulary_needs_the_standard_library_only() -> None:
    imported = {
        name
        for source in sources("pipeline/core")
        for node in ast.walk(parsed(source))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names])
    }
    known = sys.stdlib_module_names
    assert {name for name in imported if name.partition(".")[0] not in known and "pipeline.core" not in name} == set()
