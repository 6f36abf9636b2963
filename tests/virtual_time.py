"""An event loop whose clock jumps to the next timer, so that a call of minutes is tested in milliseconds.

Everything that waits must wait on this loop: a worker thread would take no virtual time at all, so none may run.
"""

import asyncio
import selectors
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import anyio

T = TypeVar("T")


class _JumpingSelector(selectors.DefaultSelector):
    """Lets the loop's clock run ahead instead of waiting."""

    jumped = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or timeout is None or timeout <= 0:
            if not ready and timeout is None:
                raise RuntimeError("deadlock: every task waits and no timer runs")
            return ready
        self.jumped += timeout
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """Begins at 1000 s, so that an instant is not mistaken for a duration."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return 1000.0 + self._jumping.jumped


Backend = tuple[str, Mapping[str, Any]]

VIRTUAL_TIME: Backend = ("asyncio", {"loop_factory": VirtualTimeLoop})
"""The value of an ``anyio_backend`` fixture on virtual time."""


async def pass_time(seconds: float) -> None:
    """Let virtual time pass; fails where it would be real."""
    assert isinstance(asyncio.get_running_loop(), VirtualTimeLoop), "this test would wait in real time"
    await anyio.sleep(seconds)


def run_virtually(call: Callable[[], Awaitable[T]]) -> T:
    """Run ``call`` on a virtual-time loop of its own and return its result; a task that it leaves behind fails."""

    async def alone() -> T:
        before = asyncio.all_tasks()
        result = await call()
        left = asyncio.all_tasks() - before
        assert not left, f"left behind: {left}"
        return result

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(alone())
