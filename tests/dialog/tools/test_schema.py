import re
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.clock import LoopClock
from pipeline.core.errors import ToolError
from pipeline.dialog.tools.schema import Schema

ORDER = {
    "type": "object",
    "properties": {
        "order": {"type": "string", "pattern": "^[0-9]+$"},
        "copies": {"type": "integer", "minimum": 1},
        "price": {"type": "number"},
        "gift": {"type": "boolean"},
        "colour": {"type": "string", "enum": ["blue", "red"]},
        "days": {"type": "array", "items": {"type": "integer"}},
        "place": {"type": "object", "properties": {"floor": {"type": "integer"}}, "required": ["floor"]},
        "note": {"type": ["string", "null"]},
    },
    "required": ["order"],
}


def fitted(**arguments: Any) -> dict[str, Any]:
    return Schema(ORDER).fitted("buy", {"order": "1", **arguments})


def complaint(arguments: Any, schema: dict[str, Any] = ORDER) -> str:
    with pytest.raises(ToolError) as caught:
        Schema(schema).fitted("buy", arguments)
    assert caught.value.code == "tool-arguments"
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "given", "taken"),
    [
        ("order", 48213, "48213"),
        ("copies", "3", 3),
        ("copies", 3.0, 3),
        ("copies", " 12 ", 12),
        ("price", "4.50", 4.5),
        ("price", "4", 4),
        ("price", 4, 4),
        ("gift", "true", True),
        ("gift", "False", False),
        ("colour", "Blue", "blue"),
        ("colour", " RED", "red"),
        ("days", ["1", 2.0, 3], [1, 2, 3]),
        ("place", {"floor": "2"}, {"floor": 2}),
        ("note", None, None),
        ("note", "12", "12"),
    ],
)
def test_a_near_miss_is_put_right_where_nothing_is_lost(name: str, given: Any, taken: Any) -> None:
    found = fitted(**{name: given})[name]
    assert (found, type(found)) == (taken, type(taken))


@pytest.mark.parametrize(
    "given", ["007", "3.5", "three", "", "\uff11\uff12", "1e3", "+3", "1_000", 3.5, True, [3], {"a": 3}]
)
def test_what_would_lose_something_is_no_integer(given: Any) -> None:
    assert complaint({"order": "1", "copies": given}) == "buy was not run: copies must be of type integer"


@pytest.mark.parametrize("given", ["yes", "1", 1, 0, "", "on"])
def test_only_true_and_false_are_booleans(given: Any) -> None:
    assert "gift must be of type boolean" in complaint({"order": "1", "gift": given})


@pytest.mark.parametrize("arguments", [{"order_number": 48213}, {"order": "48213"}, {"id": "48213"}])
def test_the_only_argument_of_a_tool_may_have_any_name(arguments: dict[str, Any]) -> None:
    only = {"type": "object", "properties": {"order": {"type": "string"}}, "required": ["order"]}
    assert Schema(only).fitted("status", arguments) == {"order": "48213"}


def test_two_arguments_are_not_taken_for_the_only_one() -> None:
    only = {"type": "object", "properties": {"order": {"type": "string"}}, "required": ["order"]}
    assert "takes these arguments only: order" in complaint({"order": "1", "id": "2"}, only)
    assert "order is missing" in complaint({"number": "1", "id": "2"}, only)


def test_null_is_an_optional_argument_that_is_not_there() -> None:
    assert fitted(copies=None, colour=None) == {"order": "1"}
    assert "order must be of type string" in complaint({"order": None})


def test_what_is_missing_is_named() -> None:
    assert complaint({}) == "buy was not run: order is missing"
    assert "place.floor is missing" in complaint({"order": "1", "place": {}})


def test_an_argument_that_a_tool_does_not_have_is_refused_and_not_dropped() -> None:
    said = complaint({"order": "1", "except": "the cake"})
    assert said == (
        "buy was not run: it takes these arguments only: order, copies, price, gift, colour, days, place, note"
    )


def test_a_schema_may_allow_arguments_that_it_does_not_name() -> None:
    open_ended = {"type": "object", "properties": {}, "additionalProperties": True}
    assert Schema(open_ended).fitted("buy", {"anything": 1}) == {"anything": 1}


