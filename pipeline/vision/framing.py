"""Framing: how messages go through a pipe to and from the reader's process: each behind its length. Pure."""

from struct import pack, unpack

HEAD_BYTES = 4


def framed(message: bytes) -> bytes:
    """Return a message behind its length."""
    return pack(">I", len(message)) + message


def length(head: bytes) -> int:
    """Return how long the message behind ``HEAD_BYTES`` bytes is."""
    (found,) = unpack(">I", head)
    return int(found)
