"""Single values of messages. Reading checks them, and a refusal names the field and what is allowed. Pure."""

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, Generic, Protocol, TypeVar

from google.protobuf.message import Message
from google.protobuf.struct_pb2 import Struct, Value

from pipeline.core.errors import EntranceError
from pipeline.entrances.switchboard import Json

Number = TypeVar("Number", bound=int)
Meaning = TypeVar("Meaning")

LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8}){0,4}")
"""The shape of a BCP 47 tag. Source: RFC 5646, section 2.1, without grandfathered tags."""

ATTRIBUTES = 32
ATTRIBUTE_NAME = 64
ATTRIBUTE_VALUE = 256


class _Enum(Protocol):
    """A generated enum."""

    def items(self) -> Iterable[tuple[str, int]]: ...


class Choice(Generic[Number, Meaning]):
    """What the values of a generated enum stand for. Values that stand for nothing are refused."""

    def __init__(self, enum: _Enum, meanings: Mapping[Number, Meaning]) -> None:
        """Take what each allowed value stands for."""
        self._names = {number: name for name, number in enum.items()}
        self._meanings = meanings

    def read(self, value: Number, field: str) -> Meaning:
        """Return what ``value`` stands for. Raises EntranceError."""
        if value not in self._meanings:
            allowed = ", ".join(self._names[number] for number in self._meanings)
            raise wrong(field, f"is {self._names.get(value, value)}; allowed: {allowed}")
        return self._meanings[value]


def wrong(field: str, problem: str) -> EntranceError:
    """Return the error for a value that cannot be taken."""
    return EntranceError("invalid-value", f"{field} {problem}", field=field)


def not_served(field: str, instead: str = "") -> EntranceError:
    """Return the error for a part of the contract that comes later."""
    advice = f"; {instead}" if instead else ""
    return EntranceError("not-served", f"{field} is not served by this version{advice}", field=field)


def number(value: int, field: str, low: int, high: int) -> int:
    """Return ``value`` if it lies within the bounds, both included. Raises EntranceError."""
    if not low <= value <= high:
        raise wrong(field, f"is {value}; allowed: {low} to {high}")
    return value


def milliseconds(config: Message, name: str, path: str, low: int, high: int) -> float | None:
    """Return an optional field, checked, in seconds; None when it is absent. Raises EntranceError."""
    if not config.HasField(name):
        return None
    return number(getattr(config, name), f"{path}.{name}", low, high) / 1000


def line_of_text(value: str, field: str, longest: int) -> str:
    """Return ``value`` if it is short and holds no control characters. Raises EntranceError."""
    if len(value) > longest:
        raise wrong(field, f"has {len(value)} characters; allowed: {longest}")
    if not value.isprintable():
        raise wrong(field, "holds control characters; allowed: printable ones")
    return value


def language(value: str, field: str) -> str:
    """Return ``value`` if it looks like a BCP 47 tag. Raises EntranceError."""
    if not LANGUAGE.fullmatch(value):
        raise wrong(field, "is no language tag; allowed: BCP 47, such as en or de-CH")
    return value


def attributes(values: Mapping[str, str], field: str) -> dict[str, str]:
    """Return the client's own facts, checked. Raises EntranceError."""
    if len(values) > ATTRIBUTES:
        raise wrong(field, f"has {len(values)} entries; allowed: {ATTRIBUTES}")
    for name, text in values.items():
        line_of_text(name, field, ATTRIBUTE_NAME)
        line_of_text(text, field, ATTRIBUTE_VALUE)
    return dict(values)


def refuse_unserved(config: Message, path: str, names: Iterable[str]) -> None:
    """Raise EntranceError when one of the optional fields is present."""
    for name in names:
        if config.HasField(name):
            raise not_served(f"{path}.{name}", "leave it out")


def json_object(struct: Struct, field: str, longest_bytes: int) -> dict[str, Json]:
    """Return a Struct as JSON. Raises EntranceError when it is too long or holds a number that is none."""
    if struct.ByteSize() > longest_bytes:
        raise wrong(field, f"has {struct.ByteSize()} bytes; allowed: {longest_bytes}")
    return {name: _json(value, field) for name, value in struct.fields.items()}


def uint32(value: float) -> int:
    """Return the nearest number that a uint32 field holds."""
    return round(min(max(value, 0), 2**32 - 1))


def uint64(value: float) -> int:
    """Return the nearest number that a uint64 field holds."""
    return min(round(min(max(value, 0), 2.0**64)), 2**64 - 1)


def _json(value: Value, field: str) -> Json:
    match value.WhichOneof("kind"):
        case "number_value":
            if not math.isfinite(value.number_value):
                raise wrong(field, f"holds {value.number_value}; allowed: finite numbers")
            return value.number_value
        case "string_value":
            return value.string_value
        case "bool_value":
            return value.bool_value
        case "struct_value":
            return {name: _json(inner, field) for name, inner in value.struct_value.fields.items()}
        case "list_value":
            return [_json(inner, field) for inner in value.list_value.values]
        case _:
            return None


def at(found: Any, *path: str) -> Any:
    """Return what stands at a path of JSON objects; None where there is nothing."""
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def text_at(found: Any, *path: str) -> str:
    """Return the text at a path of JSON objects; empty where there is none."""
    text = at(found, *path)
    return text if isinstance(text, str) else ""
