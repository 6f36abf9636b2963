"""Answers: whether what the caller said is answered at once, together with more, later or not at all."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from pipeline.core.clock import Clock
from pipeline.core.events import (
    CallEvent,
    EndReason,
    FinalTranscript,
    HearingEvent,
    InputMissing,
    InputProblem,
    PartialTranscript,
    ReplyStatus,
    Speculated,
    SpeechEnded,
    SpeechStarted,
    SpeechSustained,
    StageFailed,
    TurnDrafted,
    TurnEnded,
    TurnId,
)
from pipeline.hearing.listener import Listener
from pipeline.session.floor import Floor, State
from pipeline.session.overlap import Overlap
from pipeline.session.plan import CallPlan
from pipeline.session.timers import Timers

LONG_SPEECH = 1.0
"""Speech of so many seconds that was not understood is asked for again; anything shorter may have been a noise."""


class Answers:
    """The caller's side of one call."""

    def __init__(
        self,
        floor: Floor,
        listener: Listener,
        timers: Timers,
        plan: CallPlan,
        *,
        clock: Clock,
        tell: Callable[[CallEvent], Awaitable[None]],
        wait_for_input: Callable[[], None],
    ) -> None:
        """Answer on this call's floor; ``wait_for_input`` is called where there is nothing to answer."""
        self._floor = floor
        self._listener = listener
        self._timers = timers
        self._plan = plan
        self._clock = clock
        self._tell = tell
        self.overlap = Overlap(floor, plan, clock=clock, tell=tell)
        """What happens while both sides speak."""
        self._wait_for_input = wait_for_input
        self._turn_ended: TurnEnded | None = None
        self._waiting: list[FinalTranscript] = []
        self._shown = ""
        """The last interim transcript."""
        self.silences = 0
        """How often the caller was asked for input since anything was said."""

    async def heard(self, event: HearingEvent) -> None:
        """Take what hearing noticed: tell it, stop a reply for it, answer it."""
        match event:
            case SpeechSustained():
                await self.overlap.sustained(event)
            case FinalTranscript():
                await self._understand(event)
                self._floor.searching.forget()
            case StageFailed():
                await self._tell(event)
                if event.code != "turn-model-failed":  # that one costs nothing but time
                    self._floor.searching.forget()
                    await self._floor.give_up(Speculated.CHANGED)
                    self._floor.resume()
                    await self._ask_again(event.turn)
            case TurnEnded():
                self._turn_ended = event
                self._timers.stop_no_input()
                await self._tell(event)
                if event.reason is EndReason.MAX_SPEECH:
                    await self._missing(event.turn, InputProblem.MAX_SPEECH)
            case TurnDrafted():
                await self.overlap.drafted(event)
                await self._speculate(event)
            case SpeechStarted() | SpeechEnded() | PartialTranscript():
                await self._hears(event)

    async def answer_waiting(self) -> bool:
        """Answer what had to wait, unless it has to wait still; return whether there was anything to answer."""
        if not self._waiting or self._listener.held or self._floor.state is not State.LISTENING:
            return False
        said, self._waiting = self._waiting, []
        await self._answer(replace(said[-1], text=" ".join(final.text for final in said)))
        return True

    async def typed(self, turn: TurnId, text: str, language: str, stops: bool) -> None:
        """Answer a turn in writing: at once where it stops a reply, otherwise after the reply."""
        self._listener.clear()
        await self._floor.give_up(Speculated.ABANDONED)
        now = self._clock.now()
        if stops and self._floor.state is State.SPEAKING and self._floor.may_be_stopped:
            await self._floor.stop(ReplyStatus.BARGE_IN)
        self._floor.resume()
        self._turn_ended = TurnEnded(turn=turn, at=now, reason=EndReason.COMMIT, audio_at=0.0, speech_end_at=now)
        final = FinalTranscript(
            turn=turn, at=now, text=text, language=language, confidence=1.0, audio_start=0.0, audio_end=0.0
        )
        self.silences = 0
        await self._tell(final)
        await self._answer(final, written=True)
        self._floor.searching.forget()

    async def _hears(self, event: SpeechStarted | SpeechEnded | PartialTranscript) -> None:
        """Take note that the caller is heard."""
        if not self._listener.hears_speech:  # the turn was cleared while this event was on its way, or is over
            await self._tell(event)
            return
        self._timers.stop_no_input()
        match event:
            case SpeechStarted():
                await self._floor.give_up(Speculated.REOPENED)
                self.overlap.began(event)
                self._floor.prime("")
            case PartialTranscript():
                await self.overlap.words(event)
                if event.guess and self._floor.state is State.LISTENING:
                    self._floor.searching.begin(event.guess)
                if not event.text or event.text == self._shown:
                    return
                self._shown = event.text
                self._floor.prime(event.text)
            case _:
                pass
        await self._tell(event)

    async def _speculate(self, drafted: TurnDrafted) -> None:
        """Begin the answer to a turn that may be over, if it could be given at once."""
        if drafted.text and self._floor.state is State.LISTENING and not self._waiting and not self._listener.held:
            language = self._floor.languages.after(drafted.text, drafted.language)
            await self._floor.speculate(drafted.turn, drafted.text, language)

    async def _understand(self, final: FinalTranscript) -> None:
        """Tell and answer what the caller said, if there is anything to answer."""
        await self._tell(final)
        if await self.overlap.settled(final, self._turn_ended):
            return
        if not final.text:
            await self._floor.give_up(Speculated.CHANGED)
            await self._not_understood(final)
            return
        self.silences = 0
        await self._answer(final)

    async def _answer(self, final: FinalTranscript, *, written: bool = False) -> None:
        if self._listener.held:
            self._waiting.append(final)
            return
        match self._floor.state:
            case State.SPEAKING:
                self._waiting.append(final)
                return
            case State.THINKING:
                # The caller went on before anything was said: both parts are answered together.
                await self._floor.stop(ReplyStatus.CANCELLED)
            case State.LISTENING:
                pass
        self._timers.stop_no_input()
        known = [event for event in (self._turn_ended, final) if event is not None and event.turn == final.turn]
        languages = self._floor.languages
        language = languages.after(final.text, final.language, said_so=written)
        await self._floor.answer(final.turn, final.text, known, language)
        if languages.several:
            self._listener.change(language=language)

    async def _not_understood(self, final: FinalTranscript) -> None:
        if self._floor.state is not State.LISTENING:
            return
        await self._missing(final.turn, InputProblem.NO_MATCH)
        long = final.audio_end - final.audio_start - self._plan.endpointing.pre_roll >= LONG_SPEECH
        if long:
            await self._ask_again(final.turn)
        else:
            self._wait_for_input()

    async def _ask_again(self, turn: TurnId) -> None:
        if self._floor.state is not State.LISTENING or self._listener.held:
            return
        if not await self._floor.say(turn, self._floor.languages.phrases.no_match):
            self._wait_for_input()

    async def _missing(self, turn: TurnId, problem: InputProblem) -> None:
        await self._tell(InputMissing(turn=turn, at=self._clock.now(), problem=problem))
