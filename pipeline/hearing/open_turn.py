"""OpenTurn: the caller's turn while it grows. Its sound, its drafts, and how likely it is over."""

from collections import deque

from pipeline.core.clock import Clock
from pipeline.core.events import EndReason, PartialTranscript, SpeechStarted, TurnDrafted, TurnId
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


class _Sound:
    """Windows in order, each with the instant of its arrival."""

    def __init__(self) -> None:
        self._windows: deque[tuple[Pcm, float]] = deque()

    def add(self, window: Pcm, at: float) -> None:
        self._windows.append((window, at))

    def clear(self) -> None:
        self._windows.clear()

    def joined(self) -> Pcm:
        return joined([window for window, _ in self._windows])

    def arrived_at(self, audio_at: float) -> float:
        """Return when the sound behind an instant of the audio clock arrived. Raises ValueError where there is none."""
        for window, at in self._windows:
            if window.audio_end > audio_at:
                return at
        raise ValueError(f"no sound behind {audio_at} s")

    def forget_older_than(self, audio_at: float) -> None:
        while self._windows and self._windows[0][0].audio_end <= audio_at:
            self._windows.popleft()


class OpenTurn:
    """The turn in progress of one call; between turns its sound is what the next one may begin with."""

    def __init__(self, endpointer: Endpointer, drafts: Drafts, partial_every: float, clock: Clock) -> None:
        """Follow ``endpointer``; recognize what is new after ``partial_every`` seconds of speech, 0 for never."""
        self._endpointer = endpointer
        self._drafts = drafts
        self._partial_every = partial_every
        self._clock = clock
        self._patience = Patience()
        self._agreement = Agreement()
        self.sound = _Sound()
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
        self.sound.forget_older_than(self._endpointer.speech_start - self._endpointer.settings.pre_roll)

    def went_on(self) -> None:
        """Take note that the caller went on after a pause."""
        self._patience.went_on(self._endpointer.pause)

    def end(self, reason: EndReason) -> None:
        """Let the turn be recognized as it is; its transcript is told once its end has been."""
        self._drafts.conclude(self.number, self.sound.joined(), self._endpointer.speech_end)
        self.sound.clear()
        self._ended_at = self._endpointer.speech_end if reason is EndReason.SILENCE else None

    def clear(self) -> None:
        """Forget it."""
        self.sound.clear()
        self._drafts.drop()

    def keep_pre_roll(self) -> None:
        """Between turns: forget what no turn that begins now can hold."""
        settings = self._endpointer.settings
        self.sound.forget_older_than(self._endpointer.now - settings.start - settings.pre_roll)

    def speech_started(self, audio_at: float) -> SpeechStarted:
        """Return what is told of speech that began at this instant of the audio clock."""
        onset_at = self.sound.arrived_at(audio_at)
        return SpeechStarted(turn=self.number, at=self._clock.now(), audio_at=audio_at, onset_at=onset_at)

    def grow(self) -> None:
        """Recognize what was said so far, if enough of it is new."""
        endpointer, latest = self._endpointer, self._drafts.latest
        covered = endpointer.speech_start if latest is None else latest.covers
        due = FIRST_PARTIAL if latest is None else self._partial_every
        if self._partial_every and endpointer.speech_end - covered >= due and not self._drafts.busy:
            self._drafts.begin(self.number, self.sound.joined(), endpointer.speech_end, Urgency.PARTIAL)

    def draft(self, urgency: Urgency) -> None:
        """Recognize the turn as it stands in a pause, unless that has been begun; judge it at the soft end."""
        draft, covers = self._drafts.latest, self._endpointer.speech_end
        if draft is None or draft.dropped or draft.covers < covers:
            draft = self._drafts.begin(self.number, self.sound.joined(), covers, urgency)
        elif urgency is Urgency.FINAL:
            self._drafts.hurry(draft)
        if urgency is Urgency.FINAL and not draft.asked:
            self._drafts.judge(draft, self.sound.joined())

    def interim(self, draft: Draft) -> PartialTranscript | None:
        """Return the interim transcript that a draft is good for, once; empty when nothing was recognized."""
        heard = draft.outcome
        if draft.shown or not isinstance(heard, Recognition):
            return None
        draft.shown = True
        if heard.text:
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
        """In a pause, set how long to wait for its end; return the draft once work on the answer may begin.

        What was said is known before how it sounded, and is enough to begin with.
        """
        endpointer, draft = self._endpointer, self._drafts.latest
        if not endpointer.soft or draft is None or draft.covers < endpointer.speech_end or draft.outcome is None:
            return None
        heard = draft.outcome if isinstance(draft.outcome, Recognition) else NOTHING
        over = likelihood(draft.over, heard.text)
        if draft.judged.is_set():
            endpointer.wait = self._patience.wait(over, heard.text, endpointer.settings)
        begun = not heard.text or over >= PROMISING or endpointer.silence >= LATE
        if not begun or self._drafted is draft:
            return None
        self._drafted = draft
        return TurnDrafted(
            turn=self.number,
            at=self._clock.now(),
            text=heard.text,
            language=heard.language,
            likelihood=over,
            duration=draft.covers - endpointer.speech_start,
        )
