"""Whose answers are remembered as whose: an agent, all that its file says, and its documents."""

from hashlib import sha256

from pipeline.core.clock import Clock
from pipeline.dialog.agents import Agent
from pipeline.dialog.cache import AnswerCache, AnswerMemory, Origin
from pipeline.dialog.lookup import Lookup


def memory_of(agent: Agent, lookup: Lookup | None, cache: AnswerCache, clock: Clock) -> AnswerMemory | None:
    """Return what an agent may remember of its answers, if anything."""
    origin = Origin(
        tenant=agent.tenant,
        agent=agent.id,
        version=sha256(agent.model_dump_json().encode()).hexdigest(),
        knowledge=lookup.version if lookup is not None else "",
        language=agent.language,
        greeting=agent.greeting,
    )
    return AnswerMemory(cache, origin, agent.privacy.region, clock) if agent.cache.answers else None
