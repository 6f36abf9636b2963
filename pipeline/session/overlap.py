"""Overlap: the caller speaks while the service does. The reply pauses at once; what was said decides if it stops."""

from collections.abc import Awaitable, Callable

from pipeline.core.clock import Clock
from pipeline.core.events import (
    Backchannel,
    CallEvent,
    FinalTranscript,
    PartialTranscript,
    ReplyStatus,
    SpeechStarted,
    SpeechSustained,
    TurnDrafted,
    TurnEnded,
    TurnId,
)
from pipeline.hearing.bargein import is_backchannel, is_own_voice, just_asked
from pipeline.session.floor import Floor, State
from pipeline.session.plan import CallPlan
from pipeline.session.reply import Reply

TELLING = 0.6
"""Seconds of speech from which a partial transcript is believed: earlier ones of an "mm-hm" may read "I'm"."""
WORDLESS = 1.0
"""Seconds of speech in which no word was recognized that could be a turn: the reply goes on over noise and humming."""
PATIENCE = 2.5
"""Longest pause of a reply, in seconds, while nothing is known of what is said."""
WARY, DEAF = 2, 4
"""From so many false alarms within a reply on it pauses for sustained speech only, and then for words only: a caller
who hums through a reply shall hear it."""


class Overlap:
    """Decides for one call."""

    def __init__(
        self, floor: Floor, plan: CallPlan, *, clock: Clock, tell: Callable[[CallEvent], Awaitable[None]]
    ) -> None:
        """Pause, resume and stop the replies of this call's floor."""
        self._floor = floor
        self._plan = plan
        self._clock = clock
        self._tell = tell
        self._turn = TurnId(0)
        self._begins = 0.0
        """Where the turn's speech began on the audio clock."""
        self._onset_at = 0.0
        self._is_noise = False
        self._reply: Reply | None = None
        """The reply that the false alarms belong to."""
        self._false_alarms = 0
        self._due_at = 0.0

    @property
    def due_at(self) -> float | None:
        """Return when a paused reply goes on by itself; None when none is paused."""
        reply = self._floor.current
        return self._due_at if reply is not None and reply.paused_at is not None else None

    def tick(self, now: float) -> None:
        """Let a reply go on that has paused for too long without a reason."""
        if self.due_at is not None and now >= self._due_at:
            self._go_on_over_noise()

    def began(self, event: SpeechStarted) -> None:
        """Pause the reply at the onset of speech."""
        if event.turn != self._turn:
            self._turn, self._begins, self._is_noise = event.turn, event.audio_at, False
        self._onset_at = event.onset_at
        self._pause(WARY)

    async def sustained(self, event: SpeechSustained) -> None:
        """Pause it for speech that lasts; stop it where it cannot pause."""
        self._onset_at = event.onset_at
        if not self._plan.pauses and self._stoppable is not None:
            await self._stop()
        self._pause(DEAF)

    async def words(self, event: PartialTranscript) -> None:
        """Stop the reply for words that are no backchannel, let it go on over a noise."""
        reply = self._stoppable
        if reply is None:
            return
        if event.guess:
            self._due_at = self._clock.now() + PATIENCE
        if event.duration >= TELLING and self._is_turn(event.guess, event.duration, reply):
            await self._stop()
        elif event.duration >= WORDLESS:
            self._go_on_over_noise()

    async def drafted(self, event: TurnDrafted) -> None:
        """Decide once the caller has fallen silent."""
        reply = self._stoppable
        if reply is not None and self._is_turn(event.text, event.duration, reply):
            await self._stop()
        elif reply is not None:
            reply.resume()

    async def settled(self, final: FinalTranscript, ended: TurnEnded | None) -> bool:
        """Decide for good; return whether what was said is no turn to answer."""
        reply = self._stoppable
        if reply is None:
            return False
        known = ended is not None and ended.turn == final.turn == self._turn
        duration = ended.audio_at - self._begins if known and ended is not None else self._plan.sustained
        if self._is_turn(final.text, duration, reply):
            await self._stop()
            return False
        self._false_alarms = self._alarms + 1
        self._reply = reply
        reply.resume()
        await self._tell(Backchannel(turn=final.turn, at=self._clock.now(), reply=reply.id))
        return True

    @property
    def _stoppable(self) -> Reply | None:
        """Return the reply that speech may stop now."""
        return self._floor.current if self._plan.speech_stops and self._floor.may_be_stopped else None

    @property
    def _alarms(self) -> int:
        """Return how often the current reply was spoken over for nothing."""
        return self._false_alarms if self._reply is self._floor.current else 0

    def _is_turn(self, text: str, duration: float, reply: Reply) -> bool:
        # Before the first sound there is nothing that a short word could stop by mistake.
        too_short = reply.audible and duration < self._plan.sustained
        if too_short or is_own_voice(text, reply.written):
            return False
        return not is_backchannel(text, duration, asked=just_asked(reply.heard()))

    def _pause(self, alarms: int) -> None:
        """Pause the reply, unless so many false alarms have been."""
        reply = self._stoppable
        if reply is not None and self._plan.pauses and not self._is_noise and self._alarms < alarms:
            if reply.paused_at is None:
                self._due_at = self._clock.now() + PATIENCE
            reply.pause()

    def _go_on_over_noise(self) -> None:
        self._is_noise = True
        if self._floor.current is not None:
            self._floor.current.resume()

    async def _stop(self) -> None:
        cut = ReplyStatus.BARGE_IN if self._floor.state is State.SPEAKING else ReplyStatus.CANCELLED
        await self._floor.stop(cut, onset_at=self._onset_at)
