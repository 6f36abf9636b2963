"""Replies: makes the replies of one call, numbers them, runs them, and keeps those that are not finished."""

from collections.abc import AsyncGenerator, Sequence
from itertools import count

from anyio.abc import ObjectSendStream, TaskGroup

from pipeline.core.clock import Clock
from pipeline.core.events import CallEvent, ReplyEnded, ReplyId, ReplyStatus, TurnId
from pipeline.core.stages import ChatDelta
from pipeline.dialog.responder import Effort
from pipeline.session.delivery import Means
from pipeline.session.gate import Tell
from pipeline.session.headroom import Claim
from pipeline.session.languages import Languages
from pipeline.session.ledger import Receipt
from pipeline.session.line import Line
from pipeline.session.presence import Presence
from pipeline.session.reply import Reply
from pipeline.session.shape import Purpose


class Replies:
    """All replies of one call."""

    def __init__(self, line: Line, languages: Languages, presence: Presence, *, clock: Clock, tell: Tell) -> None:
        """Begin with none."""
        self._presence = presence
        self._line = line
        self._languages = languages
        self._clock = clock
        self._tell = tell
        self._unfinished: dict[ReplyId, Reply] = {}
        self._ids = count(1)
        self._failed = 0
        """Answers in a row that failed."""
        self._latest: Reply | None = None
        self._over: ObjectSendStream[ReplyEnded]
        self._tasks: TaskGroup

    def open(self, tasks: TaskGroup, over: ObjectSendStream[ReplyEnded]) -> None:
        """Run replies in ``tasks`` and report the end of each to ``over``."""
        self._tasks = tasks
        self._over = over

    def make(self, turn: TurnId, purpose: Purpose, language: str = "") -> Reply:
        """Return a reply that is not real yet, in the call's language if none is named."""
        voice, shape = self._languages.voice(language), self._languages.shape(language)
        return Reply(turn, purpose, Means(self._line, voice, shape, self._clock, self._presence), self._tell)

    def answer(self, turn: TurnId, effort: Effort, language: str = "") -> Reply:
        """Return an answer, with something to say if the model fails: the offer of a person if it has failed before."""
        shape = self._languages.shape(language)
        phrases, after = shape.phrases, shape.ladder.person_after
        offers = phrases.person and after and self._failed + 1 >= after
        fallback = phrases.person if offers else phrases.failure
        return self.make(turn, Purpose(answers=True, fallback=fallback, effort=effort), language)

    def perform(self, reply: Reply, source: AsyncGenerator[ChatDelta, None], claim: Claim | None = None) -> None:
        """Begin the work on a reply, behind that of the one before; ``claim`` is given back when it is over."""
        self._tasks.start_soon(self._perform, reply, source, self._latest, claim)

    def commit(self, reply: Reply, known: Sequence[CallEvent], receipt: Receipt | None) -> None:
        """Make a reply real, with the next number; ``known`` are the turn's events so far, for its spans."""
        reply.commit(ReplyId(next(self._ids)), known, receipt)
        self._unfinished[reply.id] = reply
        self._latest = reply

    @property
    def latest(self) -> Reply | None:
        """Return the last real reply, whether it is over or not."""
        return self._latest

    @property
    def unfinished(self) -> bool:
        """Return whether the end of a real reply is still to come, that of a stopped one included."""
        return bool(self._unfinished)

    def played(self, reply: ReplyId, played_ms: int) -> None:
        """Take the client's word on a reply that it is done with; about older ones it comes too late to matter."""
        if self._latest is not None and self._latest.id == reply:
            self._latest.played(played_ms)

    def ended(self, event: ReplyEnded) -> Reply:
        """Forget a reply that is over, and return it."""
        reply = self._unfinished.pop(event.reply)
        if reply.purpose.answers:
            self._failed = self._failed + 1 if event.status is ReplyStatus.DEGRADED else 0
        return reply

    async def _perform(
        self, reply: Reply, source: AsyncGenerator[ChatDelta, None], older: Reply | None, claim: Claim | None
    ) -> None:
        try:
            ended = await reply.run(source, older)
        finally:
            if claim is not None:
                claim.release()  # where the model was never asked
        if ended is not None:
            await self._over.send(ended)
