"""Starts children while gRPC and numpy are as busy as in a service; prints how often each exit status came, as JSON.

Fails when numpy has not survived it.

``python -m tests.vision.busy CHILDREN``: a process of its own, for gRPC minds which event loop it met first.
"""

import json
import sys
from collections import Counter
from threading import Thread

import anyio
import anyio.lowlevel
import grpc.aio
import numpy as np
import uvloop
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import aio

from pipeline.vision import children

AT_ONCE = 2


class Products:
    """Multiplies matrices in a thread, as whisper's features are made, for ever."""

    def __init__(self) -> None:
        self.made = 0
        self._left = np.ones((80, 201), dtype=np.float32)
        self._right = np.ones((201, 3000), dtype=np.float32)
        Thread(target=self._make, daemon=True).start()

    async def goes_on(self) -> None:
        """Wait for one more. Raises TimeoutError."""
        before = self.made
        with anyio.fail_after(30):
            while self.made == before:
                await anyio.lowlevel.checkpoint()

    def _make(self) -> None:
        while True:
            self._left @ self._right
            self.made += 1


async def main(wanted: int) -> None:
    """Do it."""
    statuses: Counter[int] = Counter()
    products = [Products(), Products()]
    server = grpc.aio.server()
    health_pb2_grpc.add_HealthServicer_to_server(aio.HealthServicer(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()

    async def talk() -> None:
        while True:
            async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
                for _ in range(20):
                    await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())

    async def start() -> None:
        for _ in range(wanted // AT_ONCE):
            async with await children.started("scrub", 1600, 1_000_000) as child:
                await child.pipe.send_eof()
                statuses[await child.status()] += 1

    async with anyio.create_task_group() as talking:
        for _ in range(3):
            talking.start_soon(talk)
        async with anyio.create_task_group() as starting:
            for _ in range(AT_ONCE):
                starting.start_soon(start)
        talking.cancel_scope.cancel()
    await server.stop(None)
    for one in products:
        await one.goes_on()
    sys.stdout.write(json.dumps(statuses))


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
