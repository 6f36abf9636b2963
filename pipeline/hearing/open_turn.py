"""OpenTurn: the caller's turn while it grows. Its sound, its drafts, and how likely it is over."""

from collections import deque
from dataclasses import dataclass

from pipeline.core.clock import Clock
from pipeline.core.events import EndReason, PartialTranscript, TurnDrafted, TurnId
from pipeline.core.pcm import Pcm, joined
from pipeline.core.stages import Recognition
from pipeline.hearing.drafts import Draft, Drafts
from pipeline.hearing.endpointing import Endpointer
from pipeline.hearing.partials import Agreement
from pipeline.hearing.scheduler import Urgency
from pipeline.hearing.turn_end import Patience, likelihood

FIRST_PARTIAL = 0.3
"""Seconds of speech from which a transcript is worth its time; less is a syllable."""
PROMISING = 0.2
"""Likelihood of the turn's end from which work on the answer begins at the soft end; below it, at ``LATE``."""
LATE = 0.4
"""Silence, in seconds, after which it begins in any case."""
CUT_OFF = 1.2
"""Seconds of silence; who goes on before has been cut off, who speaks after them begins anew."""
NOTHING = Recognition("", "", 0.0, 1.0)


@dataclass(frozen=True, slots=True)
class _Heard:
    """A stretch of sound and the instant of its arrival."""

    window: Pcm
    at: float


class OpenTurn:
    """The turn in progress of one call, and between turns the sound from which the next one will be cut."""

    def __init__(self, endpointer: Endpointer, drafts: Drafts, partial_every: float, clock: Clock) -> None:
        """Follow ``endpointer``; recognize what is new after ``partial_every`` seconds of speech, 0 for never."""
        self._endpointer = endpointer
        self._drafts = drafts
        self._partial_every = partial_every
        self._clock = clock
        self._patience = Patience()
        self._agreement = Agreement()
        self._heard: deque[_Heard] = deque()
        self._ended_at: float | None = None
        """Audio instant behind the speech of the last turn, if silence ended it and nothing was learnt from it yet."""
        self._drafted: Draft | None = None
        """The draft that was told last."""
        self.number = TurnId(0)

    def begin(self, number: TurnId) -> None:
        """Begin a turn, and learn from its beginning whether the one before was called over too soon."""
        pause = CUT_OFF if self._ended_at is None else self._endpointer.speech_start - self._ended_at
        if pause < CUT_OFF:
            self._patience.was_cut_off(pause)
        elif self._ended_at is not None:
            self._patience.was_right()
        self._ended_at = None
        self.number = number
        self._agreement = Agreement()
        self._drafts.drop()
        self._forget_older_than(self._endpointer.speech_start - self._endpointer.settings.pre_roll)

    def went_on(self) -> None:
        """Take note that the caller went on after a pause."""
        self._patience.went_on(self._endpointer.pause)

    def end(self, reason: EndReason) -> None:
        """Let the turn be recognized as it is; its transcript is told once its end has been."""
        self._drafts.conclude(self.number, self._utterance(), self._endpointer.speech_end)
        self._heard.clear()
        self._ended_at = self._endpointer.speech_end if reason is EndReason.SILENCE else None

    def clear(self) -> None:
        """Forget it."""
        self._heard.clear()
        self._drafts.drop()

    def add(self, window: Pcm, at: float) -> None:
        """Keep sound."""
        self._heard.append(_Heard(window, at))

    def keep_pre_roll(self) -> None:
        """Between turns: forget what no turn that begins now can hold."""
        settings = self._endpointer.settings
        self._forget_older_than(self._endpointer.now - settings.start - settings.pre_roll)

    @property
    def onset_at(self) -> float:
        """Return when the first sound of the turn's speech arrived."""
        return next(kept.at for kept in self._heard if kept.window.audio_end > self._endpointer.speech_start)

    def grow(self) -> None:
        """Recognize what was said so far, if enough of it is new."""
        endpointer, latest = self._endpointer, self._drafts.latest
        covered = endpointer.speech_start if latest is None else latest.covers
        due = FIRST_PARTIAL if latest is None else self._partial_every
        if self._partial_every and endpointer.speech_end - covered >= due and not self._drafts.busy:
            self._drafts.begin(self.number, self._utterance(), endpointer.speech_end, Urgency.PARTIAL)

    def draft(self, urgency: Urgency) -> None:
        """Recognize and judge the turn as it stands in a pause, unless that has been begun."""
        draft, covers = self._drafts.latest, self._endpointer.speech_end
        if draft is None or draft.dropped or draft.covers < covers:
            draft = self._drafts.begin(self.number, self._utterance(), covers, urgency)
        elif urgency is Urgency.FINAL:
            self._drafts.hurry(draft)
        if not draft.asked:
            self._drafts.judge(draft)

    def interim(self, draft: Draft) -> PartialTranscript | None:
        """Return the interim transcript that a draft is good for, once."""
        heard = draft.outcome
        if draft.shown or not isinstance(heard, Recognition) or not heard.text:
            return None
        draft.shown = True
        self._agreement.feed(heard.text)
        return PartialTranscript(
            turn=self.number,
            at=self._clock.now(),
            text=self._agreement.text,
            language=heard.language,
            guess=heard.text,
            stability=self._agreement.stability,
            duration=draft.covers - self._endpointer.speech_start,
        )

    def weigh(self) -> TurnDrafted | None:
        """In a pause, set how long to wait for its end; return the draft once work on the answer may begin."""
        endpointer, draft = self._endpointer, self._drafts.latest
        if not endpointer.soft or draft is None or draft.covers < endpointer.speech_end:
            return None
        if not draft.judged.is_set() or draft.outcome is None:
            return None
        heard = draft.outcome if isinstance(draft.outcome, Recognition) else NOTHING
        over = likelihood(draft.over, heard.text)
        endpointer.wait = self._patience.wait(over, heard.text, endpointer.settings)
        begun = over >= PROMISING or endpointer.silence >= LATE
        if not heard.text or not begun or self._drafted is draft:
            return None
        self._drafted = draft
        at = self._clock.now()
        return TurnDrafted(turn=self.number, at=at, text=heard.text, language=heard.language, likelihood=over)

    def _utterance(self) -> Pcm:
        return joined([kept.window for kept in self._heard])

    def _forget_older_than(self, audio_at: float) -> None:
        while self._heard and self._heard[0].window.audio_end <= audio_at:
            self._heard.popleft()
