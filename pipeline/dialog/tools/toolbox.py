"""Toolbox: the tools of one agent, checked and ready to be run."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from pipeline.core.stages import ToolSpec, ToolUse
from pipeline.dialog.tools.declared import DeclaredTool

Work = Callable[[Mapping[str, Any]], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool that can be run. Holds no call's state, unless ``work`` does."""

    spec: ToolSpec
    work: Work
    """Runs it with arguments that were checked; returns text for the model. Raises ToolError."""
    filler: str = ""
    """Said while it runs; empty: nothing of its own."""
    confirm: str = ""
    """The question before it is run, with ``{argument}`` placeholders; empty: none."""

    def question(self, arguments: Mapping[str, Any]) -> str:
        """Return what the caller must say yes to before it is run with these arguments; empty: nothing."""
        raise NotImplementedError

    async def run(self, arguments: Mapping[str, Any]) -> str:
        """Return the result as the model reads it: bounded, cleaned, and marked as data.

        ``arguments`` as ``Toolbox.checked`` gave them. Cancelling ends a request and an async function; a function in
        a thread goes on by itself and its result is dropped. Raises ToolError: ``tool-timeout``, ``tool-unreachable``,
        ``tool-refused``, ``tool-failed``, ``tool-garbage``, ``tool-busy``. Its message may be given to the model.
        """
        raise NotImplementedError


class Toolbox:
    """Tools by name, in the order in which they were given. One agent's, for all its calls."""

    def __init__(self, tools: Iterable[Tool] = ()) -> None:
        """Take tools of any making: ``Toolbox([*shop.tools, *call_control])`` is another toolbox.

        Raises SettingsError ``wrong-tool`` for two of one name and for a schema that is none.
        """
        raise NotImplementedError

    @classmethod
    def open(cls, declared: Sequence[DeclaredTool], names: Mapping[str, str]) -> Self:
        """Return what an agent's file declares, with ``${NAME}`` in headers taken from ``names``.

        Connects to nothing yet. Imports the functions. Raises SettingsError ``wrong-tool`` naming the tool and the key:
        a name that ``names`` lacks, an entry point that does not exist or cannot be imported.
        """
        raise NotImplementedError

    @property
    def tools(self) -> tuple[Tool, ...]:
        """Return all of them."""
        raise NotImplementedError

    @property
    def specs(self) -> tuple[ToolSpec, ...]:
        """Return what the model is told: the same each time, in the same order. For ``ChatOptions.tools``."""
        raise NotImplementedError

    def checked(self, use: ToolUse) -> tuple[Tool, dict[str, Any]]:
        """Return the tool that a model asks for and its arguments as the tool's schema wants them.

        Scalars of a wrong type are converted where nothing is lost ("3" and 3.0 are 3). Raises ToolError
        ``tool-unknown`` or ``tool-arguments`` with a message that the model can correct itself by.
        """
        raise NotImplementedError

    async def close(self) -> None:
        """Close the connections of an opened toolbox. Nothing may be running."""
        raise NotImplementedError
