"""Functions: tools that are Python, installed beside the service and found by their entry points."""

import inspect
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib.metadata import entry_points
from typing import Any

import anyio
from anyio import from_thread
from anyio.lowlevel import current_token

from pipeline.core.errors import ToolError
from pipeline.dialog.knowledge.clean import one_line
from pipeline.dialog.tools.results import MOST_MESSAGE
from pipeline.settings import SettingsError

GROUP = "voicepipe.tools"
MOST_THREADS = 8
"""Of one function at work, those that nobody waits for any more among them."""


def named(name: str, where: str) -> Callable[..., Any]:
    """Return the function of an entry point, imported. Raises SettingsError that begins with ``where``."""
    found = entry_points(group=GROUP)
    if name not in found.names:
        there = ", ".join(sorted(found.names)) or "none"
        raise SettingsError("wrong-tool", f"{where}: no entry point {name!r} in {GROUP}; there are: {there}")
    try:
        function = found[name].load()
    except Exception as error:
        raise SettingsError("wrong-tool", f"{where}: {name} cannot be imported: {type(error).__name__}") from error
    if not callable(function):
        raise SettingsError("wrong-tool", f"{where}: {name} is no function")
    return function  # type: ignore[no-any-return]


class Function:
    """Runs a function with a tool's arguments by name.

    An async one runs in the event loop, which it must not block, and is cancelled with its run. Any other has a thread
    of its own. A thread cannot be stopped: when its run is over before it, it goes on unheard, and so many of them
    at most that the next runs are refused.
    """

    def __init__(self, tool: str, function: Callable[..., Any]) -> None:
        """Run ``function`` as ``tool``."""
        self._tool = tool
        self._function = function
        self._free = threading.BoundedSemaphore(MOST_THREADS)

    async def __call__(self, arguments: Mapping[str, Any]) -> Any:
        """Return what the function returns.

        Raises ToolError: ``tool-failed``, ``tool-busy``, or the one that the function raises, whose message the model
        is told.
        """
        try:
            if inspect.iscoroutinefunction(self._function):
                return await self._function(**arguments)
            return await self._in_thread(arguments)
        except ToolError as error:
            raise ToolError(error.code, one_line(str(error))[:MOST_MESSAGE], retryable=error.retryable) from error
        except Exception as error:
            raise ToolError("tool-failed", f"{self._tool} failed") from error

    async def _in_thread(self, arguments: Mapping[str, Any]) -> Any:
        if not self._free.acquire(blocking=False):
            raise ToolError("tool-busy", f"{self._tool} is busy", retryable=True)
        results: list[Any] = []
        failures: list[BaseException] = []
        over, loop = anyio.Event(), current_token()

        def run() -> None:
            try:
                results.append(self._function(**arguments))
            except BaseException as error:  # noqa: BLE001  it goes to whoever waits
                failures.append(error)
            finally:
                self._free.release()
                with suppress(RuntimeError):  # the loop is closed, and nobody waits
                    from_thread.run_sync(over.set, token=loop)

        # Not one of anyio's: the process would wait at its end for one that hangs.
        threading.Thread(target=run, name=f"tool-{self._tool}", daemon=True).start()
        await over.wait()
        if failures and isinstance(failures[0], ToolError):
            raise failures[0]
        if failures:
            raise ToolError("tool-failed", f"{self._tool} failed") from failures[0]
        return results[0]
