"""What is taken for a picture, by its bytes."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.errors import VisionError
from pipeline.vision.images import PIECES, checked, kind_of
from tests.pictures import SIGNATURE, chunk, jpeg, png, webp

PIXELS = 12_000_000
WHOLE = {
    "png": png(),
    "jpeg": jpeg(),
    "webp": webp(),
    "webp-lossy": webp(b"VP8 "),
    "webp-lossless": webp(b"VP8L"),
}


def refusal(data: bytes) -> tuple[str, str]:
    with pytest.raises(VisionError) as refused:
        checked(data, PIXELS)
    return refused.value.code, str(refused.value)


@pytest.mark.parametrize("name", WHOLE)
def test_a_whole_picture_is_taken_as_it_is(name: str) -> None:
    assert checked(WHOLE[name], PIXELS) == WHOLE[name]
    assert kind_of(WHOLE[name][:12]) == name.partition("-")[0]


@pytest.mark.parametrize("make", [png, jpeg, lambda *size: webp(b"VP8 ", *size), lambda *size: webp(b"VP8L", *size)])
def test_the_size_is_read_from_the_header(make: Callable[..., bytes]) -> None:
    code, message = refusal(make(4001, 3000))
    assert code == "too-many-pixels"
    assert "4001 x 3000" in message


def test_a_small_file_with_many_pixels_is_refused_before_it_is_decoded() -> None:
    bomb = png(12_000, 12_000, grey=0)
    assert len(bomb) < 200_000
    assert refusal(bomb)[0] == "too-many-pixels"


def test_a_picture_of_one_long_line_is_refused() -> None:
    assert refusal(png(20_000, 1))[0] == "too-many-pixels"


@pytest.mark.parametrize("name", WHOLE)
def test_a_picture_that_is_cut_short_anywhere_is_refused(name: str) -> None:
    whole = WHOLE[name]
    for length in range(13, len(whole)):
        assert refusal(whole[:length])[0] == "broken-picture", length


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("rest", [b"PK\3\4 an archive", b"<script>", b"\0\0\0\0%PDF-1.7", b"x"])
def test_a_picture_that_is_something_else_as_well_is_refused(name: str, rest: bytes) -> None:
    code, message = refusal(WHOLE[name] + rest)
    assert code == "trailing-data"
    assert str(len(rest)) in message


@pytest.mark.parametrize("rest", [jpeg(), b"\0\0\0\x18ftypmp42 a video", b"MotionPhoto_Data ... SEFT", b"\0\0"])
def test_what_phones_append_to_a_picture_is_cut_off(rest: bytes) -> None:
    assert checked(jpeg() + rest, PIXELS) == jpeg()


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "SVG"),
        (b'\xef\xbb\xbf  <?xml version="1.0"?><svg/>', "SVG"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1", "HEIC"),
        (b"\0\0\0\x1cftypavif", "AVIF"),
        (b"GIF89a" + bytes(20), "GIF"),
        (b"%PDF-1.7\n", "PDF"),
        (b"", "something else"),
        (b"BM" + bytes(60), "something else"),
    ],
)
def test_what_is_no_picture_of_ours_is_refused_by_its_name(data: bytes, named: str) -> None:
    code, message = refusal(data)
    assert code == "unsupported-picture"
    assert named in message
    assert "PNG, JPEG, WebP" in message


def test_pictures_without_pixels_are_refused() -> None:
    assert refusal(png(0, 8))[0] == "broken-picture"
    assert refusal(jpeg(8, 0))[0] == "broken-picture"
    assert refusal(webp(b"ALPH"))[0] == "broken-picture"


def test_a_file_of_very_many_parts_is_refused() -> None:
    assert refusal(png(more=chunk(b"tEXt") * PIECES))[0] == "broken-picture"
    comments = b"\xff\xfe\0\2" * PIECES
    assert refusal(b"\xff\xd8" + comments + jpeg()[2:])[0] == "broken-picture"


@given(st.sampled_from([SIGNATURE, b"\xff\xd8\xff", b"RIFF\x20\0\0\0WEBPVP8X", b""]), st.binary(max_size=200))
def test_any_bytes_are_taken_or_refused_in_our_words(head: bytes, rest: bytes) -> None:
    try:
        taken = checked(head + rest, PIXELS)
    except VisionError:
        return
    assert (head + rest).startswith(taken)
