import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.stages import ToolSpec, ToolUse
from pipeline.dialog.written_calls import UNREADABLE, CallPieces, WrittenCalls

TOOLS = [ToolSpec("order_status", "", {}), ToolSpec("hang_up", "", {})]
CALL = '{"name": "order_status", "arguments": {"order": "48213"}}'
USE = ToolUse("order_status", {"order": "48213"})


def read(*deltas: str) -> tuple[str, tuple[ToolUse, ...]]:
    calls = WrittenCalls(TOOLS)
    text = "".join(calls.feed(delta) for delta in deltas)
    rest, uses = calls.flush()
    return text + rest, uses


@pytest.mark.parametrize(
    "written",
    [
        CALL,
        f"\n {CALL}\n",
        f"```json\n{CALL}\n```",
        f"```\n{json.dumps(json.loads(CALL), indent=2)}\n```",
        f"<tool_call>\n{CALL}\n</tool_call>",
        f"[{CALL}]",
        f"{{{CALL}}}",
        f"{CALL}\n{CALL}",
        f"{CALL} I will tell you when I know.",
        '{"name": "order_status", "parameters": {"order": "48213"}}',
        '{"name": "order_status", "arguments": "{\\"order\\": \\"48213\\"}"}',
        '{"type": "function", "function": {"name": "order_status", "arguments": {"order": "48213"}}}',
    ],
)
def test_a_call_is_found_in_each_form_that_models_write(written: str) -> None:
    text, uses = read(written)
    assert (text.strip(), uses) == ("", (USE,))


def test_words_before_a_call_are_text() -> None:
    assert read(f"Let me look. {CALL}") == ("Let me look. ", (USE,))


def test_several_calls_keep_their_order() -> None:
    assert read(f'{CALL}\n{{"name": "hang_up"}}') == ("", (USE, ToolUse("hang_up", {})))


def test_a_call_of_a_tool_that_a_model_makes_up_is_one() -> None:
    assert read('{"name": "refund", "arguments": {}}') == ("", (ToolUse("refund", {}),))


@pytest.mark.parametrize(
    "written",
    [
        CALL[:-1],
        CALL[:-2],
        CALL[:30],
        CALL[:5],
        "{",
        "Let me see. {",
        f"```json\n{CALL[:40]}",
        '{"answer": "Nine."} {"name": "order_st',
        "<tool_call>",
        "<tool_call>\norder_status(48213)\n</tool_call>",
    ],
)
def test_a_call_that_is_cut_off_is_unreadable_and_never_text(written: str) -> None:
    text, uses = read(written)
    assert uses == (UNREADABLE,)
    assert text in {"", "Let me see. "}


@pytest.mark.parametrize(
    "written",
    [
        "We open at nine.",
        "",
        "Dear {name}, welcome.",
        '{"answer": "We open at nine."}',
        '{"name": "Anna"}',
        "```python\nprint()\n```",
        "It is 3 < 4, and <b>bold</b> [1] `x`.",
        "An end like <tool",
        "[ 1, 2 ]",
    ],
)
def test_what_is_no_call_is_text(written: str) -> None:
    assert read(written) == (written, ())


def test_without_tools_nothing_is_held_back() -> None:
    calls = WrittenCalls([])
    assert (calls.feed(CALL), calls.flush()) == (CALL, ("", ()))


def test_plain_words_are_given_on_at_once() -> None:
    assert WrittenCalls(TOOLS).feed("We open at ni") == "We open at ni"


WRITTEN = st.lists(
    st.sampled_from(
        [CALL, "We open. ", "```", "json\n", "<tool_call>", "<tool", "{", "}", "[", " ", '"name"', "\n", "`"]
    )
).map("".join)


@given(WRITTEN, st.data())
def test_every_cut_gives_the_same(written: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(written)), max_size=6)))
    places = [0, *cuts, len(written)]
    assert read(*(written[a:b] for a, b in pairwise(places))) == read(written)


@given(st.integers(0, len(CALL)))
def test_no_part_of_a_call_is_ever_text(end: int) -> None:
    calls = WrittenCalls(TOOLS)
    assert "".join(calls.feed(letter) for letter in CALL[:end]) == ""


def test_nesting_without_end_is_unreadable() -> None:
    assert read('{"name":' * 100_000) == ("", (UNREADABLE,))


def piece(index: int, name: str | None = None, arguments: str | None = None) -> dict[str, Any]:
    return {"index": index, "function": {"name": name, "arguments": arguments}}


def test_pieces_become_calls_in_order() -> None:
    pieces = CallPieces()
    pieces.feed([piece(0, "order_status", "")])
    pieces.feed([piece(0, None, '{"order":'), piece(1, "hang_up", "")])
    pieces.feed([{"index": 0, "function": {"arguments": ' "48213"}'}}])
    assert pieces.flush() == (USE, ToolUse("hang_up", {}))


@pytest.mark.parametrize("arguments", ['{"order": "4', "[]", "7", "null"])
def test_pieces_that_make_no_arguments_are_unreadable(arguments: str) -> None:
    pieces = CallPieces()
    pieces.feed([piece(0, "order_status", arguments)])
    assert pieces.flush() == (UNREADABLE,)
