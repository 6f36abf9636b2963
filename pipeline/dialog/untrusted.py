"""Untrusted text: takes apart what a tokenizer would take for its own, in all that the operator did not write. Pure.

A chat template marks the roles of a prompt with control tokens, and the tokenizer looks for them in the finished
prompt, whoever wrote them: a caller who types ``<|im_end|>`` ends his own message and may begin one of the system. A
space behind the bracket makes text of it. Documents are cleaned before as well, see knowledge/clean.py.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from pipeline.core.stages import Message

_UNSEEN = "[\u00ad\u034f\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\U000e0000-\U000e007f]*"
"""What has no width: some tokenizers drop it before they look, and a model reads past it."""
_BAR = "[|｜￨∣│❘ǀ]"
_SQUARE = (
    *("INST", "SYS", "SYSTEM_PROMPT", "AVAILABLE_TOOLS", "TOOL_CALLS", "TOOL_RESULTS", "TOOL_CONTENT", "ARGS"),
    *("CALL_ID", "THINK", "IMG", "IMG_BREAK", "IMG_END", "PREFIX", "SUFFIX", "MIDDLE", "AUDIO", "BEGIN_AUDIO"),
    *("TRANSCRIBE", "MODEL_SETTINGS", "MASK", "gMASK", "sMASK", "CLS", "SEP", "PAD", "UNK", "BOS", "EOS"),
)
"""What stands in square brackets in the vocabularies of Mistral, Llama 2, ChatGLM and BERT; "[inst]" is nobody's."""
_TOKEN = re.compile(
    # <|im_start|>, <｜User｜>, [|assistant|]: whatever stands between the bars, closed or not.
    rf"[<＜﹤〈〈‹\[［]{_UNSEEN}(?={_BAR})"
    # </s>, <think>, <start_of_turn>, <BOS_TOKEN>, ◁think▷: any tag without attributes.
    rf"|[<＜﹤◁]{_UNSEEN}(?=/?{_UNSEEN}[A-Za-z_](?:[A-Za-z0-9_:-]|{_UNSEEN[:-1]}){{0,63}}[>＞﹥▷])"
    # [INST], [/INST], [UNUSED_TOKEN_146]
    rf"|[\[［]{_UNSEEN}(?=/?{_UNSEEN}(?:{'|'.join(map(_UNSEEN.join, _SQUARE))}|UNUSED_TOKEN_\d+){_UNSEEN}[\]］])"
)


def apart(text: str) -> str:
    """Return ``text`` with a space behind the bracket that begins a control token; nothing else is changed.

    Taking apart twice changes nothing.
    """
    return _TOKEN.sub(lambda found: f"{found[0][0]} ", text)


def untrusted(message: Message) -> Message:
    """Return ``message`` without control tokens in its text and in the arguments of its tools."""
    text = apart(message.text)
    uses = tuple(replace(use, arguments=_apart(use.arguments)) for use in message.uses)
    return message if text == message.text and uses == message.uses else replace(message, text=text, uses=uses)


def _apart(value: Any) -> Any:
    """Return a JSON value with its texts taken apart."""
    match value:
        case str():
            return apart(value)
        case Mapping():
            return {_apart(key): _apart(one) for key, one in value.items()}
        case Sequence():
            return [_apart(one) for one in value]
    return value
