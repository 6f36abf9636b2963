"""What is left of a picture that was written anew, and of the processes that do it."""

from collections.abc import Sequence
from io import BytesIO

import anyio
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from pipeline.core.errors import VisionError
from pipeline.vision import children
from pipeline.vision.children import scrubbed
from pipeline.vision.scrub import scrubbed as scrub
from tests.pictures import jpeg, png, webp
from tests.vision.processes import running

PIXELS = 12_000_000
pytestmark = pytest.mark.anyio


def written(image: Image.Image, kind: str, **options: object) -> bytes:
    file = BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def opened(data: bytes) -> Image.Image:
    return Image.open(BytesIO(data), formats=("JPEG",))


def halves(width: int = 64, height: int = 32) -> Image.Image:
    """Return a picture that is red on its left and blue on its right."""
    image = Image.new("RGB", (width, height), "red")
    image.paste("blue", (width // 2, 0, width, height))
    return image


def colours(image: Image.Image, *places: tuple[int, int]) -> Sequence[str]:
    """Return whether each place is more red or more blue."""
    pixels = [image.getpixel(place) for place in places]
    return ["red" if pixel[0] > pixel[2] else "blue" for pixel in pixels if isinstance(pixel, tuple)]


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
async def test_a_picture_comes_out_of_the_process_as_jpeg(kind: str) -> None:
    clean = opened(await scrubbed(written(halves(), kind), 1600, PIXELS))
    assert (clean.format, clean.size) == ("JPEG", (64, 32))
    assert colours(clean, (5, 16), (60, 16)) == ["red", "blue"]


def test_metadata_and_comments_are_gone() -> None:
    exif = Image.Exif()
    exif[0x010E], exif[0x8825] = "at my home", {1: "N"}
    for data in (
        written(halves(), "JPEG", exif=exif, comment=b"secret", icc_profile=b"profile" * 30),
        written(halves(), "WEBP", exif=exif),
    ):
        clean = scrub(data, 1600, PIXELS)
        assert {"exif", "comment", "icc_profile"}.isdisjoint(opened(clean).info)
        assert b"secret" not in clean
    told = PngInfo()
    told.add_text("Comment", "secret")
    assert b"secret" not in scrub(written(halves(), "PNG", pnginfo=told), 1600, PIXELS)


def test_a_picture_that_a_phone_was_turned_for_is_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the phone was held upright: a quarter turn clockwise makes it so
    clean = opened(scrub(written(halves(), "JPEG", exif=exif), 1600, PIXELS))
    assert clean.size == (32, 64)
    assert colours(clean, (16, 5), (16, 60)) == ["red", "blue"]


def test_a_large_picture_is_made_smaller_and_a_small_one_is_not_enlarged() -> None:
    assert opened(scrub(written(halves(2400, 1200), "JPEG"), 1600, PIXELS)).size == (1600, 800)
    assert opened(scrub(written(halves(40, 20), "PNG"), 1600, PIXELS)).size == (40, 20)
    assert opened(scrub(written(halves(3000, 2), "PNG"), 1600, PIXELS)).size == (1600, 1)


def test_what_can_be_seen_through_is_white() -> None:
    clear = Image.new("RGBA", (16, 16), (0, 0, 0, 0))
    assert opened(scrub(written(clear, "PNG"), 1600, PIXELS)).getpixel((8, 8)) == (255, 255, 255)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_every_kind_of_pixel_is_seen(mode: str) -> None:
    grey = Image.new("I;16", (16, 16), 200 << 8) if mode == "I;16" else Image.new("L", (16, 16), 255).convert(mode)
    seen = opened(scrub(written(grey, "PNG"), 1600, PIXELS)).convert("L").getpixel((8, 8))
    assert seen == (200 if mode == "I;16" else 255)


async def test_a_bomb_ends_the_process_and_nothing_else() -> None:
    with pytest.raises(VisionError, match="cannot be decoded"):
        await scrubbed(png(12_000, 12_000, grey=0), 1600, PIXELS)


async def test_a_process_that_takes_too_much_memory_is_no_process_of_ours() -> None:
    with pytest.raises(VisionError, match="too much memory"):
        await scrubbed(png(16_000, 16_000, grey=7), 1600, 400_000_000)


@pytest.mark.parametrize("data", [jpeg(), webp(), png()[:-30], b"", b"nothing"])
async def test_what_cannot_be_decoded_is_refused(data: bytes) -> None:
    with pytest.raises(VisionError) as refused:
        await scrubbed(data, 1600, PIXELS)
    assert refused.value.code == "broken-picture"


@pytest.mark.parametrize("kind", ["GIF", "BMP", "TIFF", "PPM"])
async def test_no_other_decoder_is_tried(kind: str) -> None:
    with pytest.raises(VisionError):
        await scrubbed(written(halves(), kind), 1600, PIXELS)


async def test_a_process_that_takes_too_long_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "SCRUB_SECONDS", 0.02)
    with pytest.raises(VisionError, match=r"within 0.02 s") as refused:
        await scrubbed(written(halves(), "PNG"), 1600, PIXELS)
    assert (refused.value.code, refused.value.retryable) == ("looking-timeout", True)
    assert running("scrub") == []


async def test_cancelling_kills_the_process() -> None:
    with anyio.move_on_after(0.05) as scope:
        await scrubbed(written(halves(3000, 3000), "PNG"), 1600, PIXELS)
    assert scope.cancelled_caught
    assert running("scrub") == []
