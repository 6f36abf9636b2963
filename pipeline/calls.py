"""Calls: the service's switchboard. Joins a client's wishes, the agent and the settings into the plan of one call."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial

import anyio

from pipeline.archive import Archive
from pipeline.core.clock import Calendar, Clock
from pipeline.core.errors import EntranceError
from pipeline.core.events import CallEnd, CallEnded, CallEvent, ReplyEnded
from pipeline.core.stages import TurnModel, VoiceActivityEngine
from pipeline.dialog.agents import Agent
from pipeline.dialog.cache import AnswerCache
from pipeline.dialog.origin import memory_of
from pipeline.dialog.responder import Responder
from pipeline.dialog.routing import Router
from pipeline.dialog.tools.toolbox import Toolbox
from pipeline.entrances.switchboard import AgentCard, CallStart, Conversation, CutOff, Terms
from pipeline.hearing.scheduler import RecognitionQueue
from pipeline.kits import Kit
from pipeline.observe import CallObserver, Metrics
from pipeline.session.discreet import DiscreetLine
from pipeline.session.headroom import Headroom
from pipeline.session.ladder import BudgetLadder
from pipeline.session.line import Line
from pipeline.session.pictures import Pictures, pictures_off
from pipeline.session.plan import CallPlan, Engines
from pipeline.session.session import Session
from pipeline.settings import Settings
from pipeline.speaking.phrases import PhraseBook
from pipeline.store.rows import Feedback
from pipeline.vision.stage import Vision
from pipeline.wishes import check_tools, plan_of, terms_of


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


class Call:
    """One call that can begin at once."""

    def __init__(
        self, plan: CallPlan, engines: Engines, kit: Kit, terms: Terms, start: CallStart, calls: "Calls"
    ) -> None:
        """Keep what the call needs; of its agent's ``kit``, which it gives back, nothing else is held until ``run``."""
        kit.lend()
        self._kit = kit
        self._plan = plan
        self._engines = engines
        self._terms = terms
        self._start = start
        self._calls = calls

    @property
    def terms(self) -> Terms:
        """Return what holds for it."""
        return self._terms

    async def run(self, line: Line, cut_off: Callable[[], CutOff]) -> CallEnded:
        """Conduct the call to its end; the returned event has been sent on the line. Cancelling hangs up."""
        return await self._calls.conduct(self._start, self._plan, self._engines, line, cut_off)

    async def release(self) -> None:
        """Let go of what the call was to be answered with, and of its pictures; see ``PreparedCall``."""
        self._engines.pictures.close()
        self._calls.albums.pop(self._start.conversation, None)
        await self._kit.give_back()


class Calls:
    """Finds who answers a call, and conducts it."""

    def __init__(
        self,
        settings: Settings,
        agents: Mapping[str, Agent],
        metrics: Metrics,
        clock: Clock,
        archive: Archive | None = None,
        vision: Vision | None = None,
    ) -> None:
        """Answer for these agents, once ``open`` has been called.

        Nothing is kept without an ``archive``, and no pictures are taken without ``vision``.
        """
        self._vision = vision
        self.albums: dict[str, Pictures] = {}
        """The pictures of calls that are prepared and not released, by the calls' ids."""
        self._archive = archive or Archive(None, Calendar())
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

    @property
    def kits(self) -> Mapping[str, Kit]:
        """Return what they answer with, by their ids."""
        return self._kits

    def answer_as(self, agents: Mapping[str, Agent], kits: Mapping[str, Kit]) -> Mapping[str, Kit]:
        """Let new calls be answered by these agents, each with its kit; calls in progress keep theirs.

        Returns the kits that were given to calls before.
        """
        before = self._kits
        self._agents, self._kits = agents, kits
        return before

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
        check_tools(start, agent, kit.toolbox)
        plan = plan_of(self._settings, start, agent)
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
                memory=memory_of(agent, kit.lookup, self._answers, self._clock),
            ),
            toolbox=kit.toolbox,
            synthesizer=voices[plan.reply.language],
            voices=voices,
            ladder=self._ladder,
            headroom=self._headroom,
            pictures=Pictures(self._vision, self._clock, Calendar().now() + plan.call.max_duration),
        )
        self.albums[start.conversation] = engines.pictures
        terms = replace(terms_of(agent, plan), image_bytes=self.image_bytes)
        return Call(plan, engines, kit, terms, start, self)

    async def conduct(
        self, start: CallStart, plan: CallPlan, engines: Engines, line: Line, cut_off: Callable[[], CutOff]
    ) -> CallEnded:
        """Run one call, write it down and keep count of it."""
        agent = plan.agent
        observer = CallObserver(self._metrics, start.conversation, agent.id, self._settings.budgets)
        discretion = self._archive.discretion(agent, agent.tenant)
        entry = self._archive.begin(start, agent, plan.language or "", discretion)
        session = Session(
            DiscreetLine(line, discretion, observer),
            replace(engines, ledger=entry.ledger),
            plan,
            clock=self._clock,
            observe=partial(self._weigh, observer),
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
            engines.pictures.close()
            seconds = self._clock.now() - began_at
            observer.over(reason, seconds=seconds, turns=session.turn)
            self._archive.end(entry, reason, turns=session.turn, seconds=seconds)

    async def conversation(self, conversation: str) -> Conversation:
        """Return the last call that had this id; see ``Switchboard``."""
        return await self._archive.conversation(conversation)

    @property
    def image_bytes(self) -> int:
        """Return the largest picture that is taken; 0 for none at all."""
        return 0 if self._vision is None else self._vision.settings.max_bytes

    def pictures(self, conversation: str) -> Pictures:
        """Return where the pictures of a live call go; see ``Switchboard``."""
        if self._vision is None:
            raise pictures_off()
        found = self.albums.get(conversation)
        if found is None:
            message = f"there is no call {conversation}, or it is over"
            raise EntranceError("unknown-conversation", message, field="conversation_id")
        return found

    async def take_feedback(self, feedback: Feedback) -> str:
        """Keep a feedback and return its id; see ``Switchboard``."""
        return await self._archive.take_feedback(feedback, self._agents)

    def _weigh(self, observer: CallObserver, event: CallEvent) -> None:
        """Let the ladder know how late answers are."""
        gap = event.spans.get("response_gap") if isinstance(event, ReplyEnded) else None
        if gap is not None and self._ladder.gap(gap):
            observer.effort(self._ladder.effort)

    def _is_busy(self) -> bool:
        """Return whether callers wait for recognition: no time for work that may be thrown away."""
        return self._shared is not None and self._shared.recognitions.backlog > 0
