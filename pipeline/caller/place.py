"""place_call: one call over gRPC, in real time, by the rules of the contract."""

import anyio
import grpc.aio

from pipeline.caller.errors import CallError
from pipeline.caller.line import CallLine, Stream, Tell
from pipeline.caller.mind import Mind
from pipeline.caller.plan import CallPlan
from pipeline.caller.report import CallReport
from pipeline.core.clock import LoopClock
from pipeline.entrances.generated.voicepipe.v1.conversation_pb2_grpc import ConversationServiceStub

OPTIONS = (
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    # A call waits 15 s for a client that was cut off; the default waits longer and longer before it connects again.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    # Calls placed side by side are to be as far apart as telephones.
    ("grpc.use_local_subchannel_pool", 1),
)
"""Channel options; the contract asks clients for keepalive."""


async def place_call(plan: CallPlan, *, tell: Tell = lambda _: None, stop: anyio.Event | None = None) -> CallReport:
    """Call the server, say everything in order, and return what the call was like once it has ended.

    ``tell`` is called for what happens meanwhile; once ``stop`` is set, the caller hangs up. Cancelling breaks the call
    off, and the service waits for its client to come back. Raises CallError when the server is away, refuses the call,
    breaks it off or falls silent; its ``report`` holds what there was.
    """
    async with grpc.aio.insecure_channel(plan.server, options=OPTIONS) as channel:
        stream: Stream = ConversationServiceStub(channel).Converse()
        clock = LoopClock()
        line = CallLine(plan, tell, clock)
        failure: BaseException | None = None
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(Mind(plan, line, tell, clock).run, stop)
                await line.run(stream, lambda: ConversationServiceStub(channel).Converse())
                tasks.cancel_scope.cancel()
        except* CallError as failures:
            failure = failures
        finally:
            stream.cancel()
    while isinstance(failure, BaseExceptionGroup):
        failure = failure.exceptions[0]
    if isinstance(failure, CallError):
        failure.report = line.report()
        raise failure
    return line.report()
