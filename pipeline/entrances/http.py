"""HTTP beside the calls: metrics and health."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route


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
    """uvicorn inside our own loop: signals are the service's business."""

    def __init__(self, application: Starlette, host: str, port: int) -> None:
        """Serve on ``host`` and ``port``; 0 takes a free one."""
        super().__init__(
            uvicorn.Config(application, host=host, port=port, log_level="warning", access_log=False, lifespan="off")
        )

    def capture_signals(self) -> AbstractContextManager[None]:
        """Leave the signals alone."""
        return nullcontext()

    @property
    def port(self) -> int:
        """Return the port in use once the server has started."""
        port: int = self.servers[0].sockets[0].getsockname()[1]
        return port
