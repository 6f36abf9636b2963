"""Floor: whether the service is speaking, and what of it was heard. Starts and stops replies, one at a time."""

from collections.abc import AsyncGenerator, Sequence
from enum import Enum, auto

from pipeline.core.clock import Clock
from pipeline.core.events import (
    CallEvent,
    FinalTranscript,
    ReplyEnded,
    ReplyStatus,
    ReplyStopped,
    Speculated,
    TurnId,
)
from pipeline.core.stages import ChatDelta, Message
from pipeline.dialog.memory import Memory
from pipeline.session.desk import CallDesk, ReplyDesk
from pipeline.session.gate import Tell
from pipeline.session.headroom import Claim
from pipeline.session.languages import Languages
from pipeline.session.ledger import Receipt
from pipeline.session.line import Line
from pipeline.session.looking import Looking
from pipeline.session.plan import Engines
from pipeline.session.presence import Presence
from pipeline.session.priming import Priming
from pipeline.session.replies import Replies
from pipeline.session.reply import Reply
from pipeline.session.searching import Searching
from pipeline.session.shape import Purpose
from pipeline.session.speculation import Speculation


class State(Enum):
    """What the service is doing."""

    LISTENING = auto()
    THINKING = auto()
    """A reply is in the making, none of it has been sent."""
    SPEAKING = auto()


