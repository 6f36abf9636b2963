"""Errands: runs what a model asks for while it answers, once the answer is real."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import anyio

from pipeline.core.errors import DialogError, ToolError
from pipeline.core.stages import Message, ToolUse
from pipeline.dialog.desk import Confirmation, Desk
from pipeline.dialog.tools.grounded import unsaid
from pipeline.dialog.tools.toolbox import Tool
from pipeline.dialog.tools.yes_no import answer

ROUNDS = 4
"""So often a model may ask for tools in one reply."""
USES = 4
"""Tools that it may ask for at once; of more nothing good comes."""
UNSAID = "Answer without it, or ask the caller for the right one."
REFUSED = "The caller said no. Nothing was done."


@dataclass(frozen=True, slots=True)
class Returned:
    """What came of errands."""

    messages: tuple[Message, ...] = ()
    """What the model is to read before it goes on."""
    says: str = ""
    """Said in place of what the model would make of it; empty lets it go on."""


class Errands:
    """The errands of one reply."""

    def __init__(self, desk: Desk, said: Sequence[Message]) -> None:
        """Run nothing yet; ``said`` is the conversation that is being answered."""
        self._desk = desk
        self._said = said
        self._left = ROUNDS
        self.ran = False
        """Something was run, or tried: the answer is no answer for anybody else."""

    async def settle(self) -> Returned:
        """Do what waited for the caller's word, if the last message gives it; what it leaves open is forgotten."""
        agenda, pending = self._desk.agenda, self._desk.agenda.pending
        if pending is None:
            return Returned()
        agreed = (
            answer(self._said[-1].text, self._desk.language, pending.question)
            if pending.was_heard(self._said)
            else None
        )
        if agreed is None:
            self._desk.on_commit(agenda.forget_question)
            return Returned()
        await self._desk.committed()
        agenda.forget_question()
        self.ran = True
        use = ToolUse(pending.tool.spec.name, pending.arguments)
        result = await self._surely(pending.tool, pending.arguments) if agreed else REFUSED
        return _returned("", (use,), [result])

    async def run(self, uses: Sequence[ToolUse], text: str) -> Returned:
        """Run what the model asked for after it wrote ``text``. Raises DialogError when it asks again and again."""
        if not self._left:
            raise DialogError("tools-without-end", "the model asks for tools again and again")
        self._left -= 1
        self.ran = True
        await self._desk.committed()
        results = []
        for use in uses[:USES]:
            try:
                tool, arguments = self._checked(use)
            except ToolError as error:
                results.append(_failed(error))
                continue
            wording, question = tool.worded(self._desk.language), tool.question(arguments, self._desk.language)
            if question:
                self._desk.agenda.pending = Confirmation(tool, arguments, question)
                return Returned(says=question)
            if not text:
                await self._desk.aside(wording.filler)
            results.append(await _result(tool, arguments))
            if wording.says:
                return Returned(says="" if text else wording.says)
        return _returned(text, tuple(uses[:USES]), results)

    def _checked(self, use: ToolUse) -> tuple[Tool, Mapping[str, Any]]:
        """Return what is to be run with what. Raises ToolError, also for a number that nobody has said."""
        tool, arguments = self._desk.agenda.toolbox.checked(use)
        state = self._desk.agenda.state
        known = [message.text for message in self._said] + [*state.slots.values(), *state.parameters.values()]
        number = unsaid(arguments, known)
        if number:
            raise ToolError("tool-number-unsaid", f"nothing was run: nobody has said {number}. {UNSAID}")
        return tool, arguments

    async def _surely(self, tool: Tool, arguments: Mapping[str, Any]) -> str:
        """Run what changes something to its end, also when the reply is stopped meanwhile: half a deed is none."""
        await self._desk.aside(tool.worded(self._desk.language).filler)
        with anyio.CancelScope(shield=True):
            result = await _result(tool, arguments)
            self._desk.agenda.done(f"{tool.spec.name} {json.dumps(dict(arguments), ensure_ascii=False)}: {result}")
        return result


async def _result(tool: Tool, arguments: Mapping[str, Any]) -> str:
    try:
        return await tool.run(arguments)
    except ToolError as error:
        return _failed(error)


def _failed(error: ToolError) -> str:
    return f"It failed: {error}"


def _returned(text: str, uses: tuple[ToolUse, ...], results: Sequence[str]) -> Returned:
    answers = (Message("tool", result, tool=use.name) for use, result in zip(uses, results, strict=True))
    return Returned((Message("assistant", text, uses=uses), *answers))
