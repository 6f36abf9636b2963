"""Listener: one call's sound in, its turns out. Recognition starts at the soft end, inside the endpointing wait."""

from collections import deque
from collections.abc import Callable

import anyio
from anyio.abc import ObjectReceiveStream, ObjectSendStream, TaskGroup

from pipeline.audio.framing import Framer
from pipeline.core.clock import Clock
from pipeline.core.events import (
    EndReason,
    HearingEvent,
    SpeechEnded,
    SpeechStarted,
    SpeechSustained,
    TurnEnded,
    TurnId,
)
from pipeline.core.pcm import MicFrame, Pcm, joined
from pipeline.core.stages import VAD_WINDOW_SAMPLES, Recognizer, VoiceActivity
from pipeline.hearing.attempts import Attempts
from pipeline.hearing.endpointing import Endpointer, Signal
from pipeline.settings import Endpointing


class Listener:
    """Hears one call."""

    def __init__(
        self,
        voice: VoiceActivity,
        recognizer: Recognizer,
        settings: Endpointing,
        *,
        sustained: float,
        language: str | None,
        clock: Clock,
        next_turn: Callable[[], TurnId],
    ) -> None:
        """Take this call's VoiceActivity and the shared recognizer; ``next_turn`` numbers the turns."""
        self._voice = voice
        self._attempts = Attempts(recognizer, language, clock, self._tell)
        self._clock = clock
        self._next_turn = next_turn
        self._endpointer = Endpointer(settings, sustained)
        self._windows: deque[tuple[Pcm, float]] = deque()
        self._turn = TurnId(0)
        self._speech_end_at = 0.0
        self._held = False
        self._events: ObjectSendStream[HearingEvent]
        self._tasks: TaskGroup

    async def run(self, microphone: ObjectReceiveStream[MicFrame], events: ObjectSendStream[HearingEvent]) -> None:
        """Hear until the microphone ends; a turn that is open then is taken as said. Closes ``events`` at the end.

        Each TurnEnded is followed by a FinalTranscript or a StageFailed of the same turn, in the order of the turns.
        """
        self._events = events
        framer = Framer(VAD_WINDOW_SAMPLES)
        place = 0
        async with events, anyio.create_task_group() as self._tasks:
            self._attempts.open(self._tasks)
            async for frame in microphone:
                if frame.pcm.start != place:
                    framer.rest()  # sound was lost: the audio clock goes on behind the gap
                place = frame.pcm.start + frame.pcm.samples
                for window in framer.feed(frame.pcm):
                    await self._hear(window, frame.at)
            self.commit()

    def commit(self) -> None:
        """End the turn in progress, as push-to-talk does, if there is one."""
        if self._endpointer.in_turn:
            self._endpointer.reset()
            # Told by a task: who commits may be the one who empties the channel of events.
            self._tasks.start_soon(self._tell, self._end_turn(EndReason.COMMIT))

    def clear(self) -> None:
        """Forget the turn in progress: it will have no TurnEnded."""
        self._endpointer.reset()
        self._windows.clear()
        self._attempts.drop()

    def hold(self, held: bool) -> None:
        """While held, sound is thrown away unheard."""
        self._held = held
        if held:
            self.clear()

    def change(self, settings: Endpointing) -> None:
        """Use other settings from the next window on."""
        self._endpointer.settings = settings

    @property
    def held(self) -> bool:
        """Return whether sound is thrown away."""
        return self._held

    @property
    def hears_speech(self) -> bool:
        """Return whether a turn is in progress."""
        return self._endpointer.in_turn

    async def _hear(self, window: Pcm, at: float) -> None:
        if self._held:
            return
        probability = await self._voice.probability(window)
        if self._held:
            return
        # Nothing waits from here until the window's events are made: a client's order finds a turn in one piece.
        self._windows.append((window, at))
        before = self._endpointer.speech_end
        signals = self._endpointer.feed(probability, window.audio_at, window.duration)
        if self._endpointer.speech_end != before:
            self._speech_end_at = at
        events = [self._act(signal) for signal in signals]
        if not self._endpointer.in_turn:
            settings = self._endpointer.settings
            self._forget_older_than(self._endpointer.now - settings.start - settings.pre_roll)
        for event in events:
            await self._tell(event)

    def _act(self, signal: Signal) -> HearingEvent:
        """Bring the turn up to date; return what to tell."""
        endpointer, now = self._endpointer, self._clock.now()
        match signal:
            case Signal.STARTED:
                self._turn = self._next_turn()
                self._forget_older_than(endpointer.speech_start - endpointer.settings.pre_roll)
                return SpeechStarted(turn=self._turn, at=now, audio_at=endpointer.speech_start)
            case Signal.SUSTAINED:
                start = endpointer.speech_start
                onset_at = next(at for window, at in self._windows if window.audio_end > start)
                return SpeechSustained(turn=self._turn, at=now, audio_at=start, onset_at=onset_at)
            case Signal.ENDED:
                self._attempts.begin(self._turn, self._utterance())
                return SpeechEnded(turn=self._turn, at=now, audio_at=endpointer.speech_end)
            case Signal.RESUMED:
                self._attempts.drop()
                return SpeechStarted(turn=self._turn, at=now, audio_at=endpointer.now)
            case Signal.OVER:
                return self._end_turn(EndReason.SILENCE)
            case Signal.TOO_LONG:
                return self._end_turn(EndReason.MAX_SPEECH)

    def _end_turn(self, reason: EndReason) -> TurnEnded:
        self._attempts.conclude(self._turn, self._utterance())
        self._windows.clear()
        return TurnEnded(
            turn=self._turn,
            at=self._clock.now(),
            reason=reason,
            audio_at=self._endpointer.speech_end,
            speech_end_at=self._speech_end_at,
        )

    async def _tell(self, event: HearingEvent) -> None:
        await self._events.send(event)
        if isinstance(event, TurnEnded):
            self._attempts.commit(event.turn)

    def _utterance(self) -> Pcm:
        return joined([window for window, _ in self._windows])

    def _forget_older_than(self, audio_at: float) -> None:
        while self._windows and self._windows[0][0].audio_end <= audio_at:
            self._windows.popleft()