def test_choices_and_bounds_are_told() -> None:
    assert 'colour must be one of ["blue", "red"]' in complaint({"order": "1", "colour": "green"})
    assert "copies must fit minimum 1" in complaint({"order": "1", "copies": 0})


def test_no_argument_is_repeated_in_a_complaint() -> None:
    private = "4111 1111 1111 1111"
    for arguments in ({"order": private}, {"order": "1", "copies": private}, {private: private}, {"colour": private}):
        assert private not in complaint(arguments)


@pytest.mark.parametrize("given", ["x" * 9000, "\ud800", float("nan"), float("inf"), {1, 2}, b"12"])
def test_arguments_that_no_request_could_carry_are_refused(given: Any) -> None:
    assert "buy was not run: its arguments" in complaint({"order": given})


def test_arguments_nested_without_end_are_refused() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    assert "its arguments" in complaint({"order": "1", "days": deep})


def test_definitions_of_its_own_may_be_referred_to() -> None:
    own = {"type": "object", "properties": {"a": {"$ref": "#/$defs/b"}}, "$defs": {"b": {"type": "integer"}}}
    assert Schema(own).fitted("buy", {"a": 3}) == {"a": 3}
    assert "a must be of type integer" in complaint({"a": "x"}, own)


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({}, "must be of an object"),
        ({"type": "string"}, "must be of an object"),
        ({"type": "object", "properties": []}, "must be of an object"),
        ({"type": "object", "properties": {"a": {"type": "text"}}}, "properties.a.type: 'text' is not valid"),
        ({"type": "object", "required": "a"}, "required: 'a' is not of type 'array'"),
        ({"type": "object", "properties": {"a": {}}, "required": ["a", "b"]}, "required names b"),
        ({"type": "object", "properties": {"a": {"$ref": "http://127.0.0.1:9/x"}}}, "may point into the schema itself"),
        ({"type": "object", "properties": {"a": {"$ref": "#/$defs/nowhere"}}}, "may point into the schema itself"),
        ({"type": "object", "properties": {"a": True}}, "properties.a: it must be a table"),
    ],
)
def test_a_schema_that_is_wrong_is_refused(schema: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        Schema(schema)


@given(
    st.dictionaries(
        st.sampled_from([*ORDER["properties"], "other"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
            lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
            max_leaves=4,
        ),
    )
)
def test_whatever_a_model_makes_up_fits_or_is_complained_of(arguments: dict[str, Any]) -> None:
    schema = Schema(ORDER)
    try:
        once = schema.fitted("buy", arguments)
    except ToolError as error:
        assert error.code == "tool-arguments"  # noqa: PT017
    else:
        assert schema.fitted("buy", once) == once


def refusal(properties: dict[str, Any], **more: Any) -> str:
    with pytest.raises(ValueError, match=r".") as caught:
        Schema({"type": "object", "properties": properties, **more})
    return str(caught.value)


CATASTROPHES = ["^(a+)+$", "(a|aa)+$", "(x+x+)+y", r"^(\w+\s?)*$", "a*a*a*a*b", "(a{1,50}){1,50}b", "a" * 201]


@pytest.mark.parametrize("pattern", CATASTROPHES)
def test_a_pattern_that_could_take_long_is_refused_by_its_place(pattern: str) -> None:
    text = {"type": "string", "pattern": pattern}
    assert refusal({"order": text}).startswith("properties.order.pattern: the pattern")
    nested = {"type": "array", "items": {"anyOf": [{"type": "null"}, text]}}
    assert refusal({"orders": nested}).startswith("properties.orders.items.anyOf.1.pattern: the pattern")
    behind = {"$ref": "#/$defs/order"}
    assert "the pattern" in refusal({"order": behind}, **{"$defs": {"order": text}})
    assert "patternProperties: the pattern" in refusal({"o": {"type": "object", "patternProperties": {pattern: {}}}})
    assert "patternProperties.const.pattern" in refusal({"o": {"patternProperties": {"const": text}}})


def test_many_patterns_that_would_all_be_tried_are_refused() -> None:
    assert "all patterns together" in refusal({"order": {"allOf": [{"pattern": f"{sign}*b"} for sign in "cdefghijkl"]}})


def test_a_property_or_a_value_that_is_called_as_a_key_is_none() -> None:
    named = {"pattern": {"type": "string"}, "unevaluatedItems": {"const": {"pattern": "^(a+)+$"}}}
    Schema({"type": "object", "properties": named})


@pytest.mark.parametrize(
    "definitions",
    [
        {"a": {"$ref": "#/$defs/a"}},
        {"a": {"$ref": "#/$defs/b"}, "b": {"anyOf": [{"$ref": "#/$defs/a"}, {}]}},
        {"a": {"type": "object", "properties": {"next": {"$ref": "#/$defs/a"}}}},
        {"a": {"allOf": [{"$ref": "#"}]}},
    ],
)
def test_a_reference_that_leads_back_to_itself_is_refused(definitions: dict[str, Any]) -> None:
    assert "leads back to itself" in refusal({"x": {"$ref": "#/$defs/a"}}, **{"$defs": definitions})


def test_a_schema_that_unfolds_without_end_is_refused() -> None:
    definitions = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 3} for n in range(7)}
    assert "more than 300 parts" in refusal({"x": {"$ref": "#/$defs/d0"}}, **{"$defs": {**definitions, "d7": {}}})


