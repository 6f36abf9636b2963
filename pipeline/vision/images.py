"""What a picture is by its bytes: its kind, its size, where it ends. Pure; nothing is decoded.

A file's name and its type as a client tells it count for nothing. What is no PNG, JPEG or WebP from its first to its
last byte is refused here, before anything is decoded that strangers have made.
"""

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from struct import unpack_from

from pipeline.core.errors import VisionError

ALLOWED = "PNG, JPEG, WebP"
HEAD = 12
"""Bytes from which the kind is known."""
PIECES = 20_000
"""Parts of a file: encoders write one for 4 to 64 KiB, and whoever writes millions wants us to count them."""
LONGEST_SIDE = 16_384
"""Pixels. WebP has no longer one."""

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"
_MARKER = re.compile(rb"\xff([^\x00\xff\xd0-\xd7])")
"""A marker of a JPEG file that is neither part of its data nor a restart within it. Source: ITU-T T.81, B.1.1.2."""
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Markers that tell the size. Source: T.81, table B.1."""
_END, _SCAN, _LONE = 0xD9, 0xDA, (0x01, 0xD8)
_OTHERS = (
    (re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:\?xml|svg|!DOCTYPE)", re.IGNORECASE), "SVG, which is a program"),
    (re.compile(rb"....ftyp(?:hei|hev|mif|msf)", re.DOTALL), "HEIC"),
    (re.compile(rb"....ftypavi", re.DOTALL), "AVIF"),
    (re.compile(rb"GIF8"), "GIF"),
    (re.compile(rb"%PDF"), "PDF"),
)


@dataclass(frozen=True, slots=True)
class Header:
    """What a file says of its picture."""

    width: int
    height: int
    end: int
    """Bytes of the picture; what follows is no part of it."""


def kind_of(head: bytes) -> str:
    """Return ``png``, ``jpeg`` or ``webp`` for a file that begins so: ``HEAD`` bytes of it, or all that there are.

    Raises VisionError ``unsupported-picture``.
    """
    if head.startswith(_PNG):
        return "png"
    if head.startswith(_JPEG):
        return "jpeg"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "webp"
    found = next((name for shape, name in _OTHERS if shape.match(head)), "something else")
    raise VisionError("unsupported-picture", f"the picture is {found}; allowed: {ALLOWED}")


def checked(data: bytes, most_pixels: int) -> bytes:
    """Return the picture alone, if it is one of at most ``most_pixels`` and whole, and nothing else.

    Phones append a video, or the picture once more, to their JPEG files: that is cut off. Raises VisionError:
    ``unsupported-picture``, ``broken-picture``, ``trailing-data``, ``too-many-pixels``.
    """
    kind = kind_of(data[:HEAD])
    try:
        header = _READERS[kind](data)
    except struct.error as error:
        raise _cut_short() from error
    pixels = header.width * header.height
    if not pixels:
        raise VisionError("broken-picture", "the picture has no width or no height")
    if pixels > most_pixels or max(header.width, header.height) > LONGEST_SIDE:
        size = f"{header.width} x {header.height}"
        raise VisionError(
            "too-many-pixels",
            f"the picture has {size} pixels; allowed: {most_pixels} in all, and {LONGEST_SIDE} a side",
        )
    if header.end > len(data):
        raise _cut_short()
    rest = data[header.end :]
    if rest.strip(b"\0") and not (kind == "jpeg" and _by_a_phone(rest)):
        raise VisionError("trailing-data", f"{len(rest)} bytes behind the picture's end are no part of it")
    return data[: header.end]


def _png(data: bytes) -> Header:
    """Source: PNG specification, third edition, 5.3 and 11.2.1."""
    if data[12:16] != b"IHDR":
        raise VisionError("broken-picture", "the picture does not begin with a PNG header")
    width, height = unpack_from(">II", data, 16)
    at = len(_PNG)
    for _ in range(PIECES):
        length, name = unpack_from(">I4s", data, at)
        at += 12 + length
        if name == b"IEND":
            return Header(width, height, at)
    raise _in_pieces()


def _jpeg(data: bytes) -> Header:
    """Source: T.81, annex B. Markers are looked for, so that what lies between them does not matter."""
    width = height = 0
    at = 2
    for _ in range(PIECES):
        found = _MARKER.search(data, at)
        if found is None:
            raise _cut_short()
        marker, at = found[1][0], found.end()
        if marker == _END:
            return Header(width, height, at)
        if marker in _LONE:
            continue
        (length,) = unpack_from(">H", data, at)
        if marker in _FRAMES:
            height, width = unpack_from(">HH", data, at + 3)
        at += length
    raise _in_pieces()


def _webp(data: bytes) -> Header:
    """Source: RFC 9649, section 2."""
    (length,) = unpack_from("<I", data, 4)
    width = height = 0
    match data[12:16]:
        case b"VP8 ":
            width, height = (side & 0x3FFF for side in unpack_from("<HH", data, 26))
        case b"VP8L":
            (bits,) = unpack_from("<I", data, 21)
            width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8X":
            width, height = (int.from_bytes(data[at : at + 3], "little") + 1 for at in (24, 27))
        case _:
            pass
    return Header(width, height, 8 + length)


_READERS: dict[str, Callable[[bytes], Header]] = {"png": _png, "jpeg": _jpeg, "webp": _webp}


def _by_a_phone(rest: bytes) -> bool:
    """Return whether it is what phones append: further pictures (CIPA DC-007), a video, a trailer of Samsung's."""
    return rest.startswith(_JPEG) or rest[4:8] == b"ftyp" or rest.endswith(b"SEFT")


def _cut_short() -> VisionError:
    return VisionError("broken-picture", "the picture is cut short: its end is missing")


def _in_pieces() -> VisionError:
    return VisionError("broken-picture", f"the picture has more than {PIECES} parts")
