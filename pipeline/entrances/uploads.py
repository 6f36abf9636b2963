"""Uploads: pictures on their way in, over gRPC in chunks and over HTTP as they come."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any, Protocol

from google.protobuf.timestamp_pb2 import Timestamp
from grpc.aio import EOF

from pipeline.core.errors import EntranceError, VisionError
from pipeline.entrances import fields
from pipeline.entrances.generated.voicepipe.v1 import media_pb2
from pipeline.entrances.switchboard import Switchboard
from pipeline.entrances.wire_in import MIME_TYPES
from pipeline.entrances.wire_records import read_id
from pipeline.session.pictures import Kept

CHUNK_BYTES = 64 * 1024
"""Largest chunk of an upload over gRPC."""


class Sender(Protocol):
    """A client that uploads: what gRPC's context has."""

    async def read(self) -> Any:
        """Return the next message, or EOF."""
        ...


async def upload(stream: Sender, board: Switchboard, most: int) -> media_pb2.UploadMediaResponse:
    """Take the picture that a stream brings, a header first. Raises EntranceError; ``most`` are its bytes."""
    header = await _header(stream)
    pictures = board.pictures(read_id(header.conversation_id))
    if header.mime_type not in MIME_TYPES:
        raise fields.wrong("header.mime_type", f"is {header.mime_type!r}; allowed: {', '.join(MIME_TYPES)}")
    if most and header.size_bytes > most:
        raise fields.wrong("header.size_bytes", f"is {header.size_bytes}; allowed: 0 to {most}")
    try:
        async with aclosing(_chunks(stream, header.size_bytes)) as chunks:
            kept = await pictures.take(chunks)
    except VisionError as error:
        about_bytes = error.code not in {"vision-off", "call-over", "too-many-pictures"}
        field = "chunk" if about_bytes else ""
        raise EntranceError(error.code, str(error), field=field, retryable=error.retryable) from error
    return write_kept(kept)


def write_kept(kept: Kept) -> media_pb2.UploadMediaResponse:
    """Return what a client is told of a picture that was taken."""
    expires = Timestamp()
    expires.FromMilliseconds(round(kept.expires * 1000))
    return media_pb2.UploadMediaResponse(
        media_id=kept.media, sha256=kept.sha256, size_bytes=kept.size, expire_time=expires
    )


def told(kept: Kept) -> dict[str, Any]:
    """Return the same as JSON."""
    expires = datetime.fromtimestamp(kept.expires, UTC).isoformat(timespec="seconds")
    return {
        "media_id": kept.media,
        "sha256": kept.sha256.hex(),
        "size_bytes": kept.size,
        "expire_time": expires.replace("+00:00", "Z"),
    }


async def _header(stream: Sender) -> media_pb2.MediaHeader:
    first = await stream.read()
    if first is EOF or first.WhichOneof("part") != "header":
        raise EntranceError("no-start", "the first message of an upload is header", field="header")
    header: media_pb2.MediaHeader = first.header
    return header


async def _chunks(stream: Sender, size: int) -> AsyncGenerator[bytes, None]:
    """Yield the bytes of a picture. Raises EntranceError for what is no chunk, and where the size is not as said."""
    received = 0
    while (message := await stream.read()) is not EOF:
        if message.WhichOneof("part") != "chunk":
            raise EntranceError("no-start", "header came again, or nothing; the rest are chunks", field="header")
        if not 1 <= len(message.chunk) <= CHUNK_BYTES:
            raise fields.wrong("chunk", f"has {len(message.chunk)} bytes; allowed: 1 to {CHUNK_BYTES}")
        received += len(message.chunk)
        yield message.chunk
    if size and received != size:
        raise fields.wrong("header.size_bytes", f"is {size}, and {received} bytes came")