@pytest.mark.parametrize("key", ["unevaluatedProperties", "$dynamicRef", "unevaluatedItems"])
def test_keys_that_have_a_schema_checked_over_and_over_are_refused(key: str) -> None:
    assert f"properties.x.{key}: {key} is not taken" in refusal({"x": {key: "#"}})


def test_a_reference_to_a_part_of_the_schema_is_followed() -> None:
    schema = {
        "type": "object",
        "properties": {"one": {"$ref": "#/$defs/order"}, "two": {"$ref": "#/$defs/order"}},
        "$defs": {"order": {"type": "string", "pattern": "^[0-9]+$"}},
    }
    assert Schema(schema).fitted("buy", {"one": "1", "two": "2"}) == {"one": "1", "two": "2"}
    assert "two must fit pattern" in complaint({"one": "1", "two": "x"}, schema)


def test_many_values_and_long_texts_are_not_looked_at() -> None:
    assert "its arguments are too long" in complaint({"order": "1", "days": [1] * 200})
    assert "order must fit pattern" in complaint({"order": "1" * 501})
    assert fitted(days=[1] * 150)["days"] == [1] * 150


@pytest.mark.anyio
async def test_the_worst_that_is_taken_is_checked_in_little_time() -> None:
    parts = [{"type": "integer"}] * 290
    patterns = [{"type": "string", "pattern": f"{sign}*b"} for sign in "aaaaaaa"]
    slow = Schema({"type": "object", "properties": {"x": {"items": {"allOf": parts}}}})
    matching = Schema({"type": "object", "properties": {"x": {"items": {"allOf": patterns}}}})
    for schema, values in ((slow, [1] * 198), (matching, ["a" * 490] * 15)):
        before = LoopClock().now()
        with suppress(ToolError):
            schema.fitted("buy", {"x": values})
        assert LoopClock().now() - before < 5.0


SCHEMAS: st.SearchStrategy[Any] = st.recursive(
    st.fixed_dictionaries({"pattern": st.sampled_from([*CATASTROPHES, "^[0-9]+$", "b"])})
    | st.fixed_dictionaries({"$ref": st.sampled_from(["#", "#/$defs/a", "#/$defs/b", "#/properties/x", "#a", "x"])})
    | st.sampled_from([{}, True, {"type": "string"}, {"type": "array"}]),
    lambda inner: st.one_of(
        st.fixed_dictionaries({"items": inner}),
        st.fixed_dictionaries({"allOf": st.lists(inner, min_size=1, max_size=3)}),
        st.fixed_dictionaries({"properties": st.dictionaries(st.sampled_from("xy"), inner)}),
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from("xy"), SCHEMAS.filter(lambda one: one is not True)), SCHEMAS, SCHEMAS)
def test_every_schema_is_refused_in_words_or_checks_the_worst_text(x: Any, a: Any, b: Any) -> None:
    try:
        schema = Schema({"type": "object", "properties": x, "$defs": {"a": a, "b": b}})
    except ValueError:
        return
    for worst in ("a" * 60 + "!", ["a" * 60 + "!"], {"x": "a" * 60 + "!"}):
        with suppress(ToolError):
            schema.fitted("buy", {"x": worst, "y": worst})
