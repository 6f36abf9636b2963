"""Calls of tools in what a model writes: found while it is being written, so that none of them is spoken. Pure."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.core.stages import ToolSpec, ToolUse

UNREADABLE = ToolUse("", {})
"""In place of a call that cannot be read: no tool has this name, so the model is told that nothing was run."""
_MARK = re.compile(r"\{|\[\s*\{|<tool_call>|```")
_MARK_BEGUN = re.compile(r"(?:\[\s*|``?|<(?:t(?:o(?:o(?:l(?:_(?:c(?:a(?:ll?)?)?)?)?)?)?)?)?)\Z")
_BROKEN = re.compile(r'\{\s*(?:"|\Z)')
_DECODER = json.JSONDecoder()


class WrittenCalls:
    """Takes calls out of the text of one reply. Every cut of the same input gives the same text and calls.

    A model whose template knows no calls, or another form of them, writes them as text: a JSON object with a name and
    arguments, in a code block, between tags, in a list, or bare. From the first character that may begin one, all is
    held back until the reply is over.
    """

    def __init__(self, tools: Sequence[ToolSpec]) -> None:
        """Look for calls of these tools, and of such that a model makes up; for none, where there are no tools."""
        self._names = frozenset(tool.name for tool in tools)
        self._held = ""
        self._found = False

    def feed(self, delta: str) -> str:
        """Return the text that ``delta`` shows to be none of a call, to be appended."""
        if not self._names:
            return delta
        self._held += delta
        if self._found:
            return ""
        mark = _MARK.search(self._held)
        self._found = mark is not None
        mark = mark or _MARK_BEGUN.search(self._held)
        keep = len(self._held) if mark is None else mark.start()
        text, self._held = self._held[:keep], self._held[keep:]
        return text

    def flush(self) -> tuple[str, tuple[ToolUse, ...]]:
        """Return the rest of the text and the calls, each once; the reply is over.

        What stands around calls is no text. A call that was cut off is ``UNREADABLE``.
        """
        held, self._held = self._held, ""
        if not self._found:
            return held, ()
        values, rest = _values(held)
        uses = [use for value in values if (use := self._use(value)) is not None]
        if uses:
            return "", tuple(use for at, use in enumerate(uses) if use not in uses[:at])
        return ("", (UNREADABLE,)) if _BROKEN.search(rest) or "<tool_call>" in held else (held, ())

    def _use(self, value: Mapping[str, Any]) -> ToolUse | None:
        inner = value.get("function")
        call = inner if isinstance(inner, Mapping) else value
        name = call.get("name")
        arguments = call.get("arguments", call.get("parameters", {} if name in self._names else None))
        if isinstance(arguments, str):
            arguments = next(iter(_values(arguments)[0]), None)
        return ToolUse(name, arguments) if isinstance(name, str) and isinstance(arguments, Mapping) else None


class CallPieces:
    """Puts calls together that an engine gives in pieces, as the chat completions of OpenAI do."""

    def __init__(self) -> None:
        self._calls: dict[int, list[str]] = {}

    def feed(self, pieces: Sequence[Mapping[str, Any]]) -> None:
        """Take the ``tool_calls`` of one delta."""
        for piece in pieces:
            call = self._calls.setdefault(piece.get("index", 0), ["", ""])
            function = piece.get("function", {})
            call[0] += function.get("name") or ""
            call[1] += function.get("arguments") or ""

    def flush(self) -> tuple[ToolUse, ...]:
        """Return the calls in order; the reply is over. One whose arguments cannot be read is ``UNREADABLE``."""
        return tuple(_whole(name, arguments) for _, (name, arguments) in sorted(self._calls.items()))


def _whole(name: str, written: str) -> ToolUse:
    try:
        arguments = json.loads(written or "{}")
    except (ValueError, RecursionError):
        return UNREADABLE
    return ToolUse(name, arguments) if isinstance(arguments, dict) else UNREADABLE


def _values(text: str) -> tuple[list[dict[str, Any]], str]:
    """Return the JSON objects of a text, none that stands in another, and the text from where none can be read.

    What follows there may be a part of one, and is no call by itself.
    """
    values: list[dict[str, Any]] = []
    at = text.find("{")
    while at >= 0:
        try:
            value, end = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError):
            if text.startswith("{{", at):
                # The template in Qwen2.5-Coder's own file shows calls in doubled braces, and so it writes them.
                at += 1
                continue
            return values, text[at:]
        values.append(value)
        at = text.find("{", end)
    return values, ""
