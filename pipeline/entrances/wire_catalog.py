"""What this server offers, as clients are told before a call. Pure."""

from pipeline.entrances.generated.voicepipe.v1 import catalog_pb2
from pipeline.entrances.reception import Ground
from pipeline.entrances.switchboard import AgentCard
from pipeline.entrances.wire_start import RATES
from pipeline.entrances.wire_terms import encodings, write_limits


def write_agents(ground: Ground) -> catalog_pb2.ListAgentsResponse:
    """Return all agents, by id, and what holds for all calls."""
    return catalog_pb2.ListAgentsResponse(
        agents=[_agent(card) for card in sorted(ground.switchboard.agents(), key=lambda card: card.id)],
        encodings=encodings(),
        sample_rates_hz=RATES,
        limits=write_limits(ground.max_duration, ground.image_bytes),
        server_version=ground.version,
    )


def _agent(card: AgentCard) -> catalog_pb2.Agent:
    return catalog_pb2.Agent(
        agent_id=card.id,
        display_name=card.name,
        description=card.description,
        languages=card.languages,
        voice=card.voice,
        is_default=card.default,
    )
