"""The life of the process: listen, load and warm the models, take calls, drain on SIGTERM."""

import signal
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata

import anyio

from pipeline.assemble import Assembly
from pipeline.calls import Calls
from pipeline.core.clock import LoopClock
from pipeline.dialog import agents
from pipeline.entrances.grpc_server import GrpcServer
from pipeline.entrances.http import HttpServer, app
from pipeline.models.store import Store
from pipeline.observe import Metrics, logger
from pipeline.settings import Settings, SettingsError


@dataclass(frozen=True, slots=True)
class Listening:
    """Where the service can be reached, each as HOST:PORT."""

    grpc: str
    http: str
    """Empty when there is no HTTP port."""


Announce = Callable[[Listening | None], None]
"""Is told where the service listens, and then, with None, that it takes calls."""


async def serve(settings: Settings, store: Store, *, announce: Announce) -> None:
    """Serve until SIGTERM or SIGINT, then drain; a second signal cuts the drain short.

    Raises PipelineError when the service cannot start.
    """
    stop, hurry = anyio.Event(), anyio.Event()
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async with anyio.create_task_group() as tasks:

            async def watch() -> None:
                async for number in signals:
                    logger("serve").info("signal", name=signal.Signals(number).name)
                    (hurry if stop.is_set() else stop).set()

            tasks.start_soon(watch)
            await run(settings, store, announce=announce, stop=stop, hurry=hurry)
            tasks.cancel_scope.cancel()


async def run(
    settings: Settings, store: Store, *, announce: Announce, stop: anyio.Event, hurry: anyio.Event | None = None
) -> None:
    """Serve until ``stop``, then drain until ``hurry``. Raises PipelineError when the service cannot start."""
    log, clock, metrics = logger("serve"), LoopClock(), Metrics()
    found = agents.load(settings.agents)
    if settings.agent not in found:
        raise SettingsError(
            "unknown-agent", f"agent: {settings.agents} has no {settings.agent}.toml; there are: {', '.join(found)}"
        )
    calls = Calls(settings, found, metrics, clock)
    server = GrpcServer(
        settings.server,
        settings.channels,
        calls,
        max_duration=settings.call.max_duration,
        metrics=metrics,
        clock=clock,
        version=metadata.version("voicepipe"),
    )
    await server.start()
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(metrics.probe_loop, clock)
            http = _http(settings, metrics, server)
            if http is not None:
                tasks.start_soon(http.serve_until_cancelled)
            host = settings.server.grpc.rpartition(":")[0]
            listening = Listening(f"{host}:{server.port}", http.address if http is not None else "")
            log.info("listening", grpc=listening.grpc, http=listening.http)
            announce(listening)
            calls.open(await Assembly(settings, store, metrics, clock).engines(found.values()))
            await server.set_serving()
            log.info("ready", agents=sorted(found))
            announce(None)
            await stop.wait()
            log.info("draining", calls=len(server.live), seconds=settings.server.drain)
            async with anyio.create_task_group() as drain:
                if hurry is not None:
                    drain.start_soon(_cancel_on, hurry, drain.cancel_scope)
                await server.drain(settings.server.drain)
                drain.cancel_scope.cancel()
            tasks.cancel_scope.cancel()
    finally:
        with anyio.CancelScope(shield=True):
            await server.stop()
    log.info("stopped")


def _http(settings: Settings, metrics: Metrics, server: GrpcServer) -> HttpServer | None:
    if not settings.server.http:
        return None
    return HttpServer(app(metrics.registry, lambda: server.live.admits), settings.server.http)


async def _cancel_on(event: anyio.Event, scope: anyio.CancelScope) -> None:
    await event.wait()
    scope.cancel()
