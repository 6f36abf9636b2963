from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from pipeline.dialog.agents import load
from pipeline.dialog.tools.declared import DeclaredTool
from pipeline.settings import SettingsError

SCHEMA = {"type": "object", "properties": {"order": {"type": "string"}, "note": {}}, "required": ["order"]}


def tool(**keys: Any) -> DeclaredTool:
    return DeclaredTool(**{"name": "status", "description": "Where an order is.", "url": "https://shop.test/o", **keys})


def complaint(**keys: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        tool(**keys)
    return str(caught.value)


def test_what_only_looks_up_is_a_get_that_may_be_repeated_and_needs_no_question() -> None:
    plain = tool()
    assert (plain.verb, plain.sends, plain.repeatable, plain.changes, plain.question) == (
        "GET",
        "query",
        True,
        False,
        "",
    )


def test_what_may_not_be_repeated_is_a_post_with_a_body() -> None:
    cancel = tool(idempotent=False, confirm="Shall I cancel order {order}?", parameters=SCHEMA)
    assert (cancel.verb, cancel.sends, cancel.repeatable, cancel.changes) == ("POST", "json", False, True)
    assert cancel.question == "Shall I cancel order {order}?"


def test_a_search_by_post_may_be_declared_harmless() -> None:
    search = tool(method="POST", idempotent=True)
    assert (search.sends, search.repeatable, search.changes) == ("json", True, False)


@pytest.mark.parametrize(
    "keys",
    [
        {"method": "POST"},
        {"idempotent": False},
        {"method": "PUT", "idempotent": True},
        {"method": "DELETE", "idempotent": True},
        {"method": "PATCH"},
        {"url": "", "function": "cancel"},
        {"url": "", "function": "cancel", "idempotent": False},
    ],
)
def test_what_changes_something_must_have_a_question_or_never(keys: dict[str, Any]) -> None:
    assert "confirm: it may change something" in complaint(**keys)
    assert tool(**keys, confirm="never").question == ""
    assert tool(**keys, confirm="Shall I?").question == "Shall I?"


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"name": "order status"}, "name"),
        ({"name": "1st"}, "name"),
        ({"name": "x" * 65}, "name"),
        ({"description": ""}, "description"),
        ({"parameters": {"type": "list"}}, "parameters"),
        ({"url": ""}, "it has either a url or a function"),
        ({"function": "status"}, "it has either a url or a function"),
        ({"url": "", "function": "f", "headers": {"A": "b"}, "confirm": "never"}, "belong to a url"),
        ({"url": "ftp://shop.test/"}, "begins with http:// or https://"),
        ({"url": "shop.test/orders"}, "begins with http:// or https://"),
        ({"url": "https://"}, "begins with http:// or https://"),
        ({"url": "https://shop.test:99999/"}, "url"),
        ({"url": "https://me:secret@shop.test/"}, "no user, password or fragment"),
        ({"url": "https://{order}.test/", "parameters": SCHEMA}, "in its path only"),
        ({"url": "https://shop.test/?o={order}", "parameters": SCHEMA}, "in its path only"),
        ({"url": "https://shop.test/{order}"}, "url: order is none of parameters.required"),
        ({"url": "https://shop.test/{note}", "parameters": SCHEMA}, "url: note is none of parameters.required"),
        ({"url": "https://shop.test/{order}/{order}", "parameters": SCHEMA}, "stands in it twice"),
        ({"confirm": "Cancel {oder}?", "parameters": SCHEMA}, "confirm: oder is none of parameters.required"),
        ({"headers": {"Host": "other.test"}}, "'Host' cannot be set"),
        ({"headers": {"X Y": "1"}}, "'X Y' cannot be set"),
        ({"send": "json"}, "GET has no body"),
        ({"timeout": 0}, "timeout"),
        ({"result_characters": 10}, "result_characters"),
        ({"retries": 3}, "retries"),
    ],
)
def test_a_wrong_declaration_is_refused(keys: dict[str, Any], said: str) -> None:
    assert said in complaint(**keys)


AGENT = 'name = "Shop"\npersona = "You keep a shop."\n'
STATUS = '[[tools]]\nname = "status"\ndescription = "Where an order is."\nurl = "https://shop.test/orders"\n'


def loading(folder: Path, text: str) -> str:
    (folder / "shop.toml").write_text(text)
    with pytest.raises(SettingsError) as caught:
        load(folder)
    return str(caught.value)


def test_an_agent_has_the_tools_of_its_file_in_their_order(tmp_path: Path) -> None:
    (tmp_path / "shop.toml").write_text(AGENT + STATUS + STATUS.replace('"status"', '"stock"'))
    assert [one.name for one in load(tmp_path)["shop"].tools] == ["status", "stock"]


def test_the_file_and_the_key_that_is_wrong_are_named(tmp_path: Path) -> None:
    assert "shop.toml: tools.0.method: " in loading(tmp_path, AGENT + STATUS + 'method = "HEAD"\n')
    assert "shop.toml: tools.0.parameters: Value error, it must be of an object" in loading(
        tmp_path, AGENT + STATUS + "parameters = {}\n"
    )
    assert "shop.toml: tools.0: Value error, status: confirm: " in loading(
        tmp_path, AGENT + STATUS + "idempotent = false\n"
    )


def test_a_key_that_does_not_exist_is_named_with_all_that_do(tmp_path: Path) -> None:
    said = loading(tmp_path, AGENT + STATUS + "retry = true\n")
    assert "shop.toml: tools.0.retry: no such key; allowed here: confirm, description, filler, function," in said


def test_two_tools_of_one_name_are_refused(tmp_path: Path) -> None:
    assert "shop.toml: tools: Value error, there are two of the name status" in loading(tmp_path, AGENT + 2 * STATUS)


def test_a_complaint_does_not_repeat_the_headers(tmp_path: Path) -> None:
    headers = 'headers = { Authorization = "Bearer hunter2" }\n'
    assert "hunter2" not in loading(tmp_path, AGENT + STATUS + headers + "idempotent = false\n")
    assert "hunter2" not in loading(tmp_path, AGENT + STATUS + headers.replace("Auth", "The Auth"))