class Floor:
    """The service's side of one call."""

    def __init__(
        self,
        line: Line,
        engines: Engines,
        memory: Memory,
        desk: CallDesk,
        languages: Languages,
        *,
        clock: Clock,
        tell: Tell,
    ) -> None:
        """Begin with nothing to say."""
        self._responder = engines.responder
        self._headroom = engines.headroom
        self._memory = memory
        self.history = memory.history
        self._desk = desk
        self._clock = clock
        self._tell = tell
        self._ladder = engines.ladder
        self._ledger = engines.ledger
        self._looking = Looking(engines.pictures, memory, engines.ledger)
        self.priming = Priming(engines.responder, engines.headroom, desk.agenda)
        self.searching = Searching(engines.responder, memory.history)
        self.languages = languages
        self.presence = Presence(reports_playback=languages.shape().reports_playback)
        self.replies = Replies(line, languages, self.presence, clock=clock, tell=tell)
        self._current: Reply | None = None
        self._speculation: Speculation | None = None
        self.said_goodbye = False
        """The last reply was heard to its end, and the agent wants the call to end with it."""

    @property
    def state(self) -> State:
        """Return what the service is doing."""
        if self._current is None:
            return State.LISTENING
        return State.SPEAKING if self._current.audible else State.THINKING

    def prime(self, text: str) -> None:
        """Let the model read what the caller has said so far, where it has nothing else to do."""
        if self.languages.shape().primes and self.state is State.LISTENING:
            self.priming.begin(self._memory.history.messages(text))

    async def speculate(self, turn: TurnId, text: str, language: str = "") -> None:
        """Begin the reply to what the caller may have said, where there is room; nothing of it is told or heard.

        ``language`` is that of the reply; the call's if none is named. Not while a picture is looked at: the reply
        would have to wait for it.
        """
        await self.give_up(Speculated.CHANGED)
        if self._looking.pending:
            return
        self.priming.stop()
        language = language or self.languages.current
        reply = self.replies.answer(turn, self._ladder.effort, language)
        speculation = Speculation(reply, turn, self._memory.asked(text), language)
        claim = self._headroom.speculate(speculation.give_way)
        if claim is None:
            await self._tell(speculation.ended(Speculated.REFUSED, self._clock.now()))
            return
        self._speculation = speculation
        speculation.claim = claim
        self._perform(reply, speculation.messages, claim, language)

    async def give_up(self, outcome: Speculated) -> None:
        """Throw the speculation away, if there is one."""
        speculation, self._speculation = self._speculation, None
        if speculation is not None:
            speculation.discard()
            crowded = Speculated.CROWDED if speculation.crowded else outcome
            await self._tell(speculation.ended(crowded, self._clock.now()))

    async def answer(self, turn: TurnId, text: str, known: Sequence[CallEvent], language: str = "") -> None:
        """Begin the reply to what the caller said, or take the speculation for it if nothing else was said since.

        ``known`` are the turn's events so far, for its spans. The call goes on in ``language``, if one is named.
        """
        language = language or self.languages.current
        self.languages.turn_to(language)
        messages = self._memory.asked(text)
        speculation = self._speculation
        if speculation is None or self._looking.pending or not speculation.answers(turn, messages, language):
            await self.give_up(Speculated.CHANGED)
            self.priming.stop()
            self._memory.caller(text)
            reply = self.replies.answer(turn, self._ladder.effort, language)
            self._perform(reply, messages, self._headroom.claim(), language)
            self._commit(reply, known, self._ledger.asked(turn, text, _language(known)))
            self._looking.note(reply)
            return
        self._speculation = None
        self._memory.caller(text)
        speculation.commit()
        self._commit(speculation.reply, known, self._ledger.asked(turn, text, _language(known)))
        self._looking.note(speculation.reply)
        await self._tell(speculation.ended(Speculated.COMMITTED, self._clock.now()))

    async def say(self, turn: TurnId, phrase: str, *, protected: bool = False) -> bool:
        """Begin to say a phrase as it stands; return whether there was anything to say."""
        if phrase:
            await self.give_up(Speculated.ABANDONED)
            reply = self.replies.make(turn, Purpose(protected=protected))
            self.replies.perform(reply, _as_written(phrase))
            self._commit(reply, (), None)
        return bool(phrase)

    async def stop(self, status: ReplyStatus, onset_at: float | None = None) -> None:
        """Cut the reply off at once, if there is one; the history keeps what was heard of it."""
        reply = self._current
        if reply is None:
            return
        reply.stop(status)
        self._current = None
        stopped = ReplyStopped(
            turn=reply.turn,
            at=self._clock.now(),
            reply=reply.id,
            status=status,
            onset_at=onset_at,
            silent_at=reply.paused_at,
        )
        reply.timeline.feed(stopped)
        self._memory.history.heard(reply.id, reply.heard())
        if reply.begun:
            await self._tell(stopped)

    def resume(self) -> None:
        """Let a reply that pauses go on: nobody speaks over it any more."""
        if self._current is not None:
            self._current.resume()

    @property
    def current(self) -> Reply | None:
        """Return the reply that is being made or heard."""
        return self._current

    @property
    def may_be_stopped(self) -> bool:
        """Return whether there is a reply that the caller may stop."""
        return self._current is not None and self._current.stoppable

    def ended(self, event: ReplyEnded) -> bool:
        """Take note that a reply is over; return whether the client was ever told of it."""
        reply = self.replies.ended(event)
        if reply.purpose.answers:
            self._ledger.ended(event)
        self._memory.history.heard(event.reply, event.heard)
        if self._current is reply:
            self._current = None
        self.said_goodbye = self._desk.hanging_up is reply and event.status is ReplyStatus.COMPLETED
        return reply.begun

    def _perform(self, reply: Reply, messages: Sequence[Message], claim: Claim, language: str) -> None:
        """Begin the work on an answer."""
        desk = ReplyDesk(self._desk, reply, self._clock, language)
        instruction = self.languages.instruction(language)
        idle, ahead = self.priming.idle, self.searching.latest

        def answer(asked: Sequence[Message]) -> AsyncGenerator[ChatDelta, None]:
            return self._responder.reply(asked, reply.purpose.effort, desk, instruction, idle, ahead)

        source = self._looking.before(reply, messages, answer, self.languages.shape(language).phrases.looking)
        self.replies.perform(reply, claim.over(source), claim)

    def _commit(self, reply: Reply, known: Sequence[CallEvent], receipt: Receipt | None) -> None:
        self.replies.commit(reply, known, receipt)
        self._current = reply


async def _as_written(phrase: str) -> AsyncGenerator[ChatDelta, None]:
    yield ChatDelta(phrase)


def _language(known: Sequence[CallEvent]) -> str:
    return next((event.language for event in known if isinstance(event, FinalTranscript)), "")
