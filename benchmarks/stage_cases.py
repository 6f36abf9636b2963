"""What ``benchmarks.stages`` gives to each engine: human prompts cut to lengths, questions, sentences, frames."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count, cycle
from typing import Any

from anyio import to_thread

from benchmarks.wer import at_16_khz
from pipeline.audio.g711 import mulaw_decode, mulaw_encode
from pipeline.audio.resample import Resampler
from pipeline.core.clock import Clock
from pipeline.core.pcm import SAMPLE_BYTES, Pcm, silence
from pipeline.core.stages import VAD_RATE, VAD_WINDOW_SAMPLES, ChatModel, ChatOptions, Message
from pipeline.dialog.agents import load
from pipeline.dialog.prompt import messages
from pipeline.models.store import Store
from pipeline.settings import Settings
from tests.recordings import prompts, read_speech

LENGTHS = (1, 2, 3, 5, 8, 15)
"""Seconds of speech given to the recognizer."""
TURNS = (2, 8)
"""Seconds given to the turn model, which always looks at 8."""
VARIETY = 6
"""Different recordings of each length."""
PAUSE = 0.1
"""Seconds of silence behind a turn that is judged; recognition hears the same."""
AT_ONCE = (1, 2, 4)
"""Callers who ask one engine at the same time, each again as soon as it is answered."""
TELEPHONE_RATE = 8000
FRAME = 0.02
"""Seconds of sound in one message."""
WRITTEN = 24
"""Tokens of a reply: a sentence."""
COLD_RUNS = 3
"""Prompts read from their first token on; each takes seconds on a CPU."""
SLOW_RUNS = 8
"""Runs of a language model, at most."""

SENTENCES = {
    "3 words": "Yes, of course.",
    "8 words": "We are open until six in the evening.",
    "20 words": "On Saturday we are open from eight in the morning until two in the afternoon, and on Sunday we close.",
}
QUESTIONS = (
    "When do you open on Saturday?",
    "How much is a sourdough loaf?",
    "Do you deliver to the next town?",
    "Can I get a birthday cake for Friday?",
    "Where can I park my car?",
    "Is there bread without gluten today?",
)


@dataclass(frozen=True, slots=True)
class Sample:
    """One piece of work."""

    took: float
    """Seconds from the question to the whole answer."""
    audio: float | None = None
    """Seconds of sound that went in or came out; None where there is none."""
    first: float | None = None
    """Seconds to the first part of the answer, where it comes in parts."""
    rate: float | None = None
    """Tokens a second behind the first one."""
    read: int | None = None
    """Tokens of the prompt that had to be read."""


Work = Callable[[], Awaitable[Sequence[Sample]]]


@dataclass(frozen=True, slots=True)
class Case:
    """One engine with inputs of one kind."""

    stage: str
    input: str
    work: Callable[[], Work]
    """Returns what one caller does again and again; callers share the engine and nothing else."""
    at_once: tuple[int, ...] = AT_ONCE
    most_runs: int | None = None


def cuts(sounds: Sequence[Pcm], length: float, number: int) -> list[Pcm]:
    """Return up to ``number`` pieces of exactly ``length`` seconds, each from the beginning of a sound. Pure.

    Sounds that are too short are followed by the next one; each sound is used once.
    """
    found: list[Pcm] = []
    held = b""
    for sound in sounds:
        held += sound.data
        size = SAMPLE_BYTES * round(length * sound.rate)
        if len(held) >= size:
            found.append(Pcm(held[:size], sound.rate))
            held = b""
        if len(found) == number:
            break
    return found


def recordings() -> list[Pcm]:
    """Return the human prompts of a second or more at 16 kHz, without the silence around them, longest first."""
    spoken = sorted((read_speech(prompt) for prompt in prompts("en")), key=lambda sound: -sound.duration)
    return [at_16_khz(sound) for sound in spoken if sound.duration >= 1.0]


async def voice_activity(settings: Settings, store: Store, clock: Clock) -> AsyncIterator[Case]:
    """Yield the VAD: one window after the other, as in a call."""
    from pipeline.hearing.silero import Silero

    engine = await to_thread.run_sync(Silero.load, store.path("silero-vad"))
    sound = cuts(recordings(), 3, 1)[0]

    def caller() -> Work:
        voice = engine.open()

        async def work() -> list[Sample]:
            samples = []
            for start in range(0, sound.samples - VAD_WINDOW_SAMPLES, VAD_WINDOW_SAMPLES):
                data = sound.data[SAMPLE_BYTES * start : SAMPLE_BYTES * (start + VAD_WINDOW_SAMPLES)]
                window = Pcm(data, VAD_RATE, start)
                began = clock.now()
                await voice.probability(window)
                samples.append(Sample(clock.now() - began, window.duration))
            return samples

        return work

    yield Case("vad", "32 ms", caller)


async def turn_model(settings: Settings, store: Store, clock: Clock) -> AsyncIterator[Case]:
    """Yield the model that hears whether a turn is over; none where the profile has none."""
    from pipeline.hearing.smart_turn import SmartTurn

    if not settings.endpointing.turn_model:
        return
    engine = await to_thread.run_sync(SmartTurn.load, store.path(settings.endpointing.turn_model))
    spoken = recordings()
    for length in TURNS:
        yield Case("turn_model", f"{length} s", _heard(engine.probability, cuts(spoken, length, VARIETY), clock))


async def recognition(settings: Settings, store: Store, clock: Clock) -> AsyncIterator[Case]:
    """Yield the recognizer with the encoder's short context, then in the full window."""
    from pipeline.hearing.whisper import Whisper

    name = store.first_present(settings.recognition.models)
    language = settings.recognition.language or "en"
    spoken = recordings()
    for context in ("short", "full"):
        engine = Whisper.load(store.path(name), settings.recognition.model_copy(update={"context": context}))
        await engine.warm()

        async def recognize(sound: Pcm, engine: Whisper = engine) -> None:
            await engine.transcribe(sound, language)

        for length in LENGTHS:
            yield Case(f"recognition_{context}", f"{length} s", _heard(recognize, cuts(spoken, length, VARIETY), clock))


