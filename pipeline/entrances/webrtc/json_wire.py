"""The contract's messages as protobuf JSON, as they go over a data channel and HTTP. Pure."""

from google.protobuf import json_format
from google.protobuf.message import DecodeError

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
