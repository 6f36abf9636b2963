"""Builds what the model reads. Pure. The prefix is byte-stable: nothing in it depends on call, turn or time."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from pipeline.core.stages import Message, ToolSpec
from pipeline.dialog.agents import Agent
from pipeline.dialog.notes import paragraphs
from pipeline.dialog.state import SHOWN
from pipeline.dialog.tokens import PER_MESSAGE, tokens
from pipeline.dialog.untrusted import untrusted
from pipeline.settings import Dialog

VOICE_RULES = (
    "How you answer: you are speaking on the telephone, so answer the caller's question in one short, complete, "
    "friendly sentence. No lists, no headings, no symbols. Use only what you know from above. If you do not know it, "
    "say so."
)
"""What every agent is told, whatever its persona."""
RULES_IN: Mapping[str, str] = MappingProxyType(
    {
        "zh": "回答方式：你正在打电话，请用一句简短、完整、友好的中文回答客人的问题。不要列表、标题和符号。"
        "只用上面的内容回答，不知道就说不知道。"
    }
)
"""The same for personas in other languages."""
TOOLS = 180
"""Tokens in which a template says what tools are and how one is called. Source: the Modelfile of Qwen2.5-Coder."""
PER_TOOL = 25
"""Tokens of JSON around each tool."""


def messages(persona: str, said: Sequence[Message], language: str = "en") -> list[Message]:
    """Return what engines read: the system message, whose persona is in ``language``, and what has been said.

    What is quoted with a message stands in its text. Nothing is a control token but in the persona, which is the
    operator's.
    """
    return [_system(persona, language), *(untrusted(_whole(message)) for message in said)]


def room(agent: Agent, settings: Dialog, tools: Sequence[ToolSpec] = (), *, picture: int = 0) -> int:
    """Return about how many tokens of the context are left for what was said; negative when the persona fills it.

    ``tools`` are those that the model is told of beside the agent's own; ``picture`` is kept for what a picture says.
    """
    told = [*(tool.spec for tool in agent.tools), *agent.control.specs(), *tools]
    reply = agent.writing.num_predict or settings.num_predict
    quotes = agent.knowledge.characters // 2 if agent.knowledge.any else 0
    known = SHOWN if agent.slots or agent.parameters or told else 0
    context = (agent.writing.num_ctx or settings.num_ctx) - reply - quotes - known - _told(told) - picture
    return context - tokens(_system(agent.persona, agent.language).text) - 2 * PER_MESSAGE


def _told(tools: Sequence[ToolSpec]) -> int:
    """Return about how many tokens it takes to tell a model of tools."""
    written = (f"{tool.name} {tool.description} {json.dumps(tool.parameters)}" for tool in tools)
    return sum(tokens(text) + PER_TOOL for text in written) + (TOOLS if tools else 0)


def _whole(message: Message) -> Message:
    """Return a message with all that the model reads in its text."""
    return replace(message, text=paragraphs(message.above, message.text, message.below), above="", below="")


def _system(persona: str, language: str) -> Message:
    return Message("system", f"{persona.strip()}\n\n{RULES_IN.get(language, VOICE_RULES)}")