def _heard(hear: Callable[[Pcm], Awaitable[Any]], sounds: Sequence[Pcm], clock: Clock) -> Callable[[], Work]:
    """Return callers who let ``sounds`` be heard in turn, each from another one on."""
    numbers = count()
    with_pause = [Pcm(sound.data + silence(PAUSE, sound.rate).data, sound.rate) for sound in sounds]

    def caller() -> Work:
        first = next(numbers) % len(with_pause)
        turn = cycle((*with_pause[first:], *with_pause[:first]))

        async def work() -> list[Sample]:
            sound = next(turn)
            began = clock.now()
            await hear(sound)
            return [Sample(clock.now() - began, sound.duration)]

        return work

    return caller


async def language(settings: Settings, store: Store, clock: Clock) -> AsyncIterator[Case]:
    """Yield the embedded model: with a prompt that it never saw, and with one whose beginning it knows."""
    from pipeline.dialog.llamacpp import LlamaCpp

    name = store.first_present(settings.dialog.models)
    model = await to_thread.run_sync(LlamaCpp.load, store.file(name, ".gguf"), settings.dialog)
    persona = load(settings.agents)[settings.agent].persona
    numbers = count()

    def asking(written: int, *, cold: bool) -> Callable[[], Work]:
        def caller() -> Work:
            async def work() -> list[Sample]:
                number = next(numbers)
                known = f"Call {number}. {persona}" if cold else persona
                said = messages(known, [Message("user", QUESTIONS[number % len(QUESTIONS)])])
                return [await written_reply(model, said, ChatOptions(temperature=0.0, num_predict=written), clock)]

            return work

        return caller

    try:
        yield Case("language", "cold prompt", asking(1, cold=True), at_once=(1,), most_runs=COLD_RUNS)
        await model.warm(messages(persona, []), ChatOptions())
        yield Case("language", "known prefix", asking(WRITTEN, cold=False), most_runs=SLOW_RUNS)
    finally:
        await to_thread.run_sync(model.close)


