"""The life of the process: listen, load and warm the models, take calls, drain on SIGTERM."""

import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib import metadata

import anyio
from anyio.abc import ObjectReceiveStream, TaskGroup

from pipeline import sight
from pipeline.answering import Answering, read_agents, read_keys
from pipeline.archive import Archive
from pipeline.assemble import Assembly
from pipeline.calls import Calls
from pipeline.core.clock import Calendar, Clock, LoopClock
from pipeline.entrances.grpc_server import GrpcServer
from pipeline.entrances.hosting import Hosting
from pipeline.entrances.http import HttpServer, app
from pipeline.entrances.live_calls import LiveCalls
from pipeline.entrances.reception import Ground
from pipeline.models.store import Store
from pipeline.observe import Metrics, logger
from pipeline.settings import Settings
from pipeline.store.expiry import expire_often
from pipeline.store.records import Records
from pipeline.vision.stage import Vision


@dataclass(frozen=True, slots=True)
class Listening:
    """Where the service can be reached, each as HOST:PORT."""

    grpc: str
    http: str
    """Empty when there is no HTTP port."""
    web: str = ""
    """Empty when browsers cannot call."""


Announce = Callable[[Listening | None], None]
"""Is told where the service listens, and then, with None, that it takes calls."""


async def serve(settings: Settings, store: Store, secrets: Mapping[str, str], *, announce: Announce) -> None:
    """Serve until SIGTERM or SIGINT, then drain; a second signal cuts the drain short.

    SIGHUP reads the agents anew, except on a terminal: there it says that the terminal was closed, and counts as
    SIGTERM. Raises PipelineError when the service cannot start.
    """
    stop, hurry = anyio.Event(), anyio.Event()
    changed, changes = anyio.create_memory_object_stream[None](1)
    kinds = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    with anyio.open_signal_receiver(*kinds) as signals, changed, changes:
        async with anyio.create_task_group() as tasks:

            async def watch() -> None:
                async for number in signals:
                    logger("serve").info("signal", name=signal.Signals(number).name)
                    if number != signal.SIGHUP or sys.stdin.isatty():
                        (hurry if stop.is_set() else stop).set()
                    else:
                        with suppress(anyio.WouldBlock):  # one is waiting, and will read what is there then
                            changed.send_nowait(None)

            tasks.start_soon(watch)
            await run(settings, store, secrets, announce=announce, stop=stop, hurry=hurry, changes=changes)
            tasks.cancel_scope.cancel()


async def run(
    settings: Settings,
    store: Store,
    secrets: Mapping[str, str],
    *,
    announce: Announce,
    stop: anyio.Event,
    hurry: anyio.Event | None = None,
    changes: ObjectReceiveStream[None] | None = None,
) -> None:
    """Serve until ``stop``, then drain until ``hurry``; read the agents anew for each of ``changes``.

    Raises PipelineError when the service cannot start.
    """
    log, clock, metrics = logger("serve"), LoopClock(), Metrics()
    found = read_agents(settings)
    vision = await sight.opened(settings)
    records = await _records(settings, metrics)
    calls = Calls(settings, found, metrics, clock, Archive(records, Calendar(), read_keys(settings)), vision)
    ground = _ground(settings, calls, metrics, clock)
    server = GrpcServer(ground)
    try:
        await server.start()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ground.hosting.run)
            tasks.start_soon(metrics.probe_loop, clock)
            if records is not None:
                tasks.start_soon(records.run)
                tasks.start_soon(expire_often, records, settings.records, Calendar())
            http, web = _http(settings, ground, tasks), _web(settings, ground, tasks)
            listening = Listening(_address(settings, server), http, web)
            log.info("listening", grpc=listening.grpc, http=listening.http, web=listening.web)
            announce(listening)
            assembly = Assembly(settings, store, metrics, clock, secrets)
            answering = Answering(settings, assembly, calls, tasks, lambda: not len(server.live))
            await answering.open(found)
            if changes is not None:
                tasks.start_soon(answering.follow, changes)
            await server.set_serving()
            log.info("ready", agents=sorted(calls.answering))
            announce(None)
            await stop.wait()
            log.info("draining", calls=len(server.live), seconds=settings.server.drain)
            await _drain(server, settings.server.drain, hurry)
            tasks.cancel_scope.cancel()
    finally:
        with anyio.CancelScope(shield=True):
            await server.stop()
            await _close(vision, records)
    log.info("stopped")


async def _close(vision: Vision | None, records: Records | None) -> None:
    if vision is not None:
        await vision.close()
    if records is not None:
        await records.close()


async def _records(settings: Settings, metrics: Metrics) -> Records | None:
    """Return the open records, None where none are to be kept. Raises RecordsError."""
    file = settings.records.file
    if not settings.records.enabled or file is None:
        logger("serve").info("no records are kept")
        return None
    records = Records(file, settings.records, metrics.records, Calendar())
    await records.open()
    return records


def _ground(settings: Settings, calls: Calls, metrics: Metrics, clock: Clock) -> Ground:
    live = LiveCalls(settings.server.max_calls, settings.resume.most)
    return Ground(
        switchboard=calls,
        live=live,
        hosting=Hosting(live),
        server=settings.server,
        resume=settings.resume,
        channels=settings.channels,
        max_duration=settings.call.max_duration,
        image_bytes=calls.image_bytes,
        metrics=metrics,
        clock=clock,
        version=metadata.version("voicepipe"),
    )


def _address(settings: Settings, server: GrpcServer) -> str:
    return f"{settings.server.grpc.rpartition(':')[0]}:{server.port}"


async def _drain(server: GrpcServer, seconds: float, hurry: anyio.Event | None) -> None:
    """Let the calls end, until ``hurry``; return once none is left, and all clients know."""
    async with anyio.create_task_group() as drain:
        if hurry is not None:
            drain.start_soon(_cancel_on, hurry, drain.cancel_scope)
        await server.drain(seconds)
        drain.cancel_scope.cancel()
    await server.stop()  # while the calls still have the tasks that they run in


def _http(settings: Settings, ground: Ground, tasks: TaskGroup) -> str:
    """Open the port of metrics and health and return where it is, "" for none. Raises EntranceError."""
    if not settings.server.http:
        return ""
    server = HttpServer(app(ground.metrics.registry, lambda: ground.live.admits), settings.server.http)
    tasks.start_soon(server.serve_until_cancelled)
    return server.address


def _web(settings: Settings, ground: Ground, tasks: TaskGroup) -> str:
    """Open the browsers' entrance and return where it is, "" for none. Raises EntranceError."""
    if not settings.server.web:
        return ""
    from pipeline.entrances.webrtc.calls import RtcCalls  # aiortc takes 0.3 s to import
    from pipeline.entrances.webrtc.web import web_app

    calls = RtcCalls(ground, settings.rtc)
    server = HttpServer(web_app(calls, ground, settings.rtc), settings.server.web, "server.web")
    tasks.start_soon(calls.run)
    tasks.start_soon(server.serve_until_cancelled)
    return server.address


async def _cancel_on(event: anyio.Event, scope: anyio.CancelScope) -> None:
    await event.wait()
    scope.cancel()
