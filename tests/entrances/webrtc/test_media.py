"""Pictures over HTTP, decoded for real."""

import hashlib
from collections.abc import AsyncIterator

import anyio
import httpx
import pytest

from pipeline.core.clock import LoopClock
from pipeline.core.events import PictureShown, PictureState
from pipeline.session.pictures import Pictures
from pipeline.settings import Rtc
from tests.entrances.albums import CALL, album
from tests.entrances.webrtc.browser import Web, web
from tests.pictures import png

pytestmark = pytest.mark.anyio

PATH = f"/v1/conversations/{CALL}/media"
PNG = {"Content-Type": "image/png"}


async def post(service: Web, data: bytes, path: str = PATH, **headers: str) -> httpx.Response:
    return await service.client.post(path, content=data, headers={**PNG, **headers})


async def test_a_picture_is_taken_and_shown_to_the_call() -> None:
    async with album() as kept, web() as service:
        service.board.albums[CALL] = kept.pictures
        answer = await post(service, png())
        await kept.until(PictureState.READY)
    assert answer.status_code == 201
    assert answer.json() == {
        "media_id": kept.shown[0].media,
        "sha256": hashlib.sha256(png()).hexdigest(),
        "size_bytes": len(png()),
        "expire_time": "2027-01-15T08:00:00Z",
    }
    assert kept.shown == [PictureShown(media=answer.json()["media_id"])]


async def test_a_picture_may_be_sent_now_and_shown_later() -> None:
    async with album() as kept, web() as service:
        service.board.albums[CALL] = kept.pictures
        assert (await post(service, png(), f"{PATH}?attach=false")).status_code == 201
        assert kept.shown == []
        refused = await post(service, png(), f"{PATH}?attach=maybe")
        assert (refused.status_code, refused.json()["reason"]) == (400, "INVALID_VALUE")


@pytest.mark.parametrize(
    ("data", "kind", "path", "status", "reason"),
    [
        (png(), "image/svg+xml", PATH, 415, "UNSUPPORTED_TYPE"),
        (png(), "", PATH, 415, "UNSUPPORTED_TYPE"),
        (b"<svg/>", "image/png", PATH, 415, "UNSUPPORTED_PICTURE"),
        (b"", "image/png", PATH, 415, "UNSUPPORTED_PICTURE"),
        (png()[:-5], "image/png", PATH, 400, "BROKEN_PICTURE"),
        (png() + b"<html>", "image/png", PATH, 400, "TRAILING_DATA"),
        (png(12_000, 12_000, grey=0), "image/png", PATH, 413, "TOO_MANY_PIXELS"),
        (png() + bytes(300_000), "image/png", PATH, 413, "PICTURE_TOO_LARGE"),
        (png(), "image/png", "/v1/conversations/other/media", 404, "UNKNOWN_CONVERSATION"),
        (png(), "image/png", "/v1/conversations/a%20b/media", 400, "INVALID_VALUE"),
    ],
)
async def test_what_is_wrong_is_named_and_the_next_picture_is_taken(
    data: bytes, kind: str, path: str, status: int, reason: str
) -> None:
    async with album(max_bytes=200_000, waiting=1) as kept, web() as service:
        service.board.albums[CALL] = kept.pictures
        refused = await post(service, data, path, **{"Content-Type": kind})
        assert (refused.status_code, refused.json()["reason"]) == (status, reason)
        assert (await post(service, png())).status_code == 201
        label = {"code": reason.lower().replace("_", "-")}
        counted = service.metrics.registry.get_sample_value("voicepipe_pictures_refused_total", label)
        assert counted == (None if reason == "UNSUPPORTED_TYPE" else 1)


async def test_no_more_of_a_body_is_read_than_may_be_sent() -> None:
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        yield png()
        while True:
            read += 1
            yield bytes(50_000)

    async with album(max_bytes=200_000) as kept, web() as service:
        service.board.albums[CALL] = kept.pictures
        refused = await service.client.post(PATH, content=endless(), headers=PNG)
        assert refused.status_code == 413
    assert read < 10


async def test_many_at_once_are_told_when_to_come_back() -> None:
    async with album((5.0, "x"), waiting=1) as kept, web() as service:
        service.board.albums[CALL] = kept.pictures
        assert (await post(service, png())).status_code == 201
        refused = await post(service, png())
        assert (refused.status_code, refused.json()["reason"]) == (429, "TOO_MANY_PICTURES")
        assert int(refused.headers["Retry-After"]) > 0


async def test_where_no_pictures_are_taken_that_is_said() -> None:
    async with web() as service:
        service.board.albums[CALL] = Pictures(None, LoopClock())
        refused = await post(service, png())
        assert (refused.status_code, refused.json()["reason"]) == (409, "VISION_OFF")


async def test_a_picture_that_does_not_arrive_is_given_up() -> None:
    async def slow() -> AsyncIterator[bytes]:
        yield png()[:20]
        await anyio.sleep_forever()

    async with album(upload_timeout=0.1) as kept, web() as service:
        service.board.albums[CALL] = kept.pictures
        refused = await service.client.post(PATH, content=slow(), headers=PNG)
        assert (refused.status_code, refused.json()["reason"]) == (408, "UPLOAD_TIMEOUT")


async def test_a_page_of_another_origin_may_send_one_if_the_settings_say_so() -> None:
    asked = {"Origin": "https://shop.example.com", "Access-Control-Request-Method": "POST"}
    for origins, allowed in ((["https://shop.example.com"], True), ([], False)):
        async with web(rtc=Rtc(origins=origins)) as service:
            answer = await service.client.options(PATH, headers=asked)
            assert ("access-control-allow-origin" in answer.headers) is allowed
