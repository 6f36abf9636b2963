"""GrpcServer: listens, says honestly whether it is ready, and drains."""

import anyio
from grpc.aio import Server as AioServer
from grpc.aio import server as aio_server
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import aio as health_aio
from grpc_reflection.v1alpha import reflection

from pipeline.core.errors import EntranceError
from pipeline.entrances.generated.voicepipe.v1 import catalog_pb2, conversation_pb2, media_pb2
from pipeline.entrances.generated.voicepipe.v1.catalog_pb2_grpc import add_CatalogServiceServicer_to_server
from pipeline.entrances.generated.voicepipe.v1.conversation_pb2_grpc import add_ConversationServiceServicer_to_server
from pipeline.entrances.generated.voicepipe.v1.media_pb2_grpc import add_MediaServiceServicer_to_server
from pipeline.entrances.grpc_services import Catalog, Conversations, Media
from pipeline.entrances.reception import Ground
from pipeline.entrances.wire_terms import MESSAGE_BYTES
from pipeline.settings import Server

CONVERSATION = conversation_pb2.DESCRIPTOR.services_by_name["ConversationService"].full_name
MEDIA = media_pb2.DESCRIPTOR.services_by_name["MediaService"].full_name
CATALOG = catalog_pb2.DESCRIPTOR.services_by_name["CatalogService"].full_name
WHOLE = ""
"""Health's name for the server as a whole."""

SPARE_RPCS = 64
"""RPCs beside calls that are served at once: health watches, lists, and refusals with a reason."""
CLOSING = 1.0
"""Seconds that the last statuses have to leave when the server stops."""


def options(limits: Server) -> list[tuple[str, int]]:
    """Return the channel arguments."""
    return [
        # A dead line behind a NAT is noticed within 40 s; the default is two hours.
        ("grpc.keepalive_time_ms", 30_000),
        ("grpc.keepalive_timeout_ms", 10_000),
        ("grpc.keepalive_permit_without_calls", 1),
        # Clients may ping every 10 s, also while nothing flows; by default they are sent away for it.
        ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
        ("grpc.http2.max_pings_without_data", 0),
        ("grpc.max_receive_message_length", MESSAGE_BYTES),
        ("grpc.max_metadata_size", 16 * 1024),
        ("grpc.max_concurrent_streams", limits.max_calls + SPARE_RPCS),
        # Connections that say nothing cost 13 KB each; the default lets them stay for two minutes.
        ("grpc.server_handshake_timeout_ms", 3_000),
        # With it a second process would silently share the port.
        ("grpc.so_reuseport", 0),
    ]


class GrpcServer:
    """The gRPC entrance of one process."""

    def __init__(self, ground: Ground) -> None:
        """Prepare to listen; must be called in the event loop. Nothing is open before ``start``."""
        self._ground = ground
        server = self._settings = ground.server
        self.live = ground.live
        """The calls that are going on."""
        self.port = 0
        """The port that is listened on, once started."""
        # Admission proper is LiveCalls; this is the backstop, which cannot say why or when to come back.
        rpcs = server.max_calls + SPARE_RPCS
        self._server: AioServer = aio_server(options=options(server), maximum_concurrent_rpcs=rpcs)
        self._health = health_aio.HealthServicer()
        add_ConversationServiceServicer_to_server(Conversations(ground), self._server)
        add_MediaServiceServicer_to_server(Media(ground), self._server)
        add_CatalogServiceServicer_to_server(Catalog(ground), self._server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        if server.reflection:
            names = (CONVERSATION, MEDIA, CATALOG, health_pb2.DESCRIPTOR.services_by_name["Health"].full_name)
            reflection.enable_server_reflection((*names, reflection.SERVICE_NAME), self._server)

    async def start(self) -> None:
        """Listen. Calls are refused with UNAVAILABLE until ``set_serving``.

        Raises EntranceError ``cannot-listen`` when the address is taken or malformed.
        """
        try:
            self.port = self._server.add_insecure_port(self._settings.grpc)
        except RuntimeError as error:
            raise EntranceError(
                "cannot-listen",
                f"server.grpc: cannot listen on {self._settings.grpc}: is another process using it?",
                field="server.grpc",
            ) from error
        for name in (WHOLE, CONVERSATION, MEDIA):
            await self._set(name, health_pb2.HealthCheckResponse.NOT_SERVING)
        await self._set(CATALOG, health_pb2.HealthCheckResponse.SERVING)
        await self._server.start()

    async def set_serving(self) -> None:
        """Take calls from now on: the engines are warm. MediaService stays NOT_SERVING where no pictures are taken."""
        self.live.open()
        for name in (WHOLE, CONVERSATION, *([MEDIA] if self._ground.image_bytes else [])):
            await self._set(name, health_pb2.HealthCheckResponse.SERVING)

    async def drain(self, grace: float) -> None:
        """Say NOT_SERVING, refuse new calls, let the live ones end within ``grace`` seconds, hang up on the rest."""
        await self._health.enter_graceful_shutdown()
        await self.live.drain(grace)

    async def stop(self) -> None:
        """Hang up and stop; what is still open in the end is broken off. Returns once no call is left."""
        self.live.hang_up()
        await self._server.stop(CLOSING)
        # gRPC cancels what is left, but does not wait for it: the process would end in the middle.
        with anyio.move_on_after(CLOSING):
            await self.live.wait_empty()

    async def _set(self, name: str, status: health_pb2.HealthCheckResponse.ServingStatus) -> None:
        await self._health.set(name, status)
