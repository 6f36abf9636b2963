"""Floor: whether the service is speaking, and what of it was heard. Starts and stops replies, one at a time."""

from collections.abc import AsyncGenerator, Sequence
from enum import Enum, auto
from itertools import count

from anyio.abc import ObjectSendStream, TaskGroup

from pipeline.core.clock import Clock
from pipeline.core.events import CallEvent, ReplyEnded, ReplyId, ReplyStatus, ReplyStopped, TurnId
from pipeline.core.stages import ChatDelta, Synthesizer
from pipeline.dialog.history import History
from pipeline.dialog.responder import Responder
from pipeline.session.line import Line
from pipeline.session.reply import Reply, ReplyShape, Tell


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
        synthesizer: Synthesizer,
        responder: Responder,
        history: History,
        shape: ReplyShape,
        *,
        clock: Clock,
        tell: Tell,
    ) -> None:
        """Begin with nothing to say."""
        self._line = line
        self._synthesizer = synthesizer
        self._responder = responder
        self._history = history
        self._shape = shape
        self._clock = clock
        self._tell = tell
        self._unfinished: dict[ReplyId, Reply] = {}
        self._ids = count(1)
        self._latest: Reply | None = None
        self._current: Reply | None = None
        self._over: ObjectSendStream[ReplyEnded]
        self._tasks: TaskGroup

    def open(self, tasks: TaskGroup, over: ObjectSendStream[ReplyEnded]) -> None:
        """Run replies in ``tasks`` and report the end of each to ``over``."""
        self._tasks = tasks
        self._over = over

    @property
    def state(self) -> State:
        """Return what the service is doing."""
        if self._current is None:
            return State.LISTENING
        return State.SPEAKING if self._current.audible else State.THINKING

    def answer(self, turn: TurnId, text: str, known: Sequence[CallEvent]) -> None:
        """Begin the reply to what the caller said. ``known`` are the turn's events so far, for its spans."""
        self._history.caller(text)
        self._start(turn, self._responder.reply(self._history.messages()), known)

    def say(self, turn: TurnId, phrase: str, *, protected: bool = False) -> bool:
        """Begin to say a phrase as it stands; return whether there was anything to say."""
        if phrase:
            self._start(turn, _as_written(phrase), (), protected=protected)
        return bool(phrase)

    async def stop(self, status: ReplyStatus, onset_at: float | None = None) -> None:
        """Cut the reply off at once, if there is one; the history keeps what was heard of it."""
        reply = self._current
        if reply is None:
            return
        reply.stop(status)
        self._current = None
        stopped = ReplyStopped(turn=reply.turn, at=self._clock.now(), reply=reply.id, status=status, onset_at=onset_at)
        reply.timeline.feed(stopped)
        self._history.heard(reply.id, reply.heard())
        if reply.begun:
            await self._tell(stopped)

    @property
    def may_be_stopped(self) -> bool:
        """Return whether there is a reply that the caller may stop."""
        return self._current is not None and not self._current.protected

    @property
    def unfinished(self) -> bool:
        """Return whether the end of a reply is still to come, that of a stopped one included."""
        return bool(self._unfinished)

    def played(self, reply: ReplyId, played_ms: int) -> None:
        """Take the client's word on a reply that it is done with; about older ones it comes too late to matter."""
        if self._latest is not None and self._latest.id == reply:
            self._latest.played(played_ms)

    def ended(self, event: ReplyEnded) -> bool:
        """Take note that a reply is over; return whether the client was ever told of it."""
        reply = self._unfinished.pop(event.reply)
        self._history.heard(event.reply, event.heard)
        if self._current is not None and self._current.id == event.reply:
            self._current = None
        return reply.begun

    def _start(
        self,
        turn: TurnId,
        source: AsyncGenerator[ChatDelta, None],
        known: Sequence[CallEvent],
        *,
        protected: bool = False,
    ) -> None:
        reply = Reply(
            ReplyId(next(self._ids)),
            turn,
            line=self._line,
            synthesizer=self._synthesizer,
            shape=self._shape,
            clock=self._clock,
            tell=self._tell,
        )
        reply.protected = protected
        reply.barge_in_allowed = self._shape.speech_stops and not protected
        self._unfinished[reply.id] = reply
        for event in known:
            reply.timeline.feed(event)
        older, self._latest, self._current = self._latest, reply, reply
        self._tasks.start_soon(self._perform, reply, source, older)

    async def _perform(self, reply: Reply, source: AsyncGenerator[ChatDelta, None], older: Reply | None) -> None:
        await self._over.send(await reply.run(source, older))


async def _as_written(phrase: str) -> AsyncGenerator[ChatDelta, None]:
    yield ChatDelta(phrase)
