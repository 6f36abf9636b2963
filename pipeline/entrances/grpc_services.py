"""The services of the contract. Every refusal is a status with details."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

from grpc.aio import InternalError
from grpc_status.rpc_status import to_status

from pipeline.core.errors import PipelineError
from pipeline.entrances.generated.voicepipe.v1 import (
    catalog_pb2,
    catalog_pb2_grpc,
    conversation_pb2,
    conversation_pb2_grpc,
    media_pb2,
    media_pb2_grpc,
)
from pipeline.entrances.grpc_stream import Context, GrpcStream
from pipeline.entrances.reception import Ground, Reception
from pipeline.entrances.statuses import INTERNAL, status_of
from pipeline.entrances.uploads import upload
from pipeline.entrances.wire_catalog import write_agents
from pipeline.entrances.wire_records import read_feedback, read_id, write_conversation
from pipeline.observe import Log, logger

Answer = TypeVar("Answer")


class Conversations(conversation_pb2_grpc.ConversationServiceServicer):
    """Calls."""

    def __init__(self, ground: Ground) -> None:
        """Take what calls stand on."""
        self._ground = ground
        self._reception = Reception(ground, "grpc")
        self._log = logger("grpc")

    async def Converse(  # type: ignore[override]  # noqa: N802, D102
        self, request_iterator: AsyncIterator[conversation_pb2.ConverseRequest], context: Context
    ) -> None:
        status = await self._reception.converse(GrpcStream(context, self._ground.clock))
        if status.code:
            with suppress(InternalError):  # the client is gone
                await context.abort_with_status(to_status(status))

    async def GetConversation(  # noqa: N802, D102
        self,
        request: conversation_pb2.GetConversationRequest,
        context: Context,
    ) -> conversation_pb2.GetConversationResponse:
        async def tell() -> conversation_pb2.GetConversationResponse:
            conversation = read_id(request.conversation_id)
            found = await self._ground.switchboard.conversation(conversation)
            return write_conversation(found, waits=self._ground.live.waits(conversation))

        return await answered(context, self._log, tell)

    async def SubmitFeedback(  # noqa: N802, D102
        self,
        request: conversation_pb2.SubmitFeedbackRequest,
        context: Context,
    ) -> conversation_pb2.SubmitFeedbackResponse:
        async def take() -> conversation_pb2.SubmitFeedbackResponse:
            kept = await self._ground.switchboard.take_feedback(read_feedback(request))
            return conversation_pb2.SubmitFeedbackResponse(feedback_id=kept)

        return await answered(context, self._log, take)


async def answered(context: Context, log: Log, work: Callable[[], Awaitable[Answer]]) -> Answer:
    """Return the answer to a single question; whatever goes wrong is the status."""
    try:
        return await work()
    except PipelineError as error:
        status = status_of(error)
    except Exception:
        log.exception("entrance broke")
        status = INTERNAL
    return await context.abort_with_status(to_status(status))


class Media(media_pb2_grpc.MediaServiceServicer):
    """Pictures."""

    def __init__(self, ground: Ground) -> None:
        """Take what calls stand on."""
        self._ground = ground
        self._log = logger("grpc")

    async def UploadMedia(  # noqa: N802, D102
        self, request_iterator: AsyncIterator[media_pb2.UploadMediaRequest], context: Context
    ) -> media_pb2.UploadMediaResponse:
        async def take() -> media_pb2.UploadMediaResponse:
            try:
                return await upload(context, self._ground.switchboard, self._ground.image_bytes)
            except PipelineError as error:
                self._ground.metrics.pictures.refused.labels(error.code).inc()
                raise

        return await answered(context, self._log, take)


class Catalog(catalog_pb2_grpc.CatalogServiceServicer):
    """What this server offers."""

    def __init__(self, ground: Ground) -> None:
        """Take what calls stand on."""
        self._ground = ground

    async def ListAgents(  # noqa: N802, D102
        self,
        request: catalog_pb2.ListAgentsRequest,
        context: Context,
    ) -> catalog_pb2.ListAgentsResponse:
        return write_agents(self._ground)
