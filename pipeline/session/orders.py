"""Orders: does what the client asks for, sound apart."""

from collections.abc import Awaitable, Callable

from pipeline.core.clock import Clock
from pipeline.core.events import (
    CallChanged,
    CallEnd,
    CallEvent,
    CallReported,
    CallResumed,
    CallSuspended,
    ClientBack,
    ClientEvent,
    ClientLost,
    ControlKind,
    ControlRequested,
    DigitPressed,
    DigitsCollected,
    PlaybackKind,
    PlaybackReported,
    ReplyStatus,
    Speculated,
    StageFailed,
    TextTyped,
    TurnId,
)
from pipeline.hearing.listener import Listener
from pipeline.session.digits import Digits
from pipeline.session.floor import Floor, State
from pipeline.session.plan import CallPlan
from pipeline.session.timers import Timers

Typed = Callable[[str, str, bool], Awaitable[None]]
"""Answers a turn in writing: text, language, and whether it may stop a reply."""


class Orders:
    """The client's side of one call's controls."""

    def __init__(
        self,
        floor: Floor,
        listener: Listener,
        timers: Timers,
        plan: CallPlan,
        *,
        clock: Clock,
        tell: Callable[[CallEvent], Awaitable[None]],
        typed: Typed,
    ) -> None:
        """Act on this call's floor, listener and timers."""
        self._floor = floor
        self._listener = listener
        self._timers = timers
        self._endpointing = plan.endpointing
        self._clock = clock
        self._tell = tell
        self._typed = typed
        self._digits = Digits(plan.digits)
        self._digits_stop = plan.digits_stop
        self._text_stops = plan.digits_stop or plan.speech_stops

    @property
    def digits_due_at(self) -> float | None:
        """Return when the keys pressed so far are taken as complete; None for none, on hold, and without the client."""
        waits = self._listener.held or self._floor.presence.away
        return None if waits else self._digits.complete_at

    async def collect_digits(self) -> None:
        """Answer the keys pressed so far."""
        await self._enter(self._digits.take())

    async def obey(self, order: ClientEvent) -> CallEnd | None:
        """Do what the client asks; return why the call ends, if it does."""
        match order:
            case PlaybackReported():
                self._played(order)
            case TextTyped():
                await self._typed(order.text, order.language, self._text_stops)
            case DigitPressed():
                await self._press(order.digit)
            case CallChanged():
                self._change(order)
            case StageFailed():
                await self._tell(order)
            case ClientLost() | ClientBack():
                await self._absence(order)
            case CallReported():
                return CallEnd.CLIENT if order.kind == "hangup" else None
            case ControlRequested():
                return await self._control(order.kind)
        return None

    def wait_for_input(self) -> None:
        """Start the no-input timer, unless something is going on: a reply, speech, keys, a hold, a lost client."""
        busy = self._listener.hears_speech or self._listener.held or self._digits.complete_at is not None
        if self._floor.state is State.LISTENING and not (busy or self._floor.presence.away):
            self._timers.start_no_input(self._clock.now())

    async def _control(self, kind: ControlKind) -> CallEnd | None:
        match kind:
            case ControlKind.START_INPUT_TIMERS:
                self.wait_for_input()
            case ControlKind.COMMIT_INPUT:
                self._listener.commit()
            case ControlKind.CLEAR_INPUT:
                self._listener.clear()
                await self._floor.give_up(Speculated.ABANDONED)
                self._floor.resume()
                self.wait_for_input()
            case ControlKind.CANCEL_RESPONSE:
                await self._floor.stop(ReplyStatus.CANCELLED)
            case ControlKind.PAUSE:
                await self._floor.stop(ReplyStatus.CANCELLED)
                await self._floor.give_up(Speculated.ABANDONED)
                self._listener.hold(True)
                self._timers.stop_no_input()
            case ControlKind.RESUME:
                self._listener.hold(False)
                self._digits.wait_anew(self._clock.now())
                self.wait_for_input()
            case ControlKind.END:
                return CallEnd.CLIENT
        return None

    def _played(self, report: PlaybackReported) -> None:
        if report.kind is not PlaybackKind.STARTED:
            self._floor.replies.played(report.reply, report.played_ms)

    async def _absence(self, change: ClientLost | ClientBack) -> None:
        """Keep all as it is while the client is away, and play nothing; only the call's longest duration goes on."""
        now, presence = self._clock.now(), self._floor.presence
        match change:
            case ClientLost():
                self._timers.stop_no_input()
                await self._floor.give_up(Speculated.ABANDONED)
                presence.lose(change.heard_at)
                await self._tell(CallSuspended(turn=TurnId(0), at=now))
            case ClientBack():
                await self._tell(CallResumed(turn=TurnId(0), at=now))  # opens the line for what is played from here on
                self._listener.absent(now - presence.heard_at)
                presence.welcome(reports_playback=change.reports_playback, played=change.played)
                await self._say_missed()
                self._digits.wait_anew(now)
                self.wait_for_input()

    async def _say_missed(self) -> None:
        """Say what was not heard of the last reply, where it was over before its client was found lost."""
        reply = self._floor.replies.latest
        if reply is not None and self._floor.state is State.LISTENING:
            heard, rest = reply.missed()
            if await self._floor.say(reply.turn, rest):
                self._floor.history.heard(reply.id, heard)

    async def _press(self, digit: str) -> None:
        self._timers.stop_no_input()
        entered = self._digits.press(digit, self._clock.now())
        skips = entered is None and self._digits.complete_at is None  # a terminator on its own: there is no input
        answers = skips and self._floor.state is State.THINKING  # there is nothing to skip yet
        if self._digits_stop and self._floor.may_be_stopped and not answers:
            await self._floor.stop(ReplyStatus.BARGE_IN)
        await self._enter(entered)
        self.wait_for_input()

    async def _enter(self, digits: str | None) -> None:
        if digits is not None:
            await self._tell(DigitsCollected(turn=TurnId(0), at=self._clock.now(), digits=digits))
            language = self._floor.languages.current  # keys are in none, their text is
            await self._typed(f"(keys pressed) {' '.join(digits)}", language, self._digits_stop)

    def _change(self, order: CallChanged) -> None:
        rules = order.endpointing
        self._endpointing = self._endpointing.changed(
            min_silence=rules.min_silence, max_silence=rules.max_silence, max_speech=rules.max_speech
        )
        self._listener.change(self._endpointing)
        if rules.no_input is not None:
            self._timers.set_no_input(rules.no_input)
        if order.language not in {"", self._floor.languages.current}:
            self._floor.languages.turn_to(order.language)
            self._listener.change(language=order.language)
