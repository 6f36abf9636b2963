"""Bounds: whether arguments can be checked against a schema in little time, whoever wrote it. Pure.

Schemas come from clients, arguments from what callers say, and the check runs in the event loop of all calls.
"""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from pipeline.dialog.pattern import checked, ways

PARTS = 300
"""Schemas within a schema, those behind each ``$ref`` counted each time. With ``VALUES`` it bounds the check."""
DEPTH = 24
VALUES = 200
"""Of the arguments of one use, nested ones included."""
ALL_WAYS = 4_000
"""In how many ways all patterns together may try to match from one place."""
_UNBOUNDED = {"$dynamicRef", "$recursiveRef", "unevaluatedItems", "unevaluatedProperties"}
"""Keys that have whole parts of a schema checked again and again."""


def check_bounds(schema: Mapping[str, Any]) -> None:
    """Return if it can be checked in little time. Raises ValueError that names the place.

    A pattern is no longer than 200 characters and has no repetition inside another; ``$ref`` leads into the schema
    itself and never back to where it stands.
    """
    _Walk(schema).schema(schema, (), frozenset())


def within_bounds(arguments: Any) -> bool:
    """Return whether arguments have few enough values."""
    return sum(1 for _ in islice(_values(arguments), VALUES + 1)) <= VALUES


class _Walk:
    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self._left = PARTS
        self._ways = ALL_WAYS

    def schema(self, part: Any, place: tuple[str, ...], through: frozenset[str]) -> None:
        """Walk through a part of the schema, and through what it refers to; ``through`` led here."""
        if isinstance(part, list):
            for at, inner in enumerate(part):
                self.schema(inner, (*place, str(at)), through)
        if not isinstance(part, Mapping):
            return
        self._left -= 1
        if self._left < 0:
            raise ValueError(f"it has more than {PARTS} parts, those behind each $ref counted each time")
        if len(place) > DEPTH:
            raise ValueError(f"it is nested too deeply: {'.'.join(place)}")
        for key, value in part.items():
            self._key(key, value, (*place, key), through)

    def _key(self, key: str, value: Any, place: tuple[str, ...], through: frozenset[str]) -> None:
        if key in _UNBOUNDED:
            raise ValueError(f"{'.'.join(place)}: {key} is not taken")
        match key, value:
            case "pattern", str():
                self._pattern(value, place)
            case "$ref", str():
                if value in through:
                    raise ValueError(f"{'.'.join(place)}: it leads back to itself")
                self.schema(self._target(value), place, through | {value})
            case (("properties" | "patternProperties" | "dependentSchemas"), Mapping()):
                for name, inner in value.items():
                    if key == "patternProperties":
                        self._pattern(name, place)
                    self.schema(inner, (*place, name), through)
            case (("const" | "default" | "enum" | "examples" | "$defs"), _):
                pass  # values are no schemas, and definitions count where they are referred to
            case _:
                self.schema(value, place, through)

    def _pattern(self, pattern: str, place: tuple[str, ...]) -> None:
        try:
            checked(pattern)
        except ValueError as error:
            raise ValueError(f"{'.'.join(place)}: {error}") from error
        self._ways -= ways(pattern)
        if self._ways < 0:
            raise ValueError(f"{'.'.join(place)}: all patterns together could try more than {ALL_WAYS} ways to match")

    def _target(self, reference: str) -> Any:
        """Return what a reference leads to. Raises ValueError for one that leads out of the schema, or nowhere."""
        found: Any = self._root
        for step in reference.split("/")[1:]:
            name = step.replace("~1", "/").replace("~0", "~")
            found = found.get(name) if isinstance(found, Mapping) else None
        if found is None or not (reference == "#" or reference.startswith("#/")):
            raise ValueError("$ref may point into the schema itself only, such as #/$defs/order")
        return found


def _values(value: Any) -> Iterator[Any]:
    yield value
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    for one in inner:
        yield from _values(one)
