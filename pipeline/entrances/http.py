"""HTTP beside the calls: metrics and health."""

import socket
from collections.abc import Callable, Generator
from contextlib import contextmanager

import anyio
import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from pipeline.core.errors import EntranceError


def app(registry: CollectorRegistry, ready: Callable[[], bool]) -> Starlette:
    """Return the application: ``/metrics``, ``/livez`` (the process runs) and ``/readyz`` (it takes calls)."""

    async def metrics(_request: Request) -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    async def livez(_request: Request) -> Response:
        return PlainTextResponse("alive\n")

    async def readyz(_request: Request) -> Response:
        return PlainTextResponse("ready\n") if ready() else PlainTextResponse("not ready\n", status_code=503)

    return Starlette(routes=[Route("/metrics", metrics), Route("/livez", livez), Route("/readyz", readyz)])


class HttpServer(uvicorn.Server):
    """uvicorn inside our own loop, on a socket of our own; signals are the service's business."""

    def __init__(self, application: Starlette, address: str, setting: str = "server.http") -> None:
        """Open HOST:PORT, which ``setting`` says; port 0 takes a free one. Raises EntranceError ``cannot-listen``."""
        super().__init__(uvicorn.Config(application, log_level="warning", access_log=False, lifespan="off"))
        host, _, port = address.rpartition(":")
        try:
            self._socket = socket.create_server((host, int(port)), reuse_port=False)
        except (OSError, ValueError) as error:
            raise EntranceError(
                "cannot-listen", f"{setting}: cannot listen on {address!r}: {error}", field=setting
            ) from error
        self.address = f"{host}:{self._socket.getsockname()[1]}"
        """Where the server can be reached."""

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Leave the signals alone."""
        yield

    async def serve_until_cancelled(self) -> None:
        """Answer requests; cancelling closes the port."""
        try:
            await self.serve([self._socket])
        finally:
            with anyio.CancelScope(shield=True):
                if self.started:
                    await self.shutdown([self._socket])
            self._socket.close()
