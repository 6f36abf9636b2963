"""Calls over WebRTC, with real sockets, real DTLS and a fake agent."""

import re

import anyio
import httpx
import numpy as np
import pytest

from pipeline.core.events import CallEnd, ReplyId, ReplyStatus, ReplyStopped, TurnId
from pipeline.core.pcm import Pcm
from pipeline.entrances.webrtc.peer import advertised
from pipeline.session.line import Line, ReplyAudio
from pipeline.settings import Rtc
from tests.entrances.replies import play, reply_ended, reply_started
from tests.entrances.webrtc.browser import SDP, Web, web

pytestmark = pytest.mark.anyio


def tone(frames: int, level: int) -> bytes:
    """Return so many 20 ms frames of 1 kHz at 48 kHz; Opus takes a constant away."""
    return np.round(level * np.sin(np.arange(960 * frames) * 2 * np.pi / 48)).astype("<i2").tobytes()


async def until_loud(line: Line) -> float:
    """Listen until something is loud, and return when in the caller's sound that was, in seconds."""
    async for frame in line.microphone:
        samples = np.abs(np.frombuffer(frame.pcm.data, dtype="<i2").astype(int))
        if samples.max(initial=0) > 2000:
            return frame.pcm.audio_at
    raise AssertionError("the line was closed in silence")


async def test_a_call_is_opened_by_the_start_and_ended_by_the_page() -> None:
    async with web() as service, service.page() as page:
        await page.call({"agentId": "shop", "caller": {"channel": "CALLER_CHANNEL_KIOSK"}})
        started = await page.next("started")
        assert started["agentId"] == "shop"
        assert started["inputAudio"]["sampleRateHz"] == 48_000
        page.channel.close()
        (start,) = service.board.starts
        assert (start.caller.channel, start.can_clear, start.output.rate) == ("kiosk", True, 48_000)


async def test_the_caller_is_heard_at_16_khz_in_its_place() -> None:
    heard: list[float] = []

    async def script(line: Line) -> CallEnd:
        heard.append(await until_loud(line))
        return CallEnd.HANGUP

    async with web(script) as service, service.page() as page:
        await page.call({})
        await page.next("started")
        page.microphone.says += [0] * 25 + [8000] * 10
        assert (await page.next("ended"))["reason"] == "END_REASON_HANGUP"
        assert (await page.next("status")) == {}
        await page.closed.wait()
    assert 0.3 < heard[0] < 3.0


async def test_a_reply_is_heard_and_what_is_stopped_is_not() -> None:
    async def script(line: Line) -> CallEnd:
        await line.send(reply_started(1))
        await play(line, 1, 10, frame=tone(1, 9000))
        await line.send(reply_ended(1))
        await line.requests.receive()
        await line.send(reply_started(2))
        for _ in range(3):
            pcm = Pcm(tone(10, 3000), 48_000)
            await line.play(ReplyAudio(TurnId(1), ReplyId(2), pcm, last=False))
        await line.send(ReplyStopped(turn=TurnId(1), at=0.0, reply=ReplyId(2), status=ReplyStatus.BARGE_IN))
        await line.requests.receive()
        return CallEnd.CLIENT

    go_on = {"control": {"kind": "CONTROL_KIND_START_INPUT_TIMERS"}}
    async with web(script) as service, service.page() as page, anyio.create_task_group() as tasks:
        await page.call({})
        tasks.start_soon(page.listen)
        await page.next("responseDone")
        page.send(go_on)
        assert (await page.next("clearAudio"))["responseId"] == 2
        with anyio.move_on_after(0.5):
            await page.next("nothing")
        page.send(go_on)
        await page.next("ended")
        tasks.cancel_scope.cancel()
    loud = sum(level > 6000 for level in page.levels)
    stopped = sum(2000 < level <= 6000 for level in page.levels)
    assert 8 <= loud <= 12
    assert stopped < 12  # of 30; what had left could not be called back


