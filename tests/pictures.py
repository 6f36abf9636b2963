"""Pictures made by hand, byte by byte: no decoder and no encoder is needed for them."""

import struct
import zlib

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def chunk(name: bytes, data: bytes = b"") -> bytes:
    """Return a part of a PNG file."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width: int = 8, height: int = 8, *, grey: int = 200, more: bytes = b"") -> bytes:
    """Return a grey PNG file of one bit a pixel where it is black, else of eight; ``more`` stands before its pixels."""
    bits = 8 if grey else 1
    row = b"\0" + bytes([grey]) * (width if bits == 8 else (width + 7) // 8)
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, bits, 0, 0, 0, 0)
    return SIGNATURE + chunk(b"IHDR", header) + more + chunk(b"IDAT", packed) + chunk(b"IEND")


def jpeg(width: int = 8, height: int = 8, *, scan: bytes = b"\x12\xff\x00\x34\xff\xd0\x56") -> bytes:
    """Return what has the parts of a JPEG file and can be told by them; nothing can be decoded of it."""
    app = b"\xff\xe0" + struct.pack(">H", 16) + b"JFIF\0\1\1\0\0\1\0\1\0\0"
    frame = b"\xff\xc2" + struct.pack(">HBHHB", 11, 8, height, width, 1) + b"\1\x11\0"
    return b"\xff\xd8" + app + frame + b"\xff\xda" + struct.pack(">H", 8) + b"\1\1\0\0\x3f\0" + scan + b"\xff\xd9"


def webp(kind: bytes = b"VP8X", width: int = 8, height: int = 8) -> bytes:
    """Return what begins as a WebP file of one of its three kinds."""
    match kind:
        case b"VP8 ":
            body = b"\x10\2\0\x9d\1\x2a" + struct.pack("<HH", width, height)
        case b"VP8L":
            body = b"\x2f" + struct.pack("<I", (width - 1) | (height - 1) << 14)
        case _:
            body = b"\0\0\0\0" + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    body += bytes(16)
    rest = b"WEBP" + kind + struct.pack("<I", len(body)) + body
    return b"RIFF" + struct.pack("<I", len(rest)) + rest
