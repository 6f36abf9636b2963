"""Calls in OpenAI's words, and calls that need a token, over real sockets with a fake agent."""

import anyio
import pytest
from pydantic import SecretStr

from pipeline.core.events import CallEnd, ReplyId, TurnId
from pipeline.core.pcm import Pcm
from pipeline.session.line import Line, ReplyAudio
from pipeline.settings import Rtc
from tests.entrances.replies import reply_ended, reply_started
from tests.entrances.webrtc.browser import SDP, web
from tests.entrances.webrtc.test_calls import tone

pytestmark = pytest.mark.anyio

CALLS = "/v1/realtime/calls"
SECRETS = "/v1/realtime/client_secrets"
LOCKED = Rtc(token_key=SecretStr("k" * 32), api_key=SecretStr("a" * 32))
BACKEND = {"Authorization": f"Bearer {'a' * 32}"}


async def speak(line: Line) -> CallEnd:
    await line.send(reply_started(1))
    await line.play(ReplyAudio(TurnId(1), ReplyId(1), Pcm(tone(10, 9000), 48_000), last=True))
    await line.send(reply_ended(1))
    await line.requests.receive()
    return CallEnd.HANGUP


async def test_a_client_of_openai_holds_a_call() -> None:
    async with web(speak) as service, service.page() as page, anyio.create_task_group() as tasks:
        answer = await service.client.post(f"{CALLS}?agent=shop", content=await page.offer(), headers=SDP)
        assert answer.headers["Location"].startswith(f"{CALLS}/")
        await page.answered(answer.text)
        tasks.start_soon(page.listen)
        assert (await page.event("session.created"))["session"]["model"] == "shop"
        page.send({"type": "session.update", "session": {"type": "realtime", "instructions": "Be brief."}})
        assert (await page.event("session.updated"))["session"]["model"] == "shop"
        assert (await page.event("response.done"))["response"]["status"] == "completed"
        page.send({"type": "response.cancel"})
        await page.event("voicepipe.ended")
        await page.closed.wait()
        tasks.cancel_scope.cancel()
    assert max(page.levels) > 2000
    assert service.board.starts[0].agent == "shop"


async def test_with_a_key_only_tokens_call_and_only_the_backend_gets_them() -> None:
    async with web(rtc=LOCKED) as service, service.page() as page:
        bare = await service.client.post("/v1/rtc", content=await page.offer(), headers=SDP)
        assert (bare.status_code, bare.json()["reason"]) == (401, "NO_PERMIT")
        assert (await service.client.get("/v1/rtc")).status_code == 401
        assert (await service.client.post(SECRETS)).status_code == 401
        wish = {"expires_after": {"anchor": "created_at", "seconds": 30}, "session": {"prompt": {"id": "shop"}}}
        minted = await service.client.post(SECRETS, json=wish, headers=BACKEND)
        assert minted.headers["Cache-Control"] == "no-store"
        permit = {"Authorization": f"Bearer {minted.json()['value']}"}
        assert (await service.client.get("/v1/rtc", headers=permit)).status_code == 200
        answer = await service.client.post("/v1/rtc", content=await page.offer(), headers={**SDP, **permit})
        assert answer.status_code == 201
        await page.answered(answer.text)
        page.send({"start": {"agentId": "other"}})
        status = await page.next("status")
        assert (status["code"], status["message"]) == (7, "the token allows agent shop")
        await page.closed.wait()
        again = await service.client.post("/v1/rtc", content=await page.offer(), headers={**SDP, **permit})
        assert again.status_code == 401


@pytest.mark.parametrize("body", ["[]", "{", '{"expires_after": {"seconds": 1e9}}', '{"expires_after": 5}'])
async def test_a_wish_that_cannot_be_met_is_refused(body: str) -> None:
    async with web(rtc=LOCKED) as service:
        answer = await service.client.post(SECRETS, content=body, headers=BACKEND)
        assert (answer.status_code, answer.json()["reason"]) == (400, "UNKNOWN_MESSAGE")


async def test_nobody_mints_where_nothing_is_set() -> None:
    async with web() as service:
        assert (await service.client.post(SECRETS, headers=BACKEND)).status_code in {404, 405}


async def test_a_new_connection_with_the_same_token_takes_the_place_of_the_old_one() -> None:
    async with web(rtc=LOCKED) as service, service.page() as first, service.page() as second:
        minted = await service.client.post(SECRETS, headers=BACKEND)
        permit = {**SDP, "Authorization": f"Bearer {minted.json()['value']}"}
        answer = await service.client.post("/v1/rtc", content=await first.offer(), headers=permit)
        await first.answered(answer.text)
        first.send({"start": {}})
        await first.next("started")
        answer = await service.client.post("/v1/rtc", content=await second.offer(), headers=permit)
        assert answer.status_code == 201
        await first.closed.wait()
        await second.answered(answer.text)
        second.send({"start": {}})
        await second.next("started")
        second.channel.close()