async def test_messages_are_json_and_what_is_none_is_a_notice() -> None:
    async with web() as service, service.page() as page:
        await page.call({})
        await page.next("started")
        page.send("{not json")
        page.send('{"seq": 7, "text": {"text": ""}}')
        page.channel.send(b"\x00\x01")
        page.channel.close()
    # hear_out reads what the session is told; the fake session tells nothing back. See test_wire_in for the notices.
    assert service.board.running == 0


async def test_an_empty_message_is_a_heartbeat() -> None:
    async with web() as service, service.page() as page:
        await page.call({})
        page.send("")
        assert await page.next("") == ""
        page.channel.close()


async def test_a_call_that_is_refused_says_why_before_it_closes() -> None:
    async with web() as service, service.page() as page:
        await page.call({"agentId": "nobody"})
        status = await page.next("status")
        assert "no agent nobody" in status["message"]
        assert status["details"][0]["reason"] == "UNKNOWN_AGENT"
        await page.closed.wait()


async def test_a_call_begins_with_its_start() -> None:
    async with web() as service, service.page() as page:
        await page.call()
        page.send({"text": {"text": "hello"}})
        assert "the first message is start" in (await page.next("status"))["message"]


async def test_a_page_that_goes_frees_its_seat_at_once() -> None:
    async with web() as service, service.page() as page:
        await page.call({})
        await page.next("started")
        await page.connection.close()
        await service.board.one_ended.wait()


async def test_a_browser_that_falls_silent_is_lost_within_seconds() -> None:
    async with web(rtc=Rtc(peer_timeout=0.5)) as service, service.page() as page:
        await page.call({})
        await page.next("started")
        for transport in page.connection._RTCPeerConnection__iceTransports:  # type: ignore[attr-defined]
            for protocol in transport._connection._protocols:
                protocol.transport.abort()  # as if its cable were pulled
        await service.board.one_ended.wait()


async def test_a_browser_that_never_comes_is_forgotten() -> None:
    async with web(rtc=Rtc(connect_timeout=0.2)) as service, service.page() as page:
        answer = await service.client.post("/v1/rtc", content=await page.offer(), headers=SDP)
        with anyio.fail_after(5):
            while (await service.client.delete(answer.headers["Location"])).status_code == 200:
                await anyio.lowlevel.checkpoint()


async def test_delete_hangs_up() -> None:
    async def for_ever(_line: Line) -> CallEnd:
        await anyio.sleep_forever()
        return CallEnd.CLIENT

    async with web(for_ever) as service, service.page() as page:
        await page.call({})
        await page.next("started")
        assert (await service.client.delete(page.location)).status_code == 200
        await page.closed.wait()
        await service.board.one_ended.wait()
        assert (await service.client.delete("/v1/rtc/0123")).status_code == 404


async def refused(service: Web, content: str = "", **headers: str) -> httpx.Response:
    return await service.client.post("/v1/rtc", content=content, headers={**SDP, **headers})


async def test_offers_that_cannot_be_taken_say_why() -> None:
    async with web() as service:
        for junk in (
            "",
            "hello",
            "v=0\r\n",
            "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=audio x y z\r\n",
            "\0" * 99,
        ):
            answer = await refused(service, junk)
            assert answer.status_code in {400, 406}, junk
            assert answer.json()["reason"] in {"BAD_OFFER", "NO_AUDIO"}
        other = await service.client.post("/v1/rtc", content="{}", headers={"Content-Type": "application/json"})
        assert (other.status_code, other.headers["Accept-Post"]) == (415, "application/sdp")
        assert (await refused(service, "v" * 70_000)).status_code == 413
        assert (await service.client.patch("/v1/rtc/1")).status_code == 405


