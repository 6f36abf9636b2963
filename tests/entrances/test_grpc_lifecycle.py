"""Readiness, draining, and clients that vanish or stall: over real sockets."""

from collections.abc import AsyncIterator
from typing import Any

import anyio
import grpc
import httpx
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from pipeline.core.errors import EntranceError
from pipeline.core.events import CallEnd
from pipeline.entrances.generated.voicepipe.v1 import output_pb2
from pipeline.entrances.generated.voicepipe.v1.catalog_pb2 import ListAgentsRequest
from pipeline.entrances.generated.voicepipe.v1.catalog_pb2_grpc import CatalogServiceStub
from pipeline.entrances.grpc_server import CATALOG, CONVERSATION, MEDIA, WHOLE, GrpcServer
from pipeline.entrances.http import app
from pipeline.entrances.switchboard import CutOff
from pipeline.session.line import Line
from pipeline.settings import Channels
from tests.entrances.calls import Caller, FakeSwitchboard, Served, ground, served, start_message
from tests.entrances.relay import relay
from tests.entrances.replies import play, reply_started

pytestmark = pytest.mark.anyio

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


async def health(service: Served) -> dict[str, int]:
    stub: Any = health_pb2_grpc.HealthStub(service.channel)
    return {
        name: (await stub.Check(health_pb2.HealthCheckRequest(service=name))).status
        for name in (WHOLE, CONVERSATION, CATALOG, MEDIA)
    }


async def readyz(service: Served) -> int:
    application = app(service.metrics.registry, lambda: service.server.live.admits)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url="http://service") as client:
        return (await client.get("/readyz")).status_code


async def test_pictures_are_served_where_they_are_taken() -> None:
    async with served(image_bytes=10_000_000) as service:
        assert (await health(service))[MEDIA] == SERVING
        found = await CatalogServiceStub(service.channel).ListAgents(ListAgentsRequest())
    assert found.limits.max_image_bytes == 10_000_000


async def test_health_is_not_serving_until_warm_and_pictures_that_are_not_taken_never_are() -> None:
    async with served(serving=False) as service:
        assert await health(service) == {
            WHOLE: NOT_SERVING,
            CONVERSATION: NOT_SERVING,
            CATALOG: SERVING,
            MEDIA: NOT_SERVING,
        }
        assert await readyz(service) == 503
        await service.server.set_serving()
        assert await readyz(service) == 200
        assert await health(service) == {WHOLE: SERVING, CONVERSATION: SERVING, CATALOG: SERVING, MEDIA: NOT_SERVING}


async def test_a_call_before_the_engines_are_warm_is_told_to_come_back() -> None:
    async with served(serving=False) as service:
        caller = Caller(service.channel)
        await caller.send(start=start_message())
        refusal = await caller.refusal()
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.UNAVAILABLE, "NOT_READY")
        assert refusal.retry > 0


async def test_agents_formats_and_limits_are_listed() -> None:
    async with served() as service:
        found = await CatalogServiceStub(service.channel).ListAgents(ListAgentsRequest())
    assert [(agent.agent_id, agent.is_default) for agent in found.agents] == [("bank", False), ("shop", True)]
    assert list(found.sample_rates_hz) == [8_000, 16_000, 24_000, 48_000]
    assert len(found.encodings) == 3
    assert found.limits.max_duration_ms == 600_000


@pytest.mark.parametrize("on", [True, False])
async def test_reflection_follows_its_switch(on: bool) -> None:
    async def ask() -> AsyncIterator[reflection_pb2.ServerReflectionRequest]:
        yield reflection_pb2.ServerReflectionRequest(list_services="")

    async with served(reflection=on) as service:
        stub: Any = reflection_pb2_grpc.ServerReflectionStub(service.channel)
        answers = stub.ServerReflectionInfo(ask())
        if on:
            answer = await answers.read()
            names = {found.name for found in answer.list_services_response.service}
            assert {CONVERSATION, MEDIA, CATALOG, "grpc.health.v1.Health"} <= names
            answers.cancel()
        else:
            with pytest.raises(grpc.aio.AioRpcError):
                await answers.read()
            assert await answers.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_a_taken_port_is_a_clear_error() -> None:
    async with served() as service:
        second = GrpcServer(ground(FakeSwitchboard(), grpc=service.target))
        with pytest.raises(EntranceError, match=service.target) as caught:
            await second.start()
        assert (caught.value.code, caught.value.field) == ("cannot-listen", "server.grpc")
        await second.stop()


# Draining


async def test_draining_warns_live_calls_refuses_new_ones_and_waits() -> None:
    async with served() as service, anyio.create_task_group() as tasks:
        live = Caller(service.channel)
        await live.start()
        late = Caller(service.channel)
        await late.stream.wait_for_connection()
        tasks.start_soon(service.server.drain, 5.0)
        going = (await live.next("going_away")).going_away
        assert going.reason == output_pb2.GOING_AWAY_REASON_DRAINING
        assert going.time_left_ms == 5_000
        assert (await health(service))[WHOLE] == NOT_SERVING
        assert await readyz(service) == 503
        await late.send(start=start_message())
        refusal = await late.refusal()
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.UNAVAILABLE, "DRAINING")
        assert (await live.rest())[-1].ended.reason == output_pb2.END_REASON_CLIENT


