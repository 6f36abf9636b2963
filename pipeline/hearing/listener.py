"""Listener: one call's sound in, its turns out. Recognition and judgement run inside the endpointing wait."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import anyio
from anyio.abc import ObjectReceiveStream, ObjectSendStream, TaskGroup

from pipeline.audio.framing import Framer
from pipeline.core.clock import Clock
from pipeline.core.events import (
    EndReason,
    HearingEvent,
    SpeechEnded,
    SpeechSustained,
    TurnEnded,
    TurnId,
)
from pipeline.core.pcm import MicFrame, Pcm
from pipeline.core.stages import VAD_WINDOW_SAMPLES, TurnModel, VoiceActivity
from pipeline.hearing.drafts import Draft, Drafts, Expected
from pipeline.hearing.echo import EchoGate
from pipeline.hearing.endpointing import Endpointer, Signal
from pipeline.hearing.loudness import Loudness
from pipeline.hearing.open_turn import OpenTurn
from pipeline.hearing.scheduler import RecognitionQueue, Urgency
from pipeline.settings import Endpointing


@dataclass(frozen=True, slots=True)
class Ears:
    """What a call hears with."""

    voice: VoiceActivity
    """This call's own."""
    recognitions: RecognitionQueue
    turn_model: TurnModel | None
    echo: EchoGate | None = None
    """This call's own; told what the client plays."""
    others: tuple[str, ...] = ()
    """Languages that may be spoken in place of the call's."""


