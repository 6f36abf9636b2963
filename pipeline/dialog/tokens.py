"""Tokens: about how many a text has, without asking the model. Pure."""

import re

PER_MESSAGE = 8
"""What a chat template adds to a message. Source: ChatML's ``<|im_start|>role``, ``<|im_end|>`` and two line breaks."""
_LETTERS_PER_TOKEN = 3
_PART = re.compile(r"[A-Za-z]+|\s(?=\d)|\d|[^\sA-Za-z\d]")


def tokens(text: str) -> int:
    """Return about how many tokens ``text`` has, rather too many: a prompt that is too long loses its beginning.

    A word in Latin letters counts one for each three letters begun, a figure, the space before it and a mark one, a
    letter of another script two. Qwen2.5 and SmolLM2 count less, English two thirds: see tests/engine/test_tokens.py.
    """
    return sum(_weight(part) for part in _PART.findall(text))


def ending(text: str, most: int) -> str:
    """Return the last part of ``text`` that has at most so many tokens."""
    left = most
    for part in reversed(list(_PART.finditer(text))):
        left -= _weight(part.group())
        if left < 0:
            return text[part.end() :].lstrip()
    return text


def beginning(text: str, most: int) -> str:
    """Return the first part of ``text`` that has at most so many tokens."""
    left = most
    for part in _PART.finditer(text):
        left -= _weight(part.group())
        if left < 0:
            return text[: part.start()].rstrip()
    return text


def _weight(part: str) -> int:
    if part.isascii():
        return -(-len(part) // _LETTERS_PER_TOKEN)
    return 2