async def test_whose_call_is_here_already_hears_that_the_server_stops_and_else_that_it_is_here() -> None:
    async with served(max_calls=1) as service, anyio.create_task_group() as tasks:
        live = Caller(service.channel)
        await live.start(conversation_id="c-1")
        again, late = Caller(service.channel), Caller(service.channel)
        await again.send(start=start_message(conversation_id="c-1"))
        assert (await again.refusal()).reason == "CALL_EXISTS"
        await late.stream.wait_for_connection()
        tasks.start_soon(service.server.drain, 5.0)
        await live.next("going_away")
        await late.send(start=start_message(conversation_id="c-1"))
        assert (await late.refusal()).reason == "DRAINING"
        await live.rest()


async def for_ever(_line: Line) -> CallEnd:
    await anyio.sleep_forever()
    return CallEnd.CLIENT


async def test_a_call_that_outlives_the_drain_is_hung_up_with_ended() -> None:
    async with served(for_ever) as service, anyio.create_task_group() as tasks:
        caller = Caller(service.channel)
        await caller.start()
        tasks.start_soon(service.server.drain, 0.0)
        assert (await caller.next("ended")).ended.reason == output_pb2.END_REASON_DRAINING
        refusal = await caller.refusal()
        assert refusal.code is grpc.StatusCode.UNAVAILABLE
        assert refusal.retry > 0
        assert service.board.cut_off == [CutOff.DRAINING]


async def test_a_server_that_stops_in_mid_call_hangs_up_with_ended() -> None:
    async with served(for_ever) as service, anyio.create_task_group() as tasks:
        caller = Caller(service.channel)
        await caller.start()
        tasks.start_soon(service.server.stop)
        assert (await caller.next("ended")).ended.reason == output_pb2.END_REASON_DRAINING
        await caller.refusal()
        assert service.board.cut_off == [CutOff.DRAINING]


async def test_a_server_without_calls_drains_at_once() -> None:
    async with served() as service:
        await service.server.drain(60.0)


# Clients that go


async def speak_for_ever(line: Line) -> CallEnd:
    await line.send(reply_started(1))
    await play(line, 1, 1_000_000)
    return CallEnd.HANGUP


async def test_a_client_that_cancels_in_mid_reply_leaves_nothing_behind() -> None:
    async with served(speak_for_ever) as service:
        caller = Caller(service.channel)
        await caller.start()
        await caller.next("audio")
        caller.stream.cancel()
        await service.board.one_ended.wait()
        await service.server.live.wait_empty()
        assert service.board.cut_off == [CutOff.VANISHED]


async def test_a_client_that_cancels_while_we_listen_leaves_nothing_behind() -> None:
    async with served() as service:
        caller = Caller(service.channel)
        await caller.start()
        await caller.speak(bytes(640))
        caller.stream.cancel()
        await service.board.one_ended.wait()
        await service.server.live.wait_empty()


async def test_a_client_that_speaks_until_ended_reads_the_status_that_was_sent() -> None:
    """A status sent under the client's writes is one that grpc.aio replaces by its own; one call in forty saw it."""
    calls = 40

    async def goodbye(line: Line) -> CallEnd:
        await line.microphone.receive()
        return CallEnd.HANGUP

    async with served(goodbye, max_calls=calls) as service, anyio.create_task_group() as tasks:

        async def talk() -> None:
            caller = Caller(service.channel)
            await caller.start()

            async def speak() -> None:
                while not over.is_set():
                    await caller.speak(bytes(640))
                await caller.stream.done_writing()

            over = anyio.Event()
            tasks.start_soon(speak)
            assert (await caller.next("ended")).ended.reason == output_pb2.END_REASON_HANGUP
            over.set()
            assert (await caller.refusal()).code is grpc.StatusCode.OK

        for _ in range(calls):
            tasks.start_soon(talk)


async def test_a_client_that_keeps_its_half_open_gets_the_status_soon() -> None:
    async def goodbye(_line: Line) -> CallEnd:
        return CallEnd.HANGUP

    async with served(goodbye, channels=Channels(microphone_frames=5, events=5)) as service:
        caller = Caller(service.channel)
        await caller.start()
        await caller.next("ended")
        for _ in range(10):  # more than the call's channels take
            await caller.speak(bytes(640))
        assert (await caller.refusal()).code is grpc.StatusCode.OK
        assert service.metrics.frames_dropped._value.get() == 0


async def test_a_connection_that_breaks_in_mid_word_leaves_nothing_behind() -> None:
    async with (
        served(speak_for_ever) as service,
        relay(service.server.port) as line,
        grpc.aio.insecure_channel(line.target) as channel,
    ):
        caller = Caller(channel)
        await caller.start()
        await caller.next("audio")
        line.cut()
        await service.board.one_ended.wait()
        await service.server.live.wait_empty()
        assert (await caller.refusal()).code is grpc.StatusCode.UNAVAILABLE


async def flood(line: Line) -> CallEnd:
    """Send far more sound than the windows of HTTP/2 take."""
    await line.send(reply_started(1))
    await play(line, 1, 1_000_000, frame=bytes(32_000))
    return CallEnd.HANGUP


async def test_a_client_that_stops_reading_is_given_up_and_told_when_it_reads_again() -> None:
    async with served(flood, write_timeout=0.1) as service:
        caller = Caller(service.channel)
        await caller.start()
        await service.board.one_ended.wait()
        await service.server.live.wait_empty()
        assert service.metrics.clients_stalled._value.get() == 1
        assert service.board.cut_off == [CutOff.STALLED]
        refusal = await caller.refusal()
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.ABORTED, "CLIENT_STALLED")


async def test_a_client_that_stops_reading_and_goes_leaves_nothing_behind(caplog: pytest.LogCaptureFixture) -> None:
    async with served(flood, write_timeout=0.1) as service:
        caller = Caller(service.channel)
        await caller.start()
        await service.board.one_ended.wait()
        await service.server.live.wait_empty()
        caller.stream.cancel()
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