async def written_reply(model: ChatModel, said: Sequence[Message], options: ChatOptions, clock: Clock) -> Sample:
    """Let ``model`` answer and return how long it took."""
    began = clock.now()
    first: float | None = None
    tokens, read = 0, None
    async for delta in model.stream(said, options):
        first = clock.now() - began if first is None and delta.text else first
        if delta.usage is not None:
            tokens, read = delta.usage.completion_tokens, delta.usage.prompt_tokens
    took = clock.now() - began
    rate = (tokens - 1) / (took - first) if first is not None and tokens > 1 and took > first else None
    return Sample(took, first=first, rate=rate, read=read)


async def synthesis(settings: Settings, store: Store, clock: Clock) -> AsyncIterator[Case]:
    """Yield the voice with sentences of several lengths."""
    from pipeline.speaking.piper import Piper

    piper = await to_thread.run_sync(Piper.load, store.path(settings.speaking.voice), settings.speaking)
    await piper.warm()

    def saying(text: str) -> Callable[[], Work]:
        async def work() -> list[Sample]:
            began = clock.now()
            first: float | None = None
            samples = 0
            async for speech in piper.speak(text):
                first = clock.now() - began if first is None else first
                samples += speech.pcm.samples
            return [Sample(clock.now() - began, samples / piper.rate, first)]

        return lambda: work

    for name, text in SENTENCES.items():
        yield Case("synthesis", name, saying(text))


async def telephone(settings: Settings, store: Store, clock: Clock) -> AsyncIterator[Case]:
    """Yield what is done to each frame of a call, on the event loop itself: no two at once."""
    voice_rate = 22_050
    speech = cuts(recordings(), 3, 1)[0]
    to_voice = Resampler(VAD_RATE, voice_rate)
    spoken = to_voice.feed(speech)
    narrow = Resampler(VAD_RATE, TELEPHONE_RATE)
    coded = mulaw_encode(narrow.feed(speech).data)

    def heard() -> Work:
        resampler = Resampler(TELEPHONE_RATE, VAD_RATE)

        def hear(piece: bytes) -> Pcm:
            return resampler.feed(Pcm(mulaw_decode(piece), TELEPHONE_RATE))

        async def work() -> list[Sample]:
            return [_timed(partial(hear, piece), clock) for piece in _pieces(coded, round(FRAME * TELEPHONE_RATE))]

        return work

    def said() -> Work:
        resampler = Resampler(voice_rate, TELEPHONE_RATE)

        def say(piece: bytes) -> bytes:
            return mulaw_encode(resampler.feed(Pcm(piece, voice_rate)).data)

        async def work() -> list[Sample]:
            return [
                _timed(partial(say, piece), clock)
                for piece in _pieces(spoken.data, SAMPLE_BYTES * round(FRAME * voice_rate))
            ]

        return work

    yield Case("telephone", "20 ms in: mu-law to 16 kHz", heard, at_once=(1,))
    yield Case("telephone", "20 ms out: 22 kHz to mu-law", said, at_once=(1,))


def _pieces(samples: bytes, size: int) -> list[bytes]:
    return [samples[start : start + size] for start in range(0, len(samples) - size, size)]


def _timed(work: Callable[[], Any], clock: Clock) -> Sample:
    began = clock.now()
    work()
    return Sample(clock.now() - began, FRAME)


STAGES: Mapping[str, Callable[[Settings, Store, Clock], AsyncIterator[Case]]] = {
    "vad": voice_activity,
    "turn_model": turn_model,
    "recognition": recognition,
    "language": language,
    "synthesis": synthesis,
    "telephone": telephone,
}
"""What can be measured alone, by its name."""
