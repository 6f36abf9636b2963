"""Toolbox: the tools of one agent, checked and ready to be run."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Self

import anyio
import httpx

from pipeline.core.errors import ToolError
from pipeline.core.stages import ToolSpec, ToolUse
from pipeline.dialog.knowledge.clean import one_line
from pipeline.dialog.tools import endpoint
from pipeline.dialog.tools.declared import DOUBT, PLACEHOLDER, DeclaredTool
from pipeline.dialog.tools.function import Function, named
from pipeline.dialog.tools.results import shown, written
from pipeline.dialog.tools.schema import Schema
from pipeline.settings import SettingsError

MOST_ASKED = 80
"""Characters of an argument that a question names."""

Work = Callable[[Mapping[str, Any]], Awaitable[Any]]
Translations = Mapping[str, Sequence[DeclaredTool]]
"""The same tools in the words of the agent's other languages, by tag."""
_NONE: Translations = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Wording:
    """What is said around a tool in one language. Empty: nothing."""

    filler: str = ""
    confirm: str = ""
    says: str = ""


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool that can be run. Holds no call's state, unless ``work`` does."""

    spec: ToolSpec
    work: Work
    """Runs it with arguments that were checked; returns a text, or what JSON can say. Raises ToolError."""
    filler: str = ""
    """Said while it runs; empty: nothing of its own."""
    confirm: str = ""
    """The question before it is run, with ``{argument}`` placeholders; empty: none."""
    says: str = ""
    """Said when it has run, in place of what the model would make of its result; empty: the model goes on."""
    timeout: float = 5.0
    """Seconds for a run."""
    result_characters: int = 1000
    """Of its result that the model is shown."""
    doubt: str = DOUBT
    """Said of a run that was given up; empty for a tool that changes nothing."""
    others: Mapping[str, Wording] = field(default_factory=dict)
    """What is said around it in other languages than the agent's first, by tag."""

    def worded(self, language: str) -> Wording:
        """Return what is said around it in a language: as in the agent's first where there is nothing for it."""
        return self.others.get(language) or Wording(self.filler, self.confirm, self.says)

    def question(self, arguments: Mapping[str, Any], language: str = "") -> str:
        """Return what the caller must say yes to before it is run with these arguments; empty: nothing."""
        confirm = self.worded(language).confirm
        return PLACEHOLDER.sub(lambda match: one_line(written(arguments.get(match[1], "")))[:MOST_ASKED], confirm)

    async def run(self, arguments: Mapping[str, Any]) -> str:
        """Return the result as the model reads it: one line, bounded, cleaned, and marked as data.

        ``arguments`` as ``Toolbox.checked`` gave them. Cancelling ends a request and an async function; a function in
        a thread goes on by itself and its result is dropped. Raises ToolError: ``tool-timeout``, ``tool-unreachable``,
        ``tool-refused``, ``tool-failed``, ``tool-garbage``, ``tool-busy``. Its message may be given to the model.
        """
        try:
            with anyio.fail_after(self.timeout):
                result = await self.work(arguments)
        except TimeoutError as error:
            what = f"{self.spec.name} gave no answer within {self.timeout:g} s{self.doubt}"
            raise ToolError("tool-timeout", what, retryable=True) from error
        return shown(self.spec.name, result, self.result_characters)


class Toolbox:
    """Tools by name, in the order in which they were given. One agent's, for all its calls."""

    def __init__(self, tools: Iterable[Tool] = (), client: httpx.AsyncClient | None = None) -> None:
        """Take tools of any making.

        ``client`` is closed with it. Raises SettingsError ``wrong-tool`` for two of one name and for a schema that is
        none.
        """
        self._client = client
        self._tools: dict[str, Tool] = {}
        self._schemas: dict[str, Schema] = {}
        self._take(tools)

    def with_more(self, tools: Iterable[Tool]) -> "Toolbox":
        """Return a toolbox with these behind those of this one, whose schemas are not checked again: 2 ms each.

        Raises SettingsError as the constructor does.
        """
        more = Toolbox()
        more._tools, more._schemas = dict(self._tools), dict(self._schemas)
        more._take(tools)
        return more

    def _take(self, tools: Iterable[Tool]) -> None:
        for tool in tools:
            name = tool.spec.name
            if name in self._tools:
                raise SettingsError("wrong-tool", f"tools.{name}: there are two of this name")
            try:
                self._schemas[name] = Schema(tool.spec.parameters)
            except ValueError as error:
                raise SettingsError("wrong-tool", f"tools.{name}.parameters: {error}") from error
            self._tools[name] = tool

    @classmethod
    def open(
        cls, declared: Sequence[DeclaredTool], names: Mapping[str, str], translations: Translations = _NONE
    ) -> Self:
        """Return what an agent's file declares, with ``${NAME}`` in headers taken from ``names``.

        Connects to nothing yet. Imports the functions, which may block. Raises SettingsError ``wrong-tool`` naming the
        tool and the key: a name that ``names`` lacks, an entry point that does not exist or cannot be imported.
        """
        client = endpoint.opened() if any(tool.url for tool in declared) else None
        tools = []
        for at, tool in enumerate(declared):
            others = {tag: Wording(same[at].filler, same[at].question) for tag, same in translations.items()}
            tools.append(replace(_opened(tool, client, names), others=others))
        return cls(tools, client)

    @property
    def tools(self) -> tuple[Tool, ...]:
        """Return all of them."""
        return tuple(self._tools.values())

    @property
    def specs(self) -> tuple[ToolSpec, ...]:
        """Return what the model is told: the same each time, in the same order. For ``ChatOptions.tools``."""
        return tuple(tool.spec for tool in self._tools.values())

    def checked(self, use: ToolUse) -> tuple[Tool, dict[str, Any]]:
        """Return the tool that a model asks for and its arguments as the tool's schema wants them.

        Scalars of a wrong type are converted where nothing is lost ("3" and 3.0 are 3). Raises ToolError
        ``tool-unknown`` or ``tool-arguments`` with a message that the model can correct itself by.
        """
        tool = self._tools.get(use.name)
        if tool is None:
            known = ", ".join(self._tools) or "none"
            raise ToolError("tool-unknown", f"nothing was run: there is no such tool; there are: {known}")
        return tool, self._schemas[use.name].fitted(use.name, use.arguments)

    async def close(self) -> None:
        """Close the connections of an opened toolbox. Nothing may be running."""
        if self._client is not None:
            await self._client.aclose()


def _opened(declared: DeclaredTool, client: httpx.AsyncClient | None, names: Mapping[str, str]) -> Tool:
    work: Work
    if client is not None and declared.url:
        work = endpoint.Endpoint(client, declared, names)
    else:
        work = Function(declared.name, named(declared.function, f"tools.{declared.name}.function"))
    return Tool(
        declared.spec,
        work,
        filler=declared.filler,
        confirm=declared.question,
        timeout=declared.timeout,
        result_characters=declared.result_characters,
        doubt=declared.doubt,
    )
