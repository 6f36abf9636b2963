"""Schema: whether a tool's arguments are as its JSON Schema wants them, and how near misses are put right. Pure."""

import json
import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

from pipeline.core.errors import ToolError
from pipeline.dialog.pattern import TEXT
from pipeline.dialog.tools.bounds import check_bounds, within_bounds

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

MOST_BYTES = 8000
"""Of the arguments of one use, as JSON."""
_MOST_COMPLAINTS = 3
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,9})?")
_BOOLEANS = {"true": True, "false": False}


class Schema:
    """The schema of one tool's arguments. Names that it does not have are refused unless it says otherwise.

    A model that adds an argument means something by it: without it the tool would do more, or other, than was asked.
    """

    def __init__(self, parameters: Mapping[str, Any]) -> None:
        """Check the schema. Raises ValueError saying what is wrong with it."""
        # A fifth of a second that nobody needs who has no tools.
        from jsonschema import Draft202012Validator
        from jsonschema.exceptions import SchemaError
        from jsonschema.validators import extend
        from referencing.exceptions import Unresolvable
        from referencing.jsonschema import DRAFT202012, SchemaRegistry

        self._schema = {"additionalProperties": False, **parameters}
        if parameters.get("type") != "object" or not isinstance(parameters.get("properties", {}), dict):
            raise ValueError('it must be of an object: type = "object" and a table of properties')
        try:
            check_bounds(self._schema)
            Draft202012Validator.check_schema(self._schema)
            own = SchemaRegistry().with_resource("", DRAFT202012.create_resource(self._schema)).resolver()
            for reference in _references(self._schema):
                own.lookup(reference)
        except Unresolvable as error:
            raise ValueError("$ref may point into the schema itself only, such as #/$defs/order") from error
        except SchemaError as error:
            place = ".".join(map(str, error.absolute_path)) or "it"
            raise ValueError(f"it is no JSON Schema: {place}: {error.message[:200]}") from error
        except RecursionError as error:
            raise ValueError("it is nested too deeply") from error
        loose = [name for name, inner in parameters.get("properties", {}).items() if not isinstance(inner, dict)]
        if loose:
            raise ValueError(f"properties.{loose[0]}: it must be a table")
        missing = set(parameters.get("required", ())) - set(parameters.get("properties", {}))
        if missing:
            raise ValueError(f"required names {', '.join(sorted(missing))}, of which properties says nothing")
        properties = list(parameters.get("properties", {}))
        self._only = properties[0] if len(properties) == 1 and not self._schema["additionalProperties"] else ""
        bounded = extend(Draft202012Validator, {"pattern": _pattern})  # type: ignore[no-untyped-call]
        self._validator = bounded(self._schema, registry=SchemaRegistry())

    def fitted(self, tool: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Return the arguments with scalars converted where nothing is lost.

        ``"3"`` and ``3.0`` are the integer 3, 3 is the string ``"3"``, ``"Blue"`` is the choice ``blue``, and null an
        optional argument that is not there. The one argument of a tool that takes no other may have any name: small
        models call ``order`` what they would have called it. Raises ToolError ``tool-arguments``, whose message holds
        none of them.
        """
        try:
            size = len(json.dumps(arguments, ensure_ascii=False, allow_nan=False).encode())
            fitted: dict[str, Any] = _fitted(self._renamed(arguments), self._schema) if size <= MOST_BYTES else {}
            within = size <= MOST_BYTES and within_bounds(fitted)
            errors = islice(self._validator.iter_errors(fitted), _MOST_COMPLAINTS) if within else ()
            complaints = [_complaint(error) for error in errors]
        except (TypeError, ValueError, RecursionError) as error:
            raise _misused(tool, "its arguments cannot be read") from error
        if not within:
            raise _misused(tool, "its arguments are too long")
        if complaints:
            raise _misused(tool, "; ".join(complaints))
        return fitted

    def _renamed(self, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        if self._only and len(arguments) == 1:
            return dict.fromkeys([self._only], *arguments.values())
        return arguments


def _pattern(_validator: Any, pattern: str, text: Any, _schema: Any) -> Iterator["ValidationError"]:
    """Yield what is wrong with a text that must match a pattern; a long one is not matched."""
    from jsonschema.exceptions import ValidationError

    if isinstance(text, str) and not (len(text) <= TEXT and re.search(pattern, text)):
        yield ValidationError("it does not match")


def _misused(tool: str, what: str) -> ToolError:
    return ToolError("tool-arguments", f"{tool} was not run: {what}")


def _complaint(error: "ValidationError") -> str:
    place = ".".join(map(str, error.absolute_path))
    wanted: Any = error.validator_value
    schema: Any = error.schema
    found: Any = error.instance
    match error.validator:
        case "required":
            prefix = f"{place}." if place else ""
            return ", ".join(prefix + name for name in wanted if name not in found) + " is missing"
        case "additionalProperties":
            known = ", ".join(schema.get("properties", ())) or "none"
            return f"{place or 'it'} takes these arguments only: {known}"
        case "type":
            return f"{place} must be of type {wanted if isinstance(wanted, str) else ' or '.join(wanted)}"
        case "enum":
            return f"{place} must be one of {json.dumps(wanted, ensure_ascii=False)[:300]}"
    return f"{place or 'it'} must fit {error.validator} {json.dumps(wanted, ensure_ascii=False)[:100]}"


def _references(schema: Any) -> Iterator[str]:
    if isinstance(schema, Mapping):
        for key, value in schema.items():
            if key in {"$ref", "$dynamicRef", "$id"} and isinstance(value, str):
                yield value
            yield from _references(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _references(value)


def _fitted(value: Any, schema: Any) -> Any:
    if not isinstance(schema, Mapping):
        return value
    match value:
        case Mapping():
            known = schema.get("properties", {})
            needed = schema.get("required", ())
            return {
                name: _fitted(inner, known.get(name))
                for name, inner in value.items()
                if inner is not None or name not in known or name in needed or "null" in _types(known[name])
            }
        case list():
            return [_fitted(inner, schema.get("items")) for inner in value]
        case str() | bool() | int() | float():
            return _converted(value, _types(schema), schema.get("enum", ()))
    return value


def _types(schema: Any) -> tuple[str, ...]:
    wanted = schema.get("type", ()) if isinstance(schema, Mapping) else ()
    return (wanted,) if isinstance(wanted, str) else tuple(wanted)


def _converted(value: str | float, types: tuple[str, ...], choices: list[Any]) -> Any:
    """Return the value as the first type that it can be without loss; itself where there is none."""
    if isinstance(value, str):
        if "string" in types or not types:
            return _choice(value, choices)
        text = value.strip()
        if "integer" in types and _INTEGER.fullmatch(text):
            return int(text)
        if "number" in types and _NUMBER.fullmatch(text):
            return float(text) if "." in text else int(text)
        return _BOOLEANS.get(text.lower(), value) if "boolean" in types else value
    if isinstance(value, bool):
        return json.dumps(value) if types == ("string",) else value
    if "integer" in types and isinstance(value, float) and value.is_integer() and abs(value) < 1 << 53:
        return int(value)
    return _choice(json.dumps(value), choices) if types == ("string",) else value


def _choice(value: str, choices: list[Any]) -> str:
    """Return the choice that ``value`` is but for its case and spaces; itself where there is none."""
    if value in choices:
        return value
    folded = value.strip().casefold()
    alike = [choice for choice in choices if isinstance(choice, str) and choice.casefold() == folded]
    return alike[0] if len(alike) == 1 else value
