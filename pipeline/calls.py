"""Calls: the service's switchboard. Joins a client's wishes, the agent and the settings into the plan of one call."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from hashlib import sha256
from typing import Any

import anyio

from pipeline.core.clock import Clock
from pipeline.core.errors import EntranceError
from pipeline.core.events import CallEnd, CallEnded, CallEvent, EndpointingChanged, ReplyEnded
from pipeline.core.stages import TurnModel, VoiceActivityEngine
from pipeline.dialog.agents import Agent
from pipeline.dialog.cache import AnswerCache, AnswerMemory, Origin
from pipeline.dialog.lookup import Lookup
from pipeline.dialog.prompt import room
from pipeline.dialog.responder import Responder
from pipeline.dialog.routing import Router
from pipeline.dialog.state import DialogState
from pipeline.dialog.summary import LONGEST
from pipeline.dialog.tools.toolbox import Tool, Toolbox
from pipeline.entrances.switchboard import AgentCard, BargeInMode, BargeInRules, CallStart, CutOff, Terms
from pipeline.entrances.switchboard import DigitRules as DigitTerms
from pipeline.hearing.scheduler import RecognitionQueue
from pipeline.observe import CallObserver, Metrics
from pipeline.session.digits import DigitRules
from pipeline.session.headroom import Headroom
from pipeline.session.ladder import BudgetLadder
from pipeline.session.languages import shapes
from pipeline.session.line import Line
from pipeline.session.plan import CallPlan, Engines
from pipeline.session.session import Session
from pipeline.session.shape import ReplyShape
from pipeline.settings import Settings, SettingsError
from pipeline.speaking.phrases import PhraseBook

PAUSABLE = 0.4
"""Furthest ahead of real time, in seconds, at which a pause is soon heard; with more, speech stops a reply at once."""
LEAST_SUMMED_UP = 4 * LONGEST
"""Tokens of a conversation from which on a part of them is kept for a summary."""


@dataclass(frozen=True, slots=True)
class Shared:
    """The engines that all calls share, loaded and warm."""

    voice: VoiceActivityEngine
    recognitions: RecognitionQueue
    turn_model: TurnModel | None
    router: Callable[[Agent], Router]
    """Returns who answers for an agent."""
    synthesizer: PhraseBook
    voices: Mapping[str, PhraseBook] = field(default_factory=dict)
    """The voices that agents ask for, by their names in the catalog; others are spoken by ``synthesizer``."""


@dataclass(frozen=True, slots=True)
class Kit:
    """What an agent answers with, beside the model."""

    toolbox: Toolbox
    lookup: Lookup | None = None


class Call:
    """One call that can begin at once."""

    def __init__(self, plan: CallPlan, engines: Engines, terms: Terms, conversation: str, calls: "Calls") -> None:
        """Keep what the call needs; nothing is held for it until ``run``."""
        self._plan = plan
        self._engines = engines
        self._terms = terms
        self._conversation = conversation
        self._calls = calls

    @property
    def terms(self) -> Terms:
        """Return what holds for it."""
        return self._terms

    async def run(self, line: Line, cut_off: Callable[[], CutOff]) -> CallEnded:
        """Conduct the call to its end; the returned event has been sent on the line. Cancelling hangs up."""
        return await self._calls.conduct(self._conversation, self._plan, self._engines, line, cut_off)


class Calls:
    """Finds who answers a call, and conducts it."""

    def __init__(self, settings: Settings, agents: Mapping[str, Agent], metrics: Metrics, clock: Clock) -> None:
        """Answer for these agents, once ``open`` has been called."""
        self._settings = settings
        self._agents = agents
        self._metrics = metrics
        self._clock = clock
        self._kits: Mapping[str, Kit] = {}
        self._shared: Shared | None = None
        self._answers = AnswerCache(settings.cache, clock)
        metrics.caches.watch("answers", self._answers.tally)
        self._ladder = BudgetLadder(settings.ladder, {}, has_smaller=False)
        most = settings.speculation.most if settings.speculation.enabled else 0
        self._headroom = Headroom(settings.dialog.slots, most, self._is_busy)

    def open(self, shared: Shared) -> None:
        """Answer calls with these engines from now on."""
        self._shared = shared
        for span, budget in self._settings.budgets.items():
            for quantile, seconds in (("0.5", budget.p50), ("0.95", budget.p95)):
                self._metrics.turns.budget.labels(span, quantile).set(seconds)
        self._ladder = BudgetLadder(
            self._settings.ladder, self._settings.budgets, has_smaller=bool(self._settings.ladder.smaller_model)
        )

    @property
    def answering(self) -> Mapping[str, Agent]:
        """Return who answers new calls, by id."""
        return self._agents

    def answer_as(self, agents: Mapping[str, Agent], kits: Mapping[str, Kit]) -> None:
        """Let new calls be answered by these agents, each with its kit; calls in progress keep theirs."""
        self._agents, self._kits = agents, kits

    def agents(self) -> Sequence[AgentCard]:
        """Return all agents, as clients are told of them."""
        return [
            AgentCard(
                id=agent.id,
                name=agent.name,
                description=agent.description,
                languages=tuple(agent.idioms),
                voice=agent.voice or self._settings.speaking.voice,
                default=agent.id == self._settings.agent,
            )
            for agent in self._agents.values()
        ]

    async def prepare(self, start: CallStart) -> Call:
        """Return the call, ready to run. Raises EntranceError ``unknown-agent``, or ``not-ready`` while models load."""
        wanted = start.agent or self._settings.agent
        agent = self._agents.get(wanted)
        if agent is None:
            known = ", ".join(sorted(self._agents))
            raise EntranceError("unknown-agent", f"no agent {wanted!r}; there are: {known}", field="start.agent_id")
        shared = self._shared
        if shared is None:
            raise EntranceError("not-ready", "the models are still being loaded", retryable=True)
        kit = self._kits.get(agent.id, Kit(Toolbox()))
        _check_tools(start, agent, kit)
        plan = self._plan(start, agent)
        voices = {idiom.language: shared.voices.get(idiom.voice, shared.synthesizer) for idiom in agent.idioms.values()}
        engines = Engines(
            voice=shared.voice,
            recognitions=shared.recognitions,
            turn_model=shared.turn_model,
            responder=Responder(
                shared.router(agent),
                agent.persona,
                agent.writing.options(),
                redactor=agent.privacy.redactor(agent.persona),
                lookup=kit.lookup,
                language=agent.language,
                memory=self._memory(agent, kit.lookup),
            ),
            toolbox=kit.toolbox,
            synthesizer=voices[plan.reply.language],
            voices=voices,
            ladder=self._ladder,
            headroom=self._headroom,
        )
        return Call(plan, engines, _terms(start, agent, plan), start.conversation, self)

    async def conduct(
        self, conversation: str, plan: CallPlan, engines: Engines, line: Line, cut_off: Callable[[], CutOff]
    ) -> CallEnded:
        """Run one call and keep count of it."""
        observer = CallObserver(self._metrics, conversation, plan.agent.id, self._settings.budgets)
        session = Session(
            line,
            engines,
            plan,
            clock=self._clock,
            observe=partial(self._observe, observer),
            inbox=self._settings.channels.events,
        )
        self._metrics.calls_started.inc()
        began_at = self._clock.now()
        reason = CallEnd.FAILED.value
        try:
            with self._metrics.calls_active.track_inprogress(), ExitStack() as watched:
                for channel, depth in session.depths().items():
                    watched.enter_context(self._metrics.queues.watch(channel, depth))
                ended = await session.run()
        except anyio.get_cancelled_exc_class():
            reason = cut_off().value
            raise
        else:
            reason = ended.reason.value
            return ended
        finally:
            observer.over(reason, seconds=self._clock.now() - began_at, turns=session.turn)

    def _observe(self, observer: CallObserver, event: CallEvent) -> None:
        observer(event)
        gap = event.spans.get("response_gap") if isinstance(event, ReplyEnded) else None
        if gap is not None and self._ladder.gap(gap):
            observer.effort(self._ladder.effort)

    def _memory(self, agent: Agent, lookup: Lookup | None) -> AnswerMemory | None:
        """Return what an agent may remember of its answers, if anything."""
        origin = Origin(
            tenant="",
            agent=agent.id,
            version=sha256(agent.model_dump_json().encode()).hexdigest(),
            knowledge=lookup.version if lookup is not None else "",
            language=agent.language,
            greeting=agent.greeting,
        )
        return AnswerMemory(self._answers, origin, agent.privacy.region, self._clock) if agent.cache.answers else None

    def _is_busy(self) -> bool:
        """Return whether callers wait for recognition: no time for work that may be thrown away."""
        return self._shared is not None and self._shared.recognitions.backlog > 0

    def _plan(self, start: CallStart, agent: Agent) -> CallPlan:
        settings = self._settings
        wishes = start.endpointing
        mode = start.barge_in.mode or (BargeInMode.ANY if settings.barge_in.enabled else BargeInMode.NONE)
        min_speech, protected, resume = start.barge_in.min_speech, start.barge_in.protected, start.barge_in.resume
        tokens = room(agent, settings.dialog, start.tools)
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
        first, *others = shapes(shape, agent, start.languages, follows=not settings.recognition.language)
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
            state=DialogState(agent.slots, first.language, start.parameters, agent.parameters),
            reply=first,
            others=tuple(others),
        )


def _given(**wishes: object) -> dict[str, Any]:
    """Return the wishes that were made."""
    return {name: value for name, value in wishes.items() if value is not None}


def _check_tools(start: CallStart, agent: Agent, kit: Kit) -> None:
    """Return if the client's tools can be offered beside the agent's. Raises EntranceError."""
    taken = {tool.name for tool in (*kit.toolbox.specs, *agent.control.specs())}
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


def _terms(start: CallStart, agent: Agent, plan: CallPlan) -> Terms:
    modes = {
        (True, True): BargeInMode.ANY,
        (True, False): BargeInMode.SPEECH,
        (False, True): BargeInMode.DTMF,
        (False, False): BargeInMode.NONE,
    }
    return Terms(
        agent=agent.id,
        language=plan.language or "",
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