async def test_a_full_a_cold_and_a_flooded_service_say_when_to_come_back() -> None:
    async with web(serving=False) as service, service.page() as page:
        cold = await refused(service, await page.offer())
        assert (cold.status_code, cold.json()["reason"]) == (503, "NOT_READY")
        assert int(cold.headers["Retry-After"]) > 0
    async with web(max_calls=1) as service, service.page() as first, service.page() as second:
        await first.call({})
        await first.next("started")
        full = await refused(service, await second.offer())
        assert (full.status_code, full.json()["reason"]) == (503, "TOO_MANY_CALLS")
        first.channel.close()
    async with web(rtc=Rtc(offers_burst=1)) as service:
        await refused(service, "junk")
        flooded = await refused(service, "junk")
        assert (flooded.status_code, flooded.json()["reason"]) == (429, "TOO_MANY_OFFERS")
        assert int(flooded.headers["Retry-After"]) > 0


async def test_pages_of_other_origins_may_call_where_the_settings_name_them() -> None:
    ask = {"Origin": "https://shop.example", "Access-Control-Request-Method": "POST"}
    async with web(rtc=Rtc(origins=["https://shop.example"])) as service:
        allowed = await service.client.options("/v1/rtc", headers=ask)
        assert allowed.headers["Access-Control-Allow-Origin"] == "https://shop.example"
        other = await service.client.options("/v1/rtc", headers={**ask, "Origin": "https://evil.example"})
        assert "Access-Control-Allow-Origin" not in other.headers


async def test_agents_are_listed_and_nothing_of_them_is_kept_by_browsers() -> None:
    async with web() as service:
        told = await service.client.get("/v1/agents")
        assert [agent["agentId"] for agent in told.json()["agents"]] == ["bank", "shop"]
        assert told.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(("path", "kept"), [("/", "no-cache"), ("/kiosk", "no-store")])
async def test_the_pages_are_served_whole_and_with_their_policy(path: str, kept: str) -> None:
    async with web() as service:
        page = await service.client.get(path)
        assert "default-src 'self'" in page.headers["Content-Security-Policy"]
        assert page.headers["Cache-Control"] == kept
        waiting = set(re.findall(r'(?:src|href)="([\w./]+)"', page.text))
        served: set[str] = set()
        while waiting:
            name = waiting.pop()
            part = await service.client.get(f"/{name}")
            assert (part.status_code, part.headers["Cache-Control"]) == (200, "no-cache"), name
            served.add(name)
            waiting |= set(re.findall(r'from "\./([\w.]+)"', part.text)) - served
        assert {"base.css", "call.js", "texts.js"} <= served


async def test_feedback_is_taken_over_http() -> None:
    async with web() as service:
        service.board.known["c1"] = None  # type: ignore[assignment]
        body = '{"turnId": 1, "rating": "RATING_UP", "idempotencyKey": "k"}'
        taken = await service.client.post("/v1/conversations/c1/feedback", content=body)
        assert (taken.status_code, taken.json()) == (200, {"feedbackId": "f1"})
        assert (await service.client.post("/v1/conversations/none/feedback", content=body)).status_code == 404
        assert (await service.client.post("/v1/conversations/c1/feedback", content="{")).status_code == 400


async def test_servers_that_carry_sound_are_told_and_their_secret_is_not_printed() -> None:
    turn = {"urls": ["turn:turn.example:3478"], "username": "u", "credential": "s3cret"}
    settings = Rtc.model_validate({"ice_servers": [turn]})
    async with web(rtc=settings) as service:
        assert (await service.client.get("/v1/rtc")).json() == {"iceServers": [turn]}
    assert "s3cret" not in str(settings.model_dump(mode="json")) + repr(settings)


def test_addresses_of_the_host_take_the_place_of_the_containers() -> None:
    own = "a=candidate:1 1 udp 2130706431 172.17.0.2 41000 typ host"
    relayed = "a=candidate:2 1 udp 16777215 198.51.100.7 3478 typ relay raddr 172.17.0.2 rport 41000"
    told = advertised(f"v=0\r\n{own}\r\n{own}\r\n{relayed}\r\n", ["203.0.113.5", "2001:db8::5"])
    assert told.splitlines() == [
        "v=0",
        "a=candidate:1 1 udp 2130706431 203.0.113.5 41000 typ host",
        "a=candidate:1 1 udp 2130706431 2001:db8::5 41000 typ host",
        relayed,
    ]
    assert advertised(own, []) == own
