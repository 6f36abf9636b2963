"""Foreign: which phrases a caller would hear in another language than the call's. Pure."""

from pipeline.dialog.agents import KNOWN_PHRASES, Agent

KEPT_EMPTY = {"person"}
"""Phrases that say nothing where they are left out."""


def foreign(agent: Agent) -> dict[str, tuple[str, ...]]:
    """Return the keys that are missing in an agent's file, by the tag of the language in which they would be said.

    What its first language leaves out is said in English; what another does, in the first.
    """
    missing = {tag: tuple(_missing(agent, tag)) for tag in agent.languages}
    if agent.language not in KNOWN_PHRASES:
        phrases = (name for name in type(agent.phrases).model_fields if name not in agent.phrases.model_fields_set)
        control = (name for name in agent.control.phrases() if name not in agent.control.model_fields_set)
        left_out = (
            *(f"phrases.{name}" for name in phrases if name not in KEPT_EMPTY),
            *(f"control.{name}" for name in control),
        )
        missing = {agent.language: left_out, **missing}
    return {tag: keys for tag, keys in missing.items() if keys}


def _missing(agent: Agent, tag: str) -> list[str]:
    other = agent.languages[tag]
    control = [f"control.{key}" for key in agent.control.phrases() if getattr(other.control, key) is None]
    tools = [
        f"tools.{tool.name}.{key}"
        for tool in agent.tools
        for key in tool.words()
        if tool.name not in other.tools or getattr(other.tools[tool.name], key) is None
    ]
    return [f"languages.{tag}.{key}" for key in (*control, *tools)]
