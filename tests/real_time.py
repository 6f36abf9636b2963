"""The event loop of tests on the real clock."""

import asyncio
from collections.abc import Callable, Mapping
from contextvars import Context
from typing import Any, TypeVarTuple

Ts = TypeVarTuple("Ts")


class RealTimeLoop(asyncio.SelectorEventLoop):
    """Drops what gRPC brings to it after it was closed.

    grpc.aio has one completion queue for all loops of a process (grpc#25364). The last events of a test's calls may
    come when its loop is gone; the queue hands them on from the next test's loop, and the error would fail that test.
    The service has one loop in its life and is not concerned.
    """

    def call_soon_threadsafe(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        if self.is_closed():
            return asyncio.Handle(callback, args, self, context)
        return super().call_soon_threadsafe(callback, *args, context=context)


REAL_TIME: tuple[str, Mapping[str, Any]] = ("asyncio", {"loop_factory": RealTimeLoop})
"""The value of the ``anyio_backend`` fixture on the real clock."""
