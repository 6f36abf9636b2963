"""What ``benchmarks.turns`` lets a listener hear: recordings of people, and where the pauses in them lie."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from faster_whisper import WhisperModel

from benchmarks.speech import LONGEST_PAUSE, SHORTEST_PAUSE, Saying, apart, hesitating, joined
from benchmarks.wer import at_16_khz, chosen
from pipeline.audio.wav import read_wav
from pipeline.cli.screen import opened
from pipeline.core.pcm import SAMPLE_BYTES, Pcm
from pipeline.core.stages import VAD_RATE
from tests.recordings import prompts

GROUPS = (3, 3, 4)
"""Digits of a telephone number, as people read it out."""
SHORTEST = 5
"""Words of a prompt that is cut in the middle of a sentence."""
BETWEEN = (0.04, 0.12)
"""Seconds between the digits of a group."""


@dataclass(frozen=True, slots=True)
class Case:
    """One thing to hear."""

    kind: str
    """``whole``, ``midway``, ``hesitating``, ``joined``, ``digits``."""
    name: str
    sound: Pcm
    """16 kHz."""
    pauses: tuple[tuple[float, float], ...] = ()
    """Where each pause begins and ends, in seconds."""


def cases(number: int, seed: int) -> list[Case]:
    """Return ``number`` cases of each kind, the same ones for the same seed."""
    choice = random.Random(seed)
    sayings = [Saying(prompt.name, read_wav(prompt.path), prompt.text) for prompt in chosen(250, "en", seed)]
    whole = [_case("whole", saying) for saying in sayings[:number]]
    midway = _midway(sayings, number, choice)
    hesitant = [made for saying in sayings if (made := hesitating(saying, _pause(choice)))][:number]
    short = [saying for saying in sayings if saying.sound.duration < 5.0]
    pairs = list(zip(short[::2], short[1::2], strict=False))[:number]
    twice = [joined(first, second, _pause(choice)) for first, second in pairs]
    return [
        *whole,
        *(_case("midway", saying) for saying in midway),
        *(_case("hesitating", saying) for saying in hesitant),
        *(_case("joined", saying) for saying in twice),
        *(_case("digits", _number(choice)) for _ in range(number)),
    ]


def _midway(sayings: Sequence[Saying], number: int, choice: random.Random) -> list[Saying]:
    """Return sayings with a pause behind a word in the middle of a sentence, by the times of whisper base.

    It hears better than what is measured, and where a word ends it is right to some 50 ms.
    """
    _, store = opened("cpu", None)
    model = WhisperModel(str(store.path("whisper-base")), device="cpu", compute_type="int8", local_files_only=True)
    made: list[Saying] = []
    for saying in sayings:
        if len(made) == number:
            break
        sound = np.frombuffer(at_16_khz(saying.sound).data, "<i2").astype(np.float32) / 32768
        segments, _ = model.transcribe(sound, language="en", beam_size=1, temperature=0.0, word_timestamps=True)
        words = [word for segment in segments for word in segment.words or ()]
        inner = [word for word in words[1:-2] if word.word.strip()[-1:].isalnum()]
        if len(words) < SHORTEST or not inner:
            continue
        word = choice.choice(inner)
        cut = SAMPLE_BYTES * round(word.end * saying.sound.rate)
        before, after = Pcm(saying.sound.data[:cut], saying.sound.rate), Pcm(saying.sound.data[cut:], saying.sound.rate)
        pause = _pause(choice)
        made.append(Saying(f"{saying.name}/{word.word.strip()}", apart(before, after, pause), saying.text, (pause,)))
    return made


def _pause(choice: random.Random) -> float:
    return round(choice.uniform(SHORTEST_PAUSE, LONGEST_PAUSE), 3)


def _number(choice: random.Random) -> Saying:
    """Return a telephone number that somebody reads out, a pause behind each group."""
    spoken: Saying | None = None
    recorded = {prompt.name: prompt for prompt in prompts("en")}
    for size in GROUPS:
        for index in range(size):
            prompt = recorded[f"digits/{choice.randrange(10)}"]
            digit = Saying(prompt.name.partition("/")[2], read_wav(prompt.path), prompt.text)
            if spoken is None:
                spoken = digit
            elif index:
                spoken = Saying(
                    spoken.name + digit.name,
                    apart(spoken.sound, digit.sound, choice.uniform(*BETWEEN)),
                    spoken.text,
                    spoken.pauses,
                )
            else:
                spoken = Saying(
                    f"{spoken.name}-{digit.name}",
                    apart(spoken.sound, digit.sound, pause := _pause(choice)),
                    spoken.text,
                    (*spoken.pauses, pause),
                )
    assert spoken is not None  # noqa: S101  there are groups
    return spoken


def _case(kind: str, saying: Saying) -> Case:
    sound = at_16_khz(saying.sound)
    return Case(kind, saying.name, sound, _silences(sound, saying.pauses))


def _silences(sound: Pcm, pauses: Sequence[float]) -> tuple[tuple[float, float], ...]:
    """Return where the pauses that were put in lie: the stretches of silence nearest to their lengths, in order."""
    loud = np.flatnonzero(np.abs(np.frombuffer(sound.data, "<i2").astype(np.int32)) > 327)
    gaps = [(int(before), int(after)) for before, after in pairwise(loud) if after - before > 1600]
    found: list[tuple[float, float]] = []
    for pause in pauses:
        best = min(gaps, key=lambda gap: abs((gap[1] - gap[0]) / VAD_RATE - pause))
        gaps.remove(best)
        found.append((best[0] / VAD_RATE, best[1] / VAD_RATE))
    return tuple(sorted(found))