class Listener:
    """Hears one call."""

    def __init__(
        self,
        ears: Ears,
        settings: Endpointing,
        *,
        sustained: float,
        partial_every: float,
        language: str | None,
        clock: Clock,
        next_turn: Callable[[], TurnId],
    ) -> None:
        """Take what to hear with; ``partial_every`` seconds of speech a transcript, ``next_turn`` numbers the turns."""
        self._voice = ears.voice
        self._echo = ears.echo
        self._drafts = Drafts(
            ears.recognitions,
            ears.turn_model,
            Expected(language, ears.others),
            clock,
            settled=self._settled,
            tell=self._tell,
        )
        self._clock = clock
        self._next_turn = next_turn
        self._loudness = Loudness()
        self._endpointer = Endpointer(settings, sustained)
        self._turn = OpenTurn(self._endpointer, self._drafts, partial_every, clock)
        self._speech_end_at = 0.0
        self.held = False
        """Sound is thrown away."""
        self._events: ObjectSendStream[HearingEvent]
        self._tasks: TaskGroup

    async def run(self, microphone: ObjectReceiveStream[MicFrame], events: ObjectSendStream[HearingEvent]) -> None:
        """Hear until the microphone ends; a turn that is open then is taken as said. Closes ``events`` at the end.

        Each TurnEnded is followed by a FinalTranscript or a StageFailed of the same turn, in the order of the turns.
        """
        self._events = events
        framer = Framer(VAD_WINDOW_SAMPLES)
        place = 0
        try:
            async with events, anyio.create_task_group() as self._tasks:
                self._drafts.open(self._tasks)
                async for frame in microphone:
                    if frame.pcm.start != place:
                        framer.rest()  # sound was lost: the audio clock goes on behind the gap
                    place = frame.pcm.start + frame.pcm.samples
                    for window in framer.feed(frame.pcm):
                        await self._hear(window, frame.at)
                self.commit()
        finally:
            self._drafts.close()

    def commit(self) -> None:
        """End the turn in progress, as push-to-talk does, if there is one."""
        if self._endpointer.in_turn:
            self._endpointer.reset()
            # Told by a task: who commits may be the one who empties the channel of events.
            self._tasks.start_soon(self._tell, self._end_turn(EndReason.COMMIT))

    def clear(self) -> None:
        """Forget the turn in progress: it will have no TurnEnded."""
        self._endpointer.reset()
        self._turn.clear()

    def hold(self, held: bool) -> None:
        """While held, sound is thrown away unheard."""
        self.held = held
        if held:
            self.clear()

    def absent(self, seconds: float) -> None:
        """Let a turn that is in progress not have waited for so long: its caller was not there."""
        if self._endpointer.in_turn:
            self._speech_end_at = min(self._speech_end_at + seconds, self._clock.now())

    def change(self, settings: Endpointing | None = None, *, language: str = "") -> None:
        """Use other settings from the next window on, or expect another language from the next recognition on."""
        if settings is not None:
            self._endpointer.settings = settings
        if language:
            self._drafts.expected.turn_to(language)

    @property
    def hears_speech(self) -> bool:
        """Return whether a turn is in progress."""
        return self._endpointer.in_turn

    async def _hear(self, window: Pcm, at: float) -> None:
        if self.held:
            return
        probability = await self._voice.probability(window)
        if self.held:
            return
        if self._echo is not None:
            probability = self._echo.weigh(probability, window, at)
        probability = self._loudness.weigh(probability, window)  # an echo says nothing of how loud the caller is
        # Nothing waits from here until the window's events are made: a client's order finds a turn in one piece.
        self._turn.sound.add(window, at)
        before = self._endpointer.speech_end
        signals = self._endpointer.feed(probability, window.audio_at, window.duration)
        if self._endpointer.speech_end != before:
            self._speech_end_at = at
        events = [event for event in map(self._act, signals) if event is not None]
        if self._endpointer.in_turn:
            self._turn.grow()
            events += self._considered()
        else:
            self._turn.keep_pre_roll()
        await self._tell(*events)

    def _act(self, signal: Signal) -> HearingEvent | None:
        """Bring the turn up to date; return what to tell."""
        endpointer, now = self._endpointer, self._clock.now()
        match signal:
            case Signal.STARTED:
                self._turn.begin(self._next_turn())
                return self._turn.speech_started(endpointer.speech_start)
            case Signal.SUSTAINED:
                start = endpointer.speech_start
                onset_at = self._turn.sound.arrived_at(start)
                return SpeechSustained(turn=self._turn.number, at=now, audio_at=start, onset_at=onset_at)
            case Signal.DIPPED:
                self._turn.draft(Urgency.DRAFT)
                return None
            case Signal.ENDED:
                self._turn.draft(Urgency.FINAL)
                return SpeechEnded(turn=self._turn.number, at=now, audio_at=endpointer.speech_end)
            case Signal.RESUMED:
                self._turn.went_on()
                return self._turn.speech_started(endpointer.now - endpointer.settings.start)
            case Signal.OVER:
                return self._end_turn(EndReason.SILENCE)
            case Signal.TOO_LONG:
                return self._end_turn(EndReason.MAX_SPEECH)

    async def _settled(self, draft: Draft) -> None:
        """Take what has become known of a draft."""
        if draft.turn == self._turn.number and self._endpointer.in_turn:
            interim = self._turn.interim(draft)
            await self._tell(*([interim] if interim else []), *self._considered())

    def _considered(self) -> Sequence[HearingEvent]:
        """Weigh a turn that may be over; return what to tell: its draft, its end."""
        drafted = self._turn.weigh()
        events: list[HearingEvent] = [drafted] if drafted else []
        if self._endpointer.over:
            self._endpointer.reset()
            events.append(self._end_turn(EndReason.SILENCE))
        return events

    def _end_turn(self, reason: EndReason) -> TurnEnded:
        self._turn.end(reason)
        return TurnEnded(
            turn=self._turn.number,
            at=self._clock.now(),
            reason=reason,
            audio_at=self._endpointer.speech_end,
            speech_end_at=self._speech_end_at,
        )

    async def _tell(self, *events: HearingEvent) -> None:
        for event in events:
            await self._events.send(event)
            if isinstance(event, TurnEnded):
                self._drafts.commit(event.turn)
