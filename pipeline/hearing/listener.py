"""Listener: one call's sound in, its turns out. Recognition starts at the soft end, inside the endpointing wait."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import anyio
from anyio.abc import ObjectReceiveStream, ObjectSendStream, TaskGroup

from pipeline.audio.framing import Framer
from pipeline.core.clock import Clock
from pipeline.core.errors import HearingError
from pipeline.core.events import (
    EndReason,
    FinalTranscript,
    HearingEvent,
    SpeechEnded,
    SpeechStarted,
    SpeechSustained,
    StageFailed,
    TurnEnded,
    TurnId,
)
from pipeline.core.pcm import MicFrame, Pcm, joined
from pipeline.core.stages import VAD_WINDOW_SAMPLES, Recognition, Recognizer, VoiceActivity
from pipeline.hearing.endpointing import Endpointer, Signal
from pipeline.settings import Endpointing


@dataclass(slots=True)
class _Attempt:
    """One recognition: begun at a soft end, worth something only once the turn is over."""

    turn: TurnId
    utterance: Pcm
    committed: anyio.Event = field(default_factory=anyio.Event)
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)


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
        self._recognizer = recognizer
        self._language = language
        self._clock = clock
        self._next_turn = next_turn
        self._endpointer = Endpointer(settings, sustained)
        self._windows: deque[tuple[Pcm, float]] = deque()
        self._turn = TurnId(0)
        self._speech_end_at = 0.0
        self._attempt: _Attempt | None = None
        self._held = False
        self._events: ObjectSendStream[HearingEvent]
        self._tasks: TaskGroup

    async def run(self, microphone: ObjectReceiveStream[MicFrame], events: ObjectSendStream[HearingEvent]) -> None:
        """Hear until the microphone ends; a turn that is open then is taken as said. Closes ``events`` at the end.

        Each TurnEnded is followed by a FinalTranscript or a StageFailed of the same turn.
        """
        self._events = events
        framer = Framer(VAD_WINDOW_SAMPLES)
        async with events, anyio.create_task_group() as self._tasks:
            async for frame in microphone:
                for window in framer.feed(frame.pcm):
                    await self._hear(window, frame.at)
            await self.commit()

    async def commit(self) -> bool:
        """End the turn in progress, as push-to-talk does; return whether there was one."""
        if not self._endpointer.in_turn:
            return False
        self._endpointer.reset()
        await self._end_turn(EndReason.COMMIT)
        return True

    def clear(self) -> None:
        """Forget the turn in progress: it will have no TurnEnded."""
        self._endpointer.reset()
        self._windows.clear()
        self._drop_attempt()

    def hold(self, held: bool) -> None:
        """While held, sound is thrown away unheard."""
        self._held = held
        if held:
            self.clear()

    def change(self, settings: Endpointing) -> None:
        """Use other settings from the next window on."""
        self._endpointer.settings = settings

    @property
    def hears_speech(self) -> bool:
        """Return whether a turn is in progress."""
        return self._endpointer.in_turn

    async def _hear(self, window: Pcm, at: float) -> None:
        if self._held:
            return
        self._windows.append((window, at))
        probability = await self._voice.probability(window)
        before = self._endpointer.speech_end
        signals = self._endpointer.feed(probability, window.audio_at, window.duration)
        if self._endpointer.speech_end != before:
            self._speech_end_at = at
        for signal in signals:
            await self._act(signal)
        if not self._endpointer.in_turn:
            self._forget_older_than(self._endpointer.now - self._endpointer.settings.pre_roll)

    async def _act(self, signal: Signal) -> None:
        match signal:
            case Signal.STARTED:
                self._turn = self._next_turn()
                self._forget_older_than(self._endpointer.speech_start - self._endpointer.settings.pre_roll)
                await self._tell(SpeechStarted, audio_at=self._endpointer.speech_start)
            case Signal.SUSTAINED:
                start = self._endpointer.speech_start
                onset_at = next((at for window, at in self._windows if window.audio_end > start), self._clock.now())
                await self._tell(SpeechSustained, audio_at=start, onset_at=onset_at)
            case Signal.ENDED:
                await self._tell(SpeechEnded, audio_at=self._endpointer.speech_end)
                self._begin_attempt()
            case Signal.RESUMED:
                self._drop_attempt()
                await self._tell(SpeechStarted, audio_at=self._endpointer.now)
            case Signal.OVER:
                await self._end_turn(EndReason.SILENCE)
            case Signal.TOO_LONG:
                await self._end_turn(EndReason.MAX_SPEECH)

    async def _end_turn(self, reason: EndReason) -> None:
        if self._attempt is None:
            self._begin_attempt()
        audio_at = self._endpointer.speech_end
        await self._tell(TurnEnded, reason=reason, audio_at=audio_at, speech_end_at=self._speech_end_at)
        if self._attempt is not None:
            self._attempt.committed.set()
            self._attempt = None
        self._windows.clear()

    def _begin_attempt(self) -> None:
        self._attempt = _Attempt(self._turn, joined([window for window, _ in self._windows]))
        self._tasks.start_soon(self._recognize, self._attempt)

    def _drop_attempt(self) -> None:
        if self._attempt is not None:
            self._attempt.scope.cancel()
            self._attempt = None

    async def _recognize(self, attempt: _Attempt) -> None:
        with attempt.scope:
            outcome: Recognition | HearingError
            try:
                outcome = await self._recognizer.transcribe(attempt.utterance, self._language)
            except HearingError as error:
                outcome = error
            await attempt.committed.wait()
            await self._events.send(self._verdict(attempt, outcome))

    def _verdict(self, attempt: _Attempt, outcome: Recognition | HearingError) -> HearingEvent:
        at = self._clock.now()
        if isinstance(outcome, HearingError):
            return StageFailed(
                turn=attempt.turn,
                at=at,
                stage=outcome.stage,
                code=outcome.code,
                message=str(outcome),
                retryable=outcome.retryable,
            )
        return FinalTranscript(
            turn=attempt.turn,
            at=at,
            text=outcome.text,
            language=outcome.language,
            confidence=outcome.confidence,
            audio_start=attempt.utterance.audio_at,
            audio_end=attempt.utterance.audio_end,
        )

    async def _tell(self, kind: Callable[..., HearingEvent], **fields: object) -> None:
        await self._events.send(kind(turn=self._turn, at=self._clock.now(), **fields))

    def _forget_older_than(self, audio_at: float) -> None:
        while self._windows and self._windows[0][0].audio_end <= audio_at:
            self._windows.popleft()
