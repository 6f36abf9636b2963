"""Sessions: OpenAI's session settings as a start of the contract, and as new settings of a call. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from google.protobuf import json_format

from pipeline.core.errors import EntranceError
from pipeline.entrances.fields import at, text_at
from pipeline.entrances.generated.voicepipe.v1 import config_pb2
from pipeline.entrances.generated.voicepipe.v1.config_pb2 import ConversationStart, EndpointingConfig, ToolDeclaration

INSTRUCTIONS = "instructions"
"""The parameter of the call that holds the page's instructions. They are data about the call: an agent's rules are its
own, and a page's may be anybody's."""
KEPT = frozenset({"output_modalities", "audio", "tools", "prompt"})
COMPLETE_MS = (100, 5000)
NO_INPUT_MS = (500, 120_000)
"""What the contract takes."""

Fields = Mapping[str, Any]


def read_session(session: Fields, agent: str) -> ConversationStart:
    """Return the start that a first ``session.update`` stands for; ``agent`` where it names none.

    Raises EntranceError ``invalid-value`` with the field.
    """
    start = ConversationStart(agent_id=text_at(session, "prompt", "id") or agent)
    language = text_at(session, "audio", "input", "transcription", "language")
    start.languages.extend([language] if language else [])
    instructions = text_at(session, "instructions")
    if instructions:
        start.parameters.update({INSTRUCTIONS: instructions})
    start.tools.extend(_tools(session))
    turns = read_turns(session)
    if turns is not None:
        start.endpointing.CopyFrom(turns)
    if at(session, "audio", "input", "turn_detection", "interrupt_response") is False:
        start.barge_in.mode = config_pb2.BARGE_IN_MODE_NONE
    return start


def read_turns(session: Fields) -> EndpointingConfig | None:
    """Return what a session says of turn-taking, None where that is nothing we take."""
    found = EndpointingConfig()
    silence = at(session, "audio", "input", "turn_detection", "silence_duration_ms")
    patience = at(session, "audio", "input", "turn_detection", "idle_timeout_ms")
    if _is_number(silence):
        found.speech_complete_ms = _within(silence, COMPLETE_MS)
    if _is_number(patience):
        found.no_input_ms = _within(patience, NO_INPUT_MS)
    return found if found.ListFields() else None


def not_taken(session: Fields) -> Iterator[tuple[str, str]]:
    """Yield the fields of a session that change nothing though a client might count on them, and why."""
    turns = at(session, "audio", "input")
    if isinstance(turns, Mapping) and "turn_detection" in turns and turns["turn_detection"] is None:
        yield "session.audio.input.turn_detection", "the service hears when a turn is over; a commit ends one at once"
    if at(session, "audio", "input", "turn_detection", "create_response") is False:
        yield "session.audio.input.turn_detection.create_response", "every turn is answered"
    modalities = at(session, "output_modalities")
    if isinstance(modalities, Sequence) and "audio" not in modalities:
        yield "session.output_modalities", "replies are spoken, and their text is told as well"


def kept(session: Fields) -> dict[str, Any]:
    """Return the parts of a session that are told back."""
    return {key: value for key, value in session.items() if key in KEPT}


def write_session(number: str, agent: str, session: Fields) -> dict[str, Any]:
    """Return a session as it is in force: what the client asked for, under our id and agent."""
    return {**session, "type": "realtime", "object": "realtime.session", "id": number, "model": agent}


def _tools(session: Fields) -> Iterator[ToolDeclaration]:
    tools = session.get("tools")
    for index, tool in enumerate(tools if isinstance(tools, list) else ()):
        place = f"session.tools[{index}]"
        if not isinstance(tool, dict) or tool.get("type") != "function":
            raise EntranceError("invalid-value", f"{place}.type; allowed: function", field=place)
        declared = {
            "name": tool.get("name"),
            "description": tool.get("description") or tool.get("name"),
            "parameters": tool.get("parameters") or {},
        }
        try:
            yield json_format.ParseDict(declared, ToolDeclaration())
        except json_format.ParseError as error:
            raise EntranceError("invalid-value", f"{place}: {error}", field=place) from error


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value == value  # noqa: PLR0124 - NaN


def _within(value: float, bounds: tuple[int, int]) -> int:
    return round(min(max(value, bounds[0]), bounds[1]))
