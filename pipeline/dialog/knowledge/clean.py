"""Takes out of a document's text what a reader cannot see and what a chat model would take for its own. Pure."""

import re
import unicodedata

_INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0\u2800")
"""Characters without ink that Unicode does not count among the format characters."""
_BARS = re.compile(r"<(?=[|｜])|(?<=[|｜])>")
"""Half of ``<|im_start|>`` or ``<｜User｜>``."""
_TOKENS = re.compile(
    r"</?(?:s|bos|eos|pad|unk|think|thinking|reasoning|reserved_\w{1,20}|start_of_turn|end_of_turn|start_of_image"
    r"|tools?|tool_calls?|tool_response|tool_outputs?|function|functions|system|user|assistant|human|message)>"
    r"|\[/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS|TOOL_CONTENT|IMG|PREFIX|SUFFIX|MIDDLE)\]"
    r"|<</?SYS>>",
    re.IGNORECASE,
)
"""Tokens of the templates of Llama, Mistral, Gemma, Qwen and their kin, that are written without bars."""
_SPACES = re.compile(r"[^\S\n]+")
_BREAKS = re.compile(r" ?\n ?")


def cleaned(text: str) -> str:
    """Return ``text`` without what is invisible and with template tokens taken apart, in Unicode's composed form.

    Runs of spaces become one; line breaks stay. Cleaning twice changes nothing.
    """
    before = ""
    while text != before:
        before, text = text, _once(text)
    return text


def one_line(text: str) -> str:
    """Return ``text`` cleaned, on one line."""
    return " ".join(cleaned(text).split())


def _once(text: str) -> str:
    text = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))
    text = "".join(map(_visible, text))
    # A space where a token was: what stood around it must not become another one.
    text = _BARS.sub(" ", _TOKENS.sub(" ", text))
    return _BREAKS.sub("\n", _SPACES.sub(" ", text)).strip()


def _visible(character: str) -> str:
    """Return the character, a space for a control character, or nothing for what cannot be seen.

    The format characters (Cf) are the zero-width ones, those that change the direction of text, and the tags.
    """
    if character == "\n" or " " <= character <= "~":
        return character
    category = unicodedata.category(character)
    if category in {"Cf", "Co", "Cs"} or character in _INVISIBLE or "\ufe00" <= character <= "\ufe0f":
        return ""
    if category == "Cn" and (character >= "\U000e0000" or ord(character) & 0xFFFE == 0xFFFE):
        # Others without a name may be letters that are younger than this Python.
        return ""
    if category in {"Zl", "Zp"}:
        return "\n"
    return " " if category == "Cc" else character
