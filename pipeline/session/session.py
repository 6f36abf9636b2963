"""Session: conducts one call. One task group, one inbox, three states: listening, thinking, speaking."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

import anyio

from pipeline.core.clock import Clock
from pipeline.core.errors import PipelineError
from pipeline.core.events import (
    CallEnd,
    CallEnded,
    CallEnding,
    CallEvent,
    CallReported,
    ClientEvent,
    FinalTranscript,
    HearingEvent,
    InputMissing,
    InputProblem,
    PartialTranscript,
    PictureShown,
    PlaybackReported,
    ReplyEnded,
    ReplyStatus,
    Speculated,
    SpeechEnded,
    SpeechStarted,
    SpeechSustained,
    StageFailed,
    ToolReported,
    TurnDrafted,
    TurnEnded,
    TurnId,
)
from pipeline.hearing.echo import EchoGate
from pipeline.hearing.listener import Ears, Listener
from pipeline.session.answers import Answers
from pipeline.session.desk import CallDesk
from pipeline.session.echoing import EchoingLine
from pipeline.session.floor import Floor, State
from pipeline.session.languages import Languages
from pipeline.session.line import Line
from pipeline.session.orders import Orders
from pipeline.session.plan import CallPlan, Engines
from pipeline.session.recap import Recap
from pipeline.session.timers import Due, Timers

GOODBYE = 15.0
"""Longest time, in seconds, for the last phrase of a call that the service ends."""


class _Closed(Enum):
    MICROPHONE = auto()
    REQUESTS = auto()


@dataclass(frozen=True, slots=True)
class _HearingBroke:
    error: PipelineError


_Item = HearingEvent | ClientEvent | ReplyEnded | _Closed | _HearingBroke


class Session:
    """One call from its first sound to its last event."""

    def __init__(
        self,
        line: Line,
        engines: Engines,
        plan: CallPlan,
        *,
        clock: Clock,
        observe: Callable[[CallEvent], None],
        inbox: int,
    ) -> None:
        """Prepare a call; nothing happens before ``run``. ``observe`` sees every event, ``inbox`` is a capacity."""
        gate = EchoGate() if plan.echo_gate else None
        self._line = line = line if gate is None else EchoingLine(line, gate.played, clock)
        self._plan = plan
        self._clock = clock
        self._observe = observe
        self._turn = TurnId(0)
        self._open = {_Closed.MICROPHONE, _Closed.REQUESTS}
        self._ending: CallEnd | None = None
        self._regret = False
        """A transfer has failed, and the caller was not told yet."""
        self._began_at = clock.now()
        self._timers = Timers(plan.call, self._began_at)
        self._inbox_in, self._inbox = anyio.create_memory_object_stream[_Item](inbox)
        self._listener = Listener(
            Ears(engines.voice.open(), engines.recognitions, engines.turn_model, gate, plan.other_languages),
            plan.endpointing,
            sustained=plan.sustained,
            partial_every=plan.partial_every,
            language=plan.language,
            clock=clock,
            next_turn=self._next_turn,
        )
        self._desk = CallDesk.of(plan, engines)
        self._memory = memory = plan.memory()
        self._pictures = engines.pictures
        self._floor = Floor(
            line,
            engines,
            memory,
            self._desk,
            Languages(engines, plan.reply, plan.others, plan.beyond, plan.state),
            clock=clock,
            tell=self._tell,
        )
        floor, listener, timers = self._floor, self._listener, self._timers
        self._recap = Recap(memory, floor.priming, self._is_quiet)
        self._orders = Orders(floor, listener, timers, plan, clock=clock, tell=self._tell, typed=self._typed)
        wait = self._orders.wait_for_input
        self._answers = Answers(floor, listener, timers, plan, clock=clock, tell=self._tell, wait_for_input=wait)

    async def run(self) -> CallEnded:
        """Conduct the call to its end and return its last event, which has been sent. Cancelling hangs up."""
        async with self._inbox, self._inbox_in, anyio.create_task_group() as tasks:
            self._floor.replies.open(tasks, self._inbox_in)
            self._floor.priming.open(tasks)
            self._floor.searching.open(tasks)
            self._pictures.open(tasks, tell=self._tell, looked=self._looked, post=self._inbox_in.send)
            tasks.start_soon(self._hear)
            tasks.start_soon(self._take_requests)
            if not await self._floor.say(self._turn, self._plan.agent.greeting):
                self._orders.wait_for_input()
            reason = await self._conduct()
            await self._finish_replies()
            tasks.cancel_scope.cancel()
        now = self._clock.now()
        ended = CallEnded(turn=self._turn, at=now, reason=reason, duration=now - self._began_at, turns=self._turn)
        await self._tell(ended)
        return ended

    @property
    def turn(self) -> TurnId:
        """Return the latest turn."""
        return self._turn

    def depths(self) -> dict[str, Callable[[], int]]:
        """Return, by channel, what tells how many items wait in it."""
        return {
            "session": lambda: self._inbox.statistics().current_buffer_used,
            "microphone": lambda: self._line.microphone.statistics().current_buffer_used,
        }

    async def _hear(self) -> None:
        try:
            await self._listener.run(self._line.microphone, self._inbox_in.clone())
        except PipelineError as error:
            await self._inbox_in.send(_HearingBroke(error))
        else:
            await self._inbox_in.send(_Closed.MICROPHONE)

    async def _take_requests(self) -> None:
        async for request in self._line.requests:
            await self._inbox_in.send(request)
        await self._inbox_in.send(_Closed.REQUESTS)

    async def _conduct(self) -> CallEnd:
        """Take what happens, one thing at a time, until the call is over."""
        while True:
            due = (self._timers.next_at(), self._orders.digits_due_at, self._answers.overlap.due_at)
            due_at = min(at for at in due if at is not None)
            item: _Item | None = None
            with anyio.move_on_after(due_at - self._clock.now()):
                item = await self._inbox.receive()
            end = await (self._tick() if item is None else self._handle(item))
            if end is not None:
                await self._floor.give_up(Speculated.ABANDONED)
                await self._floor.stop(ReplyStatus.CANCELLED)
                return end

    async def _finish_replies(self) -> None:
        """Tell the end of every reply that was begun. Each waits ``playout.report_wait`` at most for the client."""
        while self._floor.replies.unfinished:
            match await self._inbox.receive():
                case ReplyEnded() as ended:
                    if self._floor.ended(ended):
                        await self._tell(ended)
                case PlaybackReported() as report:
                    await self._orders.obey(report)
                case _:
                    pass

    async def _handle(self, item: _Item) -> CallEnd | None:
        match item:
            case ReplyEnded():
                return await self._reply_ended(item)
            case _Closed():
                self._open.discard(item)
                if item is _Closed.REQUESTS and not self._listener.held:
                    await self._orders.collect_digits()  # no further key can come
                return self._end_if_done()
            case _HearingBroke():
                await self._tell(StageFailed.by(item.error, turn=self._turn, at=self._clock.now()))
                return CallEnd.FAILED
            case (
                StageFailed(stage="hearing")
                | SpeechStarted()
                | SpeechSustained()
                | SpeechEnded()
                | TurnEnded()
                | PartialTranscript()
                | TurnDrafted()
                | FinalTranscript()
            ):
                await self._answers.heard(item)
            case ToolReported():
                self._desk.report(item)
            case PictureShown():
                self._answers.silences = 0
                await self._pictures.show(item)
                self._orders.wait_for_input()
            case CallReported(kind="transfer_failed"):
                self._regret = True
                await self._say_regret()
            case _:
                end = await self._orders.obey(item)
                if end is None:
                    await self._answers.answer_waiting()
                return end
        return None

    async def _reply_ended(self, ended: ReplyEnded) -> CallEnd | None:
        if self._floor.ended(ended):
            await self._tell(ended)
        if self._floor.state is not State.LISTENING:
            return None
        if self._ending is not None:
            return self._ending
        if self._floor.said_goodbye:
            return CallEnd.HANGUP
        if await self._say_regret() or await self._answers.answer_waiting():
            return None
        self._orders.wait_for_input()
        return self._end_if_done()

    async def _say_regret(self) -> bool:
        """Say that a transfer failed, once nothing else is being said; return whether that began."""
        if not self._regret or self._floor.state is not State.LISTENING:
            return False
        self._regret = False
        control = self._plan.agent.control_in(self._floor.languages.current)
        return await self._floor.say(self._turn, control.transfer_failed)

    def _end_if_done(self) -> CallEnd | None:
        """Return CLIENT once the client has closed its half and all that it said has been answered."""
        return CallEnd.CLIENT if not self._open and self._floor.state is State.LISTENING else None

    async def _tick(self) -> CallEnd | None:
        """Do what the clock asks for."""
        now = self._clock.now()
        if self._orders.digits_due_at is not None and now >= self._orders.digits_due_at:
            await self._orders.collect_digits()
        self._answers.overlap.tick(now)
        match self._timers.due(now):
            case Due.NO_INPUT:
                return await self._no_input()
            case Due.ENDING_NOTICE:
                await self._tell(CallEnding(turn=self._turn, at=now, remaining=self._timers.remaining(now)))
            case Due.MAX_DURATION:
                return await self._bow_out(CallEnd.MAX_DURATION, self._floor.languages.phrases.time_up)
            case None:
                pass
        return None

    async def _no_input(self) -> CallEnd | None:
        await self._tell(InputMissing(turn=self._turn, at=self._clock.now(), problem=InputProblem.NO_INPUT))
        self._answers.silences += 1
        phrases = self._floor.languages.phrases
        if self._answers.silences >= self._plan.call.no_input_limit:
            return await self._bow_out(CallEnd.NO_INPUT, phrases.goodbye)
        if not await self._floor.say(self._turn, phrases.no_input):
            self._orders.wait_for_input()
        return None

    async def _bow_out(self, reason: CallEnd, phrase: str) -> CallEnd | None:
        """Say goodbye, then end the call; return the reason at once when there is nothing to say, or no time left."""
        if self._ending is not None:
            return self._ending
        self._ending = reason
        await self._floor.stop(ReplyStatus.CANCELLED)
        self._timers.end_within(GOODBYE, self._clock.now())
        nobody = self._listener.held or self._floor.presence.away
        said = not nobody and await self._floor.say(self._turn, phrase, protected=True)
        return None if said else reason

    def _looked(self, note: str | None) -> None:
        """Let the model know what was read in a picture, and read it while the caller has yet to ask."""
        self._memory.looked(note)
        self._floor.prime("")

    async def _typed(self, text: str, language: str, stops: bool) -> None:
        await self._answers.typed(self._next_turn(), text, language, stops)

    async def _tell(self, event: CallEvent) -> None:
        self._observe(event)
        self._recap.notice(event)
        await self._line.send(event)

    def _is_quiet(self) -> bool:
        """Return whether neither the caller speaks nor a reply is still in the making."""
        return not self._listener.hears_speech and self._floor.state is not State.THINKING

    def _next_turn(self) -> TurnId:
        self._turn = TurnId(self._turn + 1)
        return self._turn
