"""Pictures over gRPC, over a real socket, decoded for real."""

import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from typing import Any

import anyio
import grpc
import pytest

from pipeline.core.clock import LoopClock
from pipeline.core.events import PictureNoted, PictureState
from pipeline.entrances.generated.voicepipe.v1.media_pb2 import MediaHeader, UploadMediaRequest, UploadMediaResponse
from pipeline.entrances.generated.voicepipe.v1.media_pb2_grpc import MediaServiceStub
from pipeline.entrances.uploads import CHUNK_BYTES
from pipeline.session.pictures import Pictures
from tests.entrances.albums import CALL, EXPIRES, album
from tests.entrances.calls import Caller, Refusal, Served, served
from tests.pictures import jpeg, png

pytestmark = pytest.mark.anyio
Code = grpc.StatusCode
MOST = 10_000_000


def header(**parts: Any) -> UploadMediaRequest:
    return UploadMediaRequest(header=MediaHeader(**{"conversation_id": CALL, "mime_type": "image/png", **parts}))


def chunks(data: bytes) -> list[UploadMediaRequest]:
    return [UploadMediaRequest(chunk=data[at : at + CHUNK_BYTES]) for at in range(0, len(data), CHUNK_BYTES)]


async def upload(service: Served, parts: Sequence[UploadMediaRequest]) -> UploadMediaResponse:
    async def messages() -> AsyncIterator[UploadMediaRequest]:
        for part in parts:
            yield part

    answered: Any = MediaServiceStub(service.channel).UploadMedia(messages())
    response: UploadMediaResponse = await answered
    return response


async def refusal(service: Served, parts: Sequence[UploadMediaRequest]) -> Refusal:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await upload(service, parts)
    return Refusal(caught.value.code(), caught.value.details() or "", caught.value.trailing_metadata())


async def test_a_picture_in_chunks_is_taken_and_looked_at() -> None:
    picture = png(700, 700, grey=7) + bytes(3 * CHUNK_BYTES)  # what was padded is taken, too
    async with album() as kept, served(image_bytes=MOST) as service:
        service.board.albums[CALL] = kept.pictures
        answer = await upload(service, [header(size_bytes=len(picture)), *chunks(picture)])
        await kept.until(PictureState.READY)
    assert answer.sha256 == hashlib.sha256(picture).digest()
    assert answer.size_bytes == len(picture)
    assert answer.expire_time.seconds == EXPIRES
    received, ready = kept.told
    assert isinstance(received, PictureNoted)
    assert isinstance(ready, PictureNoted)
    assert (received.media, ready.media) == (answer.media_id, answer.media_id)
    assert ready.note == "TOTAL 7.70"
    assert not kept.shown  # the client shows it when it likes


BROKEN = [
    ([], Code.FAILED_PRECONDITION, "header"),
    (chunks(png()), Code.FAILED_PRECONDITION, "header"),
    ([header(), header()], Code.FAILED_PRECONDITION, "header"),
    ([header(), UploadMediaRequest()], Code.FAILED_PRECONDITION, "header"),
    ([header(conversation_id="a b")], Code.INVALID_ARGUMENT, "conversation_id"),
    ([header(conversation_id="other")], Code.NOT_FOUND, "conversation_id"),
    ([header(mime_type="image/svg+xml")], Code.INVALID_ARGUMENT, "header.mime_type"),
    ([header(mime_type="")], Code.INVALID_ARGUMENT, "header.mime_type"),
    ([header(size_bytes=MOST + 1)], Code.INVALID_ARGUMENT, "header.size_bytes"),
    ([header(size_bytes=5), *chunks(png())], Code.INVALID_ARGUMENT, "header.size_bytes"),
    ([header(), UploadMediaRequest(chunk=b"")], Code.INVALID_ARGUMENT, "chunk"),
    ([header(), UploadMediaRequest(chunk=bytes(CHUNK_BYTES + 1))], Code.INVALID_ARGUMENT, "chunk"),
    ([header()], Code.INVALID_ARGUMENT, "chunk"),
    ([header(), *chunks(b"<svg xmlns='http://www.w3.org/2000/svg'/>")], Code.INVALID_ARGUMENT, "chunk"),
    ([header(), *chunks(png()[:-1])], Code.INVALID_ARGUMENT, "chunk"),
    ([header(), *chunks(png() + b"PK\3\4")], Code.INVALID_ARGUMENT, "chunk"),
    ([header(), *chunks(png(12_000, 12_000, grey=0))], Code.INVALID_ARGUMENT, "chunk"),
    ([header(mime_type="image/jpeg"), *chunks(jpeg())], Code.INVALID_ARGUMENT, "chunk"),
]


