"""Which pictures a call takes, and what becomes of them when it ends."""

import anyio
import pytest

from pipeline.core.errors import VisionError
from pipeline.core.events import PictureShown, PictureState, StageFailed
from tests.pictures import png
from tests.session.calls import place
from tests.session.devices import Device
from tests.virtual_time import pass_time
from tests.vision.looks import fake_vision

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("shown", "code", "field"),
    [
        (PictureShown(media="0" * 32, refers_to=7), "unknown-media", "image.media_id"),
        (PictureShown(inline=b"<svg/>", refers_to=7), "unsupported-picture", "image.inline"),
        (PictureShown(inline=png() + b"PK", refers_to=7), "trailing-data", "image.inline"),
    ],
)
async def test_a_picture_that_cannot_be_taken_is_told_and_nothing_waits_for_it(
    shown: PictureShown, code: str, field: str
) -> None:
    device = Device(fake_vision((1.0, "TOTAL 7.70")))

    async def script() -> None:
        device.line.order(shown)
        await pass_time(0.1)
        device.types("what is the total")

    await device.during(script)
    (failed,) = device.line.of(StageFailed)
    assert isinstance(failed, StageFailed)
    assert (failed.code, failed.field, failed.refers_to) == (code, field, 7)
    assert device.asked == ["what is the total"]


async def test_without_vision_a_picture_is_refused() -> None:
    device = Device(None)

    async def script() -> None:
        device.shows("0" * 32)
        with pytest.raises(VisionError) as refused:
            await device.sends()
        assert refused.value.code == "vision-off"

    await device.during(script)
    (failed,) = device.line.of(StageFailed)
    assert isinstance(failed, StageFailed)
    assert failed.code == "vision-off"


async def test_a_wish_has_an_engine_that_follows_it_look_again() -> None:
    device = Device(fake_vision((5.0, "a receipt"), (0.5, "the date is 3 May"), follows_wishes=True, waiting=1))

    async def script() -> None:
        await device.sends(wanted="the date")
        await pass_time(1.0)
        device.types("when was it")

    await device.during(script)
    assert device.asked[0].endswith("> the date is 3 May\n\nwhen was it")
    assert [event.note for event in device.told(PictureState.READY)] == ["the date is 3 May"]
    vision = device.vision
    assert vision is not None
    vision.enter()  # the room of both was given back


async def test_one_call_sends_no_more_pictures_than_it_may_and_gives_its_room_back() -> None:
    device = Device(fake_vision((0.1, "x"), per_call=2, waiting=2))

    async def script() -> None:
        await device.sends()
        await pass_time(0.5)
        with pytest.raises(VisionError) as broken:
            await device.sends(b"nothing")
        assert broken.value.code == "unsupported-picture"
        await device.sends()
        with pytest.raises(VisionError) as refused:
            await device.sends()
        assert (refused.value.code, refused.value.retryable) == ("too-many-pictures", True)

    await device.during(script)
    assert len(device.kept) == 2


async def test_all_calls_together_have_so_many_pictures_in_work_and_no_more() -> None:
    device = Device(fake_vision((1.0, "x"), per_call=100, waiting=3, workers=1))
    refused: list[str] = []

    async def script() -> None:
        async def one() -> None:
            try:
                await device.sends(shows=False)
            except VisionError as error:
                refused.append(error.code)

        async with anyio.create_task_group() as tasks:
            for _ in range(20):
                tasks.start_soon(one)
        await pass_time(5.0)
        await device.sends(shows=False)

    await device.during(script)
    assert refused == ["too-many-pictures"] * 17
    assert len(device.told(PictureState.READY)) == 4


async def test_after_the_call_nothing_is_taken_and_nothing_is_kept() -> None:
    device = Device(fake_vision((1.0, "x")), duration=3.0)

    async def script() -> None:
        await device.sends()

    await device.during(script)
    device.pictures.close()
    with pytest.raises(VisionError) as refused:
        await device.sends()
    assert refused.value.code == "call-over"
    with pytest.raises(VisionError):
        await device.pictures.attach("0" * 32)


async def test_a_picture_that_was_shown_once_is_not_read_twice() -> None:
    device = Device(fake_vision((0.1, "TOTAL 7.70")))

    async def script() -> None:
        kept = await device.sends()
        await pass_time(0.5)
        device.types("what is the total")
        await pass_time(5.0)
        device.shows(kept.media)
        device.types("and who sold it")

    await device.during(script)
    assert device.asked[1] == "and who sold it"


async def test_a_call_may_be_hung_up_while_a_picture_is_looked_at() -> None:
    device = Device(fake_vision((10.0, "x")))

    async def run() -> None:
        await pass_time(0.5)
        await device.sends()
        device.types("what is the total")

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run)
        assert await place(device.made, hang_up_after=2.0) is None
        tasks.cancel_scope.cancel()
    assert device.made.model.open_streams == 0


async def test_a_picture_that_comes_before_the_call_has_begun_waits_for_it() -> None:
    device = Device(fake_vision((0.1, "x")))

    async def early() -> None:
        await device.sends(shows=False)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(early)
        await pass_time(1.0)
        assert not device.kept
        await device.during(lambda: pass_time(1.0))
    assert len(device.kept) == 1


async def test_a_picture_that_waits_for_a_call_that_never_begins_is_refused() -> None:
    device = Device(fake_vision((0.1, "x")))
    codes: list[str] = []

    async def early() -> None:
        try:
            await device.sends()
        except VisionError as error:
            codes.append(error.code)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(early)
        await pass_time(1.0)
        device.pictures.close()
    device.line.close()
    assert codes == ["call-over"]
