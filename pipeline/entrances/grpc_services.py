"""The services of the contract. Every refusal is a status with details; parts that come later say UNIMPLEMENTED."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TypeVar
from uuid import uuid4

import anyio
from google.protobuf.message import DecodeError
from google.rpc import status_pb2
from grpc.aio import EOF, InternalError
from grpc_status.rpc_status import to_status

from pipeline.core.clock import Clock
from pipeline.core.errors import EntranceError, PipelineError
from pipeline.entrances import fields
from pipeline.entrances.generated.voicepipe.v1 import (
    catalog_pb2,
    catalog_pb2_grpc,
    conversation_pb2,
    conversation_pb2_grpc,
    media_pb2,
    media_pb2_grpc,
)
from pipeline.entrances.grpc_call import UNREADABLE, GrpcCall, Stream
from pipeline.entrances.grpc_line import GrpcLine
from pipeline.entrances.live_calls import LiveCalls
from pipeline.entrances.statuses import INTERNAL, status_of
from pipeline.entrances.switchboard import AgentCard, CallStart, Switchboard, Terms
from pipeline.entrances.wire_records import read_feedback, read_id, write_conversation
from pipeline.entrances.wire_start import RATES, read_start
from pipeline.entrances.wire_terms import encodings, write_limits, write_started
from pipeline.observe import Metrics, logger
from pipeline.settings import Channels, Server

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What all calls of an entrance stand on."""

    switchboard: Switchboard
    live: LiveCalls
    server: Server
    channels: Channels
    max_duration: float
    """Longest call, in seconds, as clients are told before a call."""
    metrics: Metrics
    clock: Clock
    version: str


class Conversations(conversation_pb2_grpc.ConversationServiceServicer):
    """Calls."""

    def __init__(self, ground: Ground) -> None:
        """Take what calls stand on."""
        self._ground = ground
        self._log = logger("grpc")

    async def Converse(  # type: ignore[override]  # noqa: N802, D102
        self, request_iterator: AsyncIterator[conversation_pb2.ConverseRequest], context: Stream
    ) -> None:
        status = await self._converse(context)
        if status.code:
            with suppress(InternalError):  # the client is gone
                await context.abort_with_status(to_status(status))

    async def GetConversation(  # noqa: N802, D102
        self,
        request: conversation_pb2.GetConversationRequest,
        context: Stream,
    ) -> conversation_pb2.GetConversationResponse:
        async def tell() -> conversation_pb2.GetConversationResponse:
            conversation = read_id(request.conversation_id)
            return write_conversation(await self._ground.switchboard.conversation(conversation))

        return await self._answer(context, tell)

    async def SubmitFeedback(  # noqa: N802, D102
        self,
        request: conversation_pb2.SubmitFeedbackRequest,
        context: Stream,
    ) -> conversation_pb2.SubmitFeedbackResponse:
        async def take() -> conversation_pb2.SubmitFeedbackResponse:
            kept = await self._ground.switchboard.take_feedback(read_feedback(request))
            return conversation_pb2.SubmitFeedbackResponse(feedback_id=kept)

        return await self._answer(context, take)

    async def _answer(self, context: Stream, work: Callable[[], Awaitable[Answer]]) -> Answer:
        """Return the answer to a single question; whatever goes wrong is the status."""
        try:
            return await work()
        except PipelineError as error:
            status = status_of(error)
        except Exception:  # noqa: BLE001 - the boundary of the entrance
            self._log.exception("entrance broke")
            status = INTERNAL
        return await context.abort_with_status(to_status(status))

    async def _converse(self, context: Stream) -> status_pb2.Status:
        """Return the status of the stream, whatever happens, except that the client vanishes."""
        try:
            start = await self._first(context)
            with self._ground.live.admit(start.conversation) as seat:
                call = await self._ground.switchboard.prepare(start)
                line = self._line(start, call.terms)
                try:
                    await context.send_initial_metadata((("x-conversation-id", start.conversation),))
                    await context.write(write_started(start, call.terms, self._ground.version))
                    live = GrpcCall(
                        context,
                        line,
                        call,
                        seat,
                        clock=self._ground.clock,
                        write_timeout=self._ground.server.write_timeout,
                        log=self._log.bind(call=start.conversation),
                    )
                    status = await live.run()
                    if live.stalled:
                        self._ground.metrics.clients_stalled.inc()
                    return status
                finally:
                    line.give_up()
                    with anyio.CancelScope(shield=True):
                        await call.release()
        except PipelineError as error:
            self._ground.metrics.calls_refused.labels(error.code).inc()
            self._log.info("call refused", stage=error.stage, code=error.code, message=str(error))
            return status_of(error)
        except Exception:  # noqa: BLE001 - the boundary of the entrance
            self._log.exception("entrance broke")
            return INTERNAL

    async def _first(self, context: Stream) -> CallStart:
        """Return the start of the call. Raises EntranceError."""
        patience = self._ground.server.start_timeout
        try:
            with anyio.fail_after(patience):
                first = await context.read()
        except DecodeError as error:
            raise UNREADABLE from error
        except TimeoutError as error:
            raise EntranceError("start-timeout", f"no start came within {patience:g} s", field="start") from error
        if first is EOF:
            raise EntranceError("no-start", "the stream was closed before a start came", field="start")
        kind = first.WhichOneof("event") or "event"
        if kind != "start":
            raise EntranceError("no-start", f"{kind} came before start; the first message is start", field=kind)
        start = read_start(first.start)
        return start if start.conversation else replace(start, conversation=uuid4().hex)

    def _line(self, start: CallStart, terms: Terms) -> GrpcLine:
        dropped = self._ground.metrics.frames_dropped
        return GrpcLine(start, terms.languages, self._ground.channels, self._ground.clock, dropped.inc)


class Media(media_pb2_grpc.MediaServiceServicer):
    """Pictures; they come later."""

    async def UploadMedia(  # noqa: N802, D102
        self,
        request_iterator: AsyncIterator[media_pb2.UploadMediaRequest],
        context: Stream,
    ) -> media_pb2.UploadMediaResponse:
        await context.abort_with_status(to_status(status_of(fields.not_served("UploadMedia"))))


class Catalog(catalog_pb2_grpc.CatalogServiceServicer):
    """What this server offers."""

    def __init__(self, ground: Ground) -> None:
        """Take what calls stand on."""
        self._ground = ground

    async def ListAgents(  # noqa: N802, D102
        self,
        request: catalog_pb2.ListAgentsRequest,
        context: Stream,
    ) -> catalog_pb2.ListAgentsResponse:
        cards = sorted(self._ground.switchboard.agents(), key=lambda card: card.id)
        return catalog_pb2.ListAgentsResponse(
            agents=[_agent(card) for card in cards],
            encodings=encodings(),
            sample_rates_hz=RATES,
            limits=write_limits(self._ground.max_duration),
            server_version=self._ground.version,
        )


def _agent(card: AgentCard) -> catalog_pb2.Agent:
    return catalog_pb2.Agent(
        agent_id=card.id,
        display_name=card.name,
        description=card.description,
        languages=card.languages,
        voice=card.voice,
        is_default=card.default,
    )
