"""Builds what the model reads. Pure. The prefix is byte-stable: nothing in it depends on call, turn or time."""

import json
from collections.abc import Sequence

from pipeline.core.stages import Message, ToolSpec
from pipeline.dialog.agents import Agent
from pipeline.dialog.tokens import PER_MESSAGE, tokens
from pipeline.settings import Dialog

VOICE_RULES = (
    "How you answer: you are speaking on the telephone, so answer the caller's question in one short, complete, "
    "friendly sentence. No lists, no headings, no symbols. Use only what you know from above. If you do not know it, "
    "say so."
)
"""What every agent is told, whatever its persona."""
TOOLS = 180
"""Tokens in which a template says what tools are and how one is called. Source: the Modelfile of Qwen2.5-Coder."""
PER_TOOL = 25
"""Tokens of JSON around each tool."""


def messages(persona: str, said: Sequence[Message]) -> list[Message]:
    """Return the system message followed by what has been said."""
    return [_system(persona), *said]


def room(agent: Agent, settings: Dialog, tools: Sequence[ToolSpec] = ()) -> int:
    """Return about how many tokens of the context are left for what was said; negative when the persona fills it.

    ``tools`` are those that the model is told of beside the agent's own.
    """
    told = [*(tool.spec for tool in agent.tools), *tools]
    reply = agent.writing.num_predict or settings.num_predict
    quotes = agent.knowledge.characters // 2 if agent.knowledge.file else 0
    return settings.num_ctx - reply - quotes - _told(told) - tokens(_system(agent.persona).text) - 2 * PER_MESSAGE


def _told(tools: Sequence[ToolSpec]) -> int:
    """Return about how many tokens it takes to tell a model of tools."""
    written = (f"{tool.name} {tool.description} {json.dumps(tool.parameters)}" for tool in tools)
    return sum(tokens(text) + PER_TOOL for text in written) + (TOOLS if tools else 0)


def _system(persona: str) -> Message:
    return Message("system", f"{persona.strip()}\n\n{VOICE_RULES}")
