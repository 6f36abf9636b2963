"""Wishes: a client's wishes, an agent's file and the settings, joined into the plan of one call. Pure."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pipeline.core.errors import EntranceError
from pipeline.core.events import EndpointingChanged
from pipeline.dialog.agents import Agent
from pipeline.dialog.prompt import room
from pipeline.dialog.state import DialogState
from pipeline.dialog.summary import LONGEST
from pipeline.dialog.tools.toolbox import Tool, Toolbox
from pipeline.entrances.switchboard import BargeInMode, BargeInRules, CallStart, Terms
from pipeline.entrances.switchboard import DigitRules as DigitTerms
from pipeline.session.digits import DigitRules
from pipeline.session.languages import shapes
from pipeline.session.plan import CallPlan
from pipeline.session.shape import ReplyShape
from pipeline.settings import Settings, SettingsError

PAUSABLE = 0.4
"""Furthest ahead of real time, in seconds, at which a pause is soon heard; with more, speech stops a reply at once."""
LEAST_SUMMED_UP = 4 * LONGEST
"""Tokens of a conversation from which on a part of them is kept for a summary."""


def plan_of(settings: Settings, start: CallStart, agent: Agent) -> CallPlan:
    """Return how a call is to be conducted that starts so."""
    wishes = start.endpointing
    mode = start.barge_in.mode or (BargeInMode.ANY if settings.barge_in.enabled else BargeInMode.NONE)
    min_speech, protected, resume = start.barge_in.min_speech, start.barge_in.protected, start.barge_in.resume
    tokens = room(agent, settings.dialog, start.tools, picture=settings.vision.reserved)
    playout = settings.playout.model_copy(update=_given(lead=start.wants.lead))
    shape = ReplyShape(
        speaking=settings.speaking,
        playout=playout,
        channels=settings.channels,
        paced=start.wants.paced,
        speech_stops=mode in {BargeInMode.SPEECH, BargeInMode.ANY},
        reports_playback=start.reports_playback,
        protected_start=settings.barge_in.protected if protected is None else protected,
        primes=settings.dialog.prime,
        ladder=settings.ladder,
        phrases=agent.phrases,
        language=agent.language,
    )
    (first, *others), beyond = shapes(shape, agent, start.languages, follows=not settings.recognition.language)
    return CallPlan(
        agent=agent.spoken_in(first.language),
        call=settings.call.model_copy(update=_given(no_input=wishes.no_input)),
        endpointing=settings.endpointing.changed(
            min_silence=wishes.min_silence, max_silence=wishes.max_silence, max_speech=wishes.max_speech
        ),
        digits_stop=mode in {BargeInMode.DTMF, BargeInMode.ANY},
        sustained=settings.barge_in.min_speech if min_speech is None else min_speech,
        partial_every=settings.recognition.partial_every,
        digits=replace(
            DigitRules(),
            **_given(limit=start.digits.limit, terminators=start.digits.terminators, pause=start.digits.pause),
        ),
        language=settings.recognition.language or first.language,
        history_turns=settings.dialog.history_turns,
        history_tokens=tokens,
        summary_tokens=LONGEST if settings.dialog.summary and tokens >= LEAST_SUMMED_UP else 0,
        pauses=(settings.barge_in.resume if resume is None else resume)
        and start.wants.paced
        and playout.lead <= PAUSABLE,
        client_tools=start.tools,
        client_patience=settings.dialog.tool_timeout,
        echo_gate=settings.barge_in.echo_gate,
        picture_tokens=settings.vision.tokens,
        state=DialogState(agent.slots, first.language, start.parameters, agent.parameters),
        reply=first,
        others=tuple(others),
        beyond=tuple(beyond),
    )


def _given(**wishes: object) -> dict[str, Any]:
    """Return the wishes that were made."""
    return {name: value for name, value in wishes.items() if value is not None}


def check_tools(start: CallStart, agent: Agent, toolbox: Toolbox) -> None:
    """Return if the client's tools can be offered beside the agent's. Raises EntranceError."""
    taken = {tool.name for tool in (*toolbox.specs, *agent.control.specs())}
    for at, tool in enumerate(start.tools):
        if tool.name in taken:
            path = f"start.tools[{at}].name"
            raise EntranceError("invalid-value", f"{path} is {tool.name}, a tool of the agent's own", field=path)
        try:
            Toolbox([Tool(tool, _never)])
        except SettingsError as error:
            path = f"start.tools[{at}].parameters"
            raise EntranceError(
                "invalid-value", f"{path} is no JSON Schema of an object: {error}", field=path
            ) from error


async def _never(_arguments: Mapping[str, Any]) -> str:
    raise AssertionError("checked and never run")


def terms_of(agent: Agent, plan: CallPlan) -> Terms:
    """Return what the client is told of a plan."""
    modes = {
        (True, True): BargeInMode.ANY,
        (True, False): BargeInMode.SPEECH,
        (False, True): BargeInMode.DTMF,
        (False, False): BargeInMode.NONE,
    }
    return Terms(
        agent=agent.id,
        language=plan.language or "",
        languages=tuple(shape.language for shape in (plan.reply, *plan.others, *plan.beyond)),
        max_duration=plan.call.max_duration,
        endpointing=EndpointingChanged(
            no_input=plan.call.no_input,
            min_silence=plan.endpointing.min_silence,
            max_silence=plan.endpointing.max_silence,
            max_speech=plan.endpointing.max_speech,
        ),
        barge_in=BargeInRules(
            mode=modes[plan.speech_stops, plan.digits_stop],
            min_speech=plan.sustained,
            protected=plan.reply.protected_start,
            resume=plan.pauses,
        ),
        digits=DigitTerms(limit=plan.digits.limit, terminators=plan.digits.terminators, pause=plan.digits.pause),
        lead=plan.reply.playout.lead,
        frame=plan.reply.playout.frame,
    )
