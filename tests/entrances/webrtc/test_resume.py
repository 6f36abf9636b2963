"""Browsers' calls that go on over another connection, and over the other entrance: real sockets, real DTLS."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import anyio.lowlevel
import grpc
import httpx
import numpy as np
import pytest

from pipeline.core.events import CallEnd
from pipeline.entrances.generated.voicepipe.v1.audio_pb2 import AUDIO_ENCODING_MULAW
from pipeline.entrances.generated.voicepipe.v1.input_pb2 import TextInput
from pipeline.entrances.grpc_server import GrpcServer
from pipeline.entrances.switchboard import CutOff
from pipeline.entrances.webrtc.calls import RtcCalls
from pipeline.entrances.webrtc.web import web_app
from pipeline.session.line import Line
from pipeline.settings import Resume, Rtc
from tests.entrances.calls import PATIENCE, Caller, FakeSwitchboard, audio_format, ground
from tests.entrances.resuming import Answering
from tests.entrances.webrtc.browser import Page, Web, web

pytestmark = pytest.mark.anyio

PATIENT = Resume(wait=60.0)


def tone(rate: int) -> bytes:
    """Return 20 ms of 1 kHz."""
    return np.round(9000 * np.sin(np.arange(rate // 50) * 2000 * np.pi / rate)).astype("<i2").tobytes()


async def until_waiting(live: Any, conversation: str = "c-1") -> None:
    with anyio.fail_after(PATIENCE):
        while not live.waits(conversation):
            await anyio.lowlevel.checkpoint()


def vanish(page: Page) -> None:
    """Pull the cable."""
    for transport in page.connection._RTCPeerConnection__iceTransports:  # type: ignore[attr-defined]
        for protocol in transport._connection._protocols:
            protocol.transport.abort()


async def opened(page: Page, **start: Any) -> Any:
    await page.call({"conversationId": "c-1", **start})
    return await page.next("started")


def live(service: Web) -> Any:
    return service.calls._ground.live


@pytest.mark.parametrize("way", ["closed", "vanished"])
async def test_a_browser_that_is_lost_goes_on_with_a_new_offer(way: str) -> None:
    caller = {"attributes": {"desk": "7"}}
    async with web(Answering(tone), rtc=Rtc(peer_timeout=0.5), resume=PATIENT) as service:
        async with service.page() as page:
            first = await opened(page, caller=caller)
            page.send({"seq": 1, "text": {"text": "hello"}})
            began = await page.next("responseStarted")
            assert began["responseId"] == 1
            if way == "closed":
                await page.connection.close()
            else:
                vanish(page)
            await until_waiting(live(service))
        async with service.page() as again, anyio.create_task_group() as tasks:
            second = await opened(again, resumeToken=first["resumeToken"], lastSeenSeq="1", caller=caller)
            assert second["conversationId"] == "c-1"
            assert (await again.next("resumptionUpdate"))["lastConsumedSeq"] == "1"
            tasks.start_soon(again.listen)
            again.send({"seq": 2, "text": {"text": "and again"}})
            assert (await again.next("responseStarted"))["responseId"] == 2
            with anyio.fail_after(PATIENCE):
                while not any(level > 6000 for level in again.levels):
                    await anyio.lowlevel.checkpoint()
            tasks.cancel_scope.cancel()
            again.channel.close()


@pytest.mark.parametrize("way", ["channel", "delete", "half"])
async def test_a_browser_that_hung_up_is_not_waited_for(way: str) -> None:
    async def for_ever(_line: Line) -> CallEnd:
        await anyio.sleep_forever()
        return CallEnd.CLIENT

    async with web(Answering() if way == "half" else for_ever, resume=PATIENT) as service, service.page() as page:
        await opened(page)
        if way == "delete":
            await service.client.delete(page.location)
        else:
            page.channel.close()
        await service.board.one_ended.wait()
        assert service.board.cut_off in ([CutOff.VANISHED], [])


async def test_a_token_that_is_not_good_is_told_to_the_browser() -> None:
    async with web(resume=PATIENT) as service, service.page() as page:
        await page.call({"resumeToken": "guess"})
        status = await page.next("status")
        assert status["details"][0]["reason"] == "UNKNOWN_TOKEN"


# Across entrances


class Both:
    """A service with both entrances."""

    def __init__(self, board: FakeSwitchboard, server: GrpcServer, channel: grpc.aio.Channel, browsers: Web) -> None:
        self.board = board
        self.live = server.live
        self.channel = channel
        self.browsers = browsers


@asynccontextmanager
async def both() -> AsyncIterator[Both]:
    board = FakeSwitchboard(Answering(tone))
    stand = ground(board, resume=PATIENT, grpc="127.0.0.1:0")
    server, calls = GrpcServer(stand), RtcCalls(stand, Rtc())
    transport = httpx.ASGITransport(web_app(calls, stand, Rtc()))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(stand.hosting.run)
        tasks.start_soon(calls.run)
        await server.start()
        await server.set_serving()
        async with (
            httpx.AsyncClient(transport=transport, base_url="http://voicepipe") as client,
            grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel,
        ):
            with anyio.fail_after(3 * PATIENCE):
                yield Both(board, server, channel, Web(board, calls, client, stand.metrics))
                await stand.live.wait_empty()
        await server.stop()
        tasks.cancel_scope.cancel()


async def test_a_call_goes_from_the_telephone_to_the_browser_and_back() -> None:
    async with both() as service:
        phone = Caller(service.channel)
        form = audio_format(AUDIO_ENCODING_MULAW, 8_000)
        first = (await phone.start(conversation_id="c-1", input_audio=form)).started
        await phone.send(1, text=TextInput(text="hello"))
        assert len((await phone.next("audio")).audio.data) == 160
        phone.stream.cancel()
        await until_waiting(service.live)
        async with service.browsers.page() as page:
            second = await opened(page, resumeToken=first.resume_token, lastSeenSeq="1")
            assert second["outputAudio"]["sampleRateHz"] == 48_000
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(page.listen)
                page.send({"seq": 2, "text": {"text": "is this louder"}})
                assert (await page.next("responseStarted"))["responseId"] == 2
                with anyio.fail_after(PATIENCE):
                    while not any(level > 6000 for level in page.levels):
                        await anyio.lowlevel.checkpoint()
                tasks.cancel_scope.cancel()
            await page.connection.close()
            await until_waiting(service.live)
        again = Caller(service.channel)
        third = await again.start(input_audio=form, resume_token=second["resumeToken"], last_seen_seq=3)
        assert third.started.conversation_id == "c-1"
        assert (await again.next("resumption_update")).resumption_update.last_consumed_seq == 2
        await again.send(3, text=TextInput(text="back again"))
        assert (await again.next("response_started")).response_started.response_id == 3
        assert len((await again.next("audio")).audio.data) == 160
        await again.rest()
        assert len(service.board.starts) == 1


async def test_a_browser_takes_over_from_a_telephone_that_is_still_there() -> None:
    async with both() as service:
        phone = Caller(service.channel)
        first = (await phone.start(conversation_id="c-1")).started
        async with service.browsers.page() as page:
            await opened(page, resumeToken=first.resume_token)
            refusal = await phone.refusal()
            assert (refusal.code, refusal.reason) == (grpc.StatusCode.ABORTED, "RESUMED_ELSEWHERE")
            page.channel.close()
