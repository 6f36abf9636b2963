"""Places calls on virtual time, with scripted engines."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import anyio

from pipeline.core.clock import LoopClock
from pipeline.core.events import CallEnded, CallEvent, ClientEvent, ControlKind, ControlRequested
from pipeline.core.stages import ChatOptions, ToolSpec, VoiceActivityEngine
from pipeline.dialog.agents import Agent
from pipeline.dialog.cache import AnswerMemory
from pipeline.dialog.lookup import Lookup
from pipeline.dialog.responder import Responder
from pipeline.dialog.routing import Router
from pipeline.dialog.summary import LONGEST
from pipeline.dialog.tools.toolbox import Tool, Toolbox
from pipeline.session.digits import DigitRules
from pipeline.session.headroom import Headroom
from pipeline.session.ladder import BudgetLadder
from pipeline.session.ledger import Ledger, NoLedger
from pipeline.session.pictures import Pictures
from pipeline.session.plan import CallPlan, Engines
from pipeline.session.session import Session
from pipeline.session.shape import ReplyShape
from pipeline.settings import Call, Channels, Endpointing, Ladder, Playout, Speaking
from pipeline.speaking.phrases import PhraseBook
from tests.fakes import FakeLine, FakeModel, FakeRecognizer, FakeSynthesizer, FakeTurnModel, FakeVoice, recognitions

ANSWER: Sequence[tuple[float, str]] = [
    (0.3, "We open"),
    (0.05, " at nine,"),
    (0.05, " and we close"),
    (0.05, " at six."),
]
"""Arrives within 0.45 s and takes about two seconds to say."""

LONG_ANSWER: Sequence[tuple[float, str]] = [(0.3, "We sell bread, ")] + [
    (0.05, f"kind number {n} of it, ") for n in range(20)
]

SILENT_AGENT = Agent(id="test", name="Test", persona="You are a test.")


def no_speculation() -> Headroom:
    """Return room for replies that will be heard only."""
    return Headroom(8, 0, lambda: False)


@dataclass
class Made:
    """The parts of a test's call."""

    line: FakeLine
    recognizer: FakeRecognizer = field(default_factory=lambda: FakeRecognizer([(0.1, "when do you open")]))
    model: FakeModel = field(default_factory=lambda: FakeModel(ANSWER))
    synthesizer: FakeSynthesizer = field(default_factory=FakeSynthesizer)
    agent: Agent = SILENT_AGENT
    call: Call = field(default_factory=Call)
    endpointing: Endpointing = field(default_factory=lambda: Endpointing(min_silence=0.5, max_silence=0.5))
    barge_in: bool = True
    digits_stop: bool = True
    reports_playback: bool = False
    fallback: str = "Something went wrong."
    inbox: int = 64
    primes: bool = False
    speaking: Speaking = field(default_factory=Speaking)
    book: PhraseBook | None = None
    budget_ladder: BudgetLadder | None = None
    ladder: Ladder = field(default_factory=lambda: Ladder(filler_after=0.0, phrase_after=0.0))
    pauses: bool = True
    protected_start: float = 0.0
    turn_model: FakeTurnModel | None = None
    partial_every: float = 0.0
    headroom: Headroom = field(default_factory=no_speculation)
    voice: VoiceActivityEngine = field(default_factory=FakeVoice)
    echo_gate: bool = False
    tools: Sequence[Tool] = ()
    client_tools: tuple[ToolSpec, ...] = ()
    history_turns: int = 8
    sums_up: bool = False
    lookup: Lookup | None = None
    pictures: Pictures | None = None
    memory: AnswerMemory | None = None

    def shapes(self, shape: ReplyShape) -> tuple[ReplyShape, ...]:
        """Return how replies are made in each language of the call."""
        return (shape,)

    def beyond(self, shape: ReplyShape) -> tuple[ReplyShape, ...]:
        """Return how they are made in the languages that only the client may move the call to."""
        return ()

    def voices(self) -> dict[str, PhraseBook]:
        """Return what speaks the languages behind the first."""
        return {}

    ledger: Ledger = field(default_factory=NoLedger)

    def session(self) -> Session:
        plan = CallPlan(
            agent=self.agent,
            call=self.call,
            endpointing=self.endpointing,
            digits_stop=self.digits_stop,
            pauses=self.pauses,
            echo_gate=self.echo_gate,
            client_tools=self.client_tools,
            sustained=0.256,
            partial_every=self.partial_every,
            digits=DigitRules(),
            language="en",
            history_turns=self.history_turns,
            history_tokens=4000,
            summary_tokens=LONGEST if self.sums_up else 0,
            picture_tokens=400,
            reply=ReplyShape(
                speaking=self.speaking,
                playout=Playout(),
                channels=Channels(),
                paced=True,
                speech_stops=self.barge_in,
                reports_playback=self.reports_playback,
                protected_start=self.protected_start,
                primes=self.primes,
                ladder=self.ladder,
                phrases=self.agent.phrases.model_copy(update={"failure": self.fallback}),
                language=self.agent.language,
            ),
        )
        first, *others = self.shapes(plan.reply)
        plan = replace(plan, reply=first, others=tuple(others), beyond=self.beyond(plan.reply))
        engines = Engines(
            voice=self.voice,
            recognitions=recognitions(self.recognizer),
            turn_model=self.turn_model,
            responder=Responder(
                Router.of(self.model), self.agent.persona, ChatOptions(), lookup=self.lookup, memory=self.memory
            ),
            toolbox=Toolbox(self.tools),
            synthesizer=self.book or PhraseBook(self.synthesizer, self.speaking),
            ladder=self.budget_ladder or BudgetLadder(self.ladder, {}, has_smaller=False),
            headroom=self.headroom,
            voices=self.voices(),
            ledger=self.ledger,
            pictures=self.pictures or Pictures(None, LoopClock()),
        )
        return Session(self.line, engines, plan, clock=LoopClock(), observe=lambda event: None, inbox=self.inbox)


async def place(made: Made, *, hang_up_after: float | None = None) -> CallEnded | None:
    """Run the call until it ends; after ``hang_up_after`` seconds the client vanishes and None is returned."""
    ended: CallEnded | None = None
    try:
        with anyio.move_on_after(hang_up_after):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(made.line.run)
                ended = await made.session().run()
                tasks.cancel_scope.cancel()
    finally:
        made.line.close()
    return ended


def control(kind: ControlKind) -> ControlRequested:
    """Return an order without parameters."""
    return ControlRequested(kind=kind)


def orders_at(kind: type[CallEvent], *orders: ClientEvent) -> Callable[[FakeLine, CallEvent], None]:
    """Return a client that asks for ``orders`` at the first event of a kind."""
    due = list(orders)

    def on_event(line: FakeLine, event: CallEvent) -> None:
        if isinstance(event, kind):
            while due:
                line.order(due.pop(0))

    return on_event


def asks_again_after(seconds: float) -> Call:
    """Return limits that leave a silent caller on the line."""
    return Call(no_input=seconds, no_input_limit=9)