@pytest.mark.parametrize(("parts", "code", "field"), BROKEN)
async def test_what_is_wrong_is_named_and_the_next_picture_is_taken(
    parts: Sequence[UploadMediaRequest], code: grpc.StatusCode, field: str
) -> None:
    async with album(waiting=1) as kept, served(image_bytes=MOST) as service:
        service.board.albums[CALL] = kept.pictures
        refused = await refusal(service, parts)
        assert (refused.code, refused.fields) == (code, [field]), refused.message
        assert (await upload(service, [header(), *chunks(png())])).media_id
        label = {"code": refused.reason.lower().replace("_", "-")}
        assert service.metrics.registry.get_sample_value("voicepipe_pictures_refused_total", label) == 1


async def test_a_file_that_never_ends_is_refused_at_the_limit() -> None:
    async with album(max_bytes=200_000) as kept, served(image_bytes=200_000) as service:
        service.board.albums[CALL] = kept.pictures
        refused = await refusal(service, [header(), *chunks(png() + bytes(400_000))])
        assert (refused.code, refused.reason) == (Code.INVALID_ARGUMENT, "PICTURE_TOO_LARGE")


async def test_an_upload_that_stands_still_is_given_up() -> None:
    async with album(upload_timeout=0.2, waiting=1) as kept, served(image_bytes=MOST) as service:
        service.board.albums[CALL] = kept.pictures
        stream: Any = MediaServiceStub(service.channel).UploadMedia()
        await stream.write(header())
        await stream.write(UploadMediaRequest(chunk=png()[:20]))
        assert await stream.code() is Code.DEADLINE_EXCEEDED
        assert (await upload(service, [header(), *chunks(png())])).media_id


async def test_an_upload_that_is_cancelled_gives_its_room_back() -> None:
    async with album(waiting=1) as kept, served(image_bytes=MOST) as service:
        service.board.albums[CALL] = kept.pictures
        stream: Any = MediaServiceStub(service.channel).UploadMedia()
        await stream.write(header())
        await stream.write(UploadMediaRequest(chunk=png()[:20]))
        stream.cancel()
        taken: UploadMediaResponse | None = None
        while taken is None:  # until the server has heard of it
            with suppress(grpc.aio.AioRpcError):
                taken = await upload(service, [header(), *chunks(png())])
        assert taken.media_id


async def test_where_no_pictures_are_taken_all_is_refused_in_the_same_way() -> None:
    async with served() as service:
        service.board.albums[CALL] = Pictures(None, LoopClock())
        refused = await refusal(service, [header(), *chunks(png())])
        assert (refused.code, refused.reason) == (Code.FAILED_PRECONDITION, "VISION_OFF")


async def test_of_a_hundred_at_once_some_are_served_and_the_others_are_told_to_come_back() -> None:
    served_count, refused_codes = 0, []
    picture = png(600, 600, grey=9)

    async with album((0.01, "x"), waiting=8, per_call=1000) as kept, served(image_bytes=MOST) as service:
        service.board.albums[CALL] = kept.pictures
        talker = Caller(service.channel)
        await talker.start()

        async def one() -> None:
            nonlocal served_count
            try:
                await upload(service, [header(), *chunks(picture)])
                served_count += 1
            except grpc.aio.AioRpcError as error:
                refused = Refusal(error.code(), error.details() or "", error.trailing_metadata())
                refused_codes.append((refused.code, tuple(refused.quota), refused.retry > 0))

        async with anyio.create_task_group() as tasks:
            for _ in range(100):
                tasks.start_soon(one)
        await talker.speak(bytes(640))  # the call goes on
        await talker.rest()
        assert (await talker.refusal()).code is Code.OK
        await kept.until(PictureState.READY, served_count)
    assert served_count >= 8
    assert served_count + len(refused_codes) == 100
    assert set(refused_codes) <= {(Code.RESOURCE_EXHAUSTED, ("vision.waiting",), True)}
    assert refused_codes
    assert kept.describer.most_at_once == 1
