"""The contract's messages as protobuf JSON, as they go over a data channel and HTTP. Pure."""

from collections.abc import Sequence
from typing import Protocol

from google.protobuf import json_format
from google.protobuf.message import DecodeError
from google.rpc import status_pb2

from pipeline.entrances.generated.voicepipe.v1.conversation_pb2 import ConverseRequest, ConverseResponse

DEPTH = 32
"""Deepest nesting of a message: that of a tool's schema or result."""


def read_json(text: str) -> ConverseRequest:
    """Return a client's message. Fields that are not known are passed over, as gRPC does.

    Raises google.protobuf's DecodeError for what is no message.
    """
    try:
        return json_format.Parse(text, ConverseRequest(), ignore_unknown_fields=True, max_recursion_depth=DEPTH)
    except (json_format.ParseError, RecursionError, UnicodeError) as error:
        raise DecodeError("no ConverseRequest in JSON") from error


def write_json(message: ConverseResponse) -> str:
    """Return a message for a client: field names in lowerCamelCase, 64-bit numbers as strings, as protobuf JSON has it.

    Lone surrogates cannot be: protobuf strings are valid Unicode.
    """
    return json_format.MessageToJson(message, indent=None, ensure_ascii=False)


class Dialect(Protocol):
    """In which words a call goes over a data channel. One for each connection."""

    @property
    def resumes(self) -> bool:
        """Return whether a client can go on with its call over another connection."""
        ...

    def opening(self) -> Sequence[str]:
        """Return what a client is told once its channel is open."""
        ...

    def take(self, text: str) -> tuple[Sequence[ConverseRequest], Sequence[str]]:
        """Return what a text means, and what is answered at once. Raises DecodeError for what is no message."""
        ...

    def tell(self, message: ConverseResponse) -> Sequence[str]:
        """Return the texts that tell of a message. Of a reply's sound it is told as well, which goes another way."""
        ...

    def farewell(self, status: status_pb2.Status) -> Sequence[str]:
        """Return what a client is told last."""
        ...


class Contract:
    """The contract itself."""

    resumes = True

    def opening(self) -> Sequence[str]:
        """Return nothing: the client speaks first."""
        return ()

    def take(self, text: str) -> tuple[Sequence[ConverseRequest], Sequence[str]]:
        """Return the message. Raises DecodeError."""
        return [read_json(text)], ()

    def tell(self, message: ConverseResponse) -> Sequence[str]:
        """Return the message, unless it is sound."""
        return () if message.HasField("audio") else [write_json(message)]

    def farewell(self, status: status_pb2.Status) -> Sequence[str]:
        """Return the stream's status, as gRPC would have it."""
        return [f'{{"status": {json_format.MessageToJson(status, indent=None)}}}']
