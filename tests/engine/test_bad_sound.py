"""What a telephone picks up beside its caller, heard by the real engines as in a call: no word comes of it."""

import pytest

from benchmarks.turns import Busy
from pipeline.core.events import EndReason, TurnEnded
from pipeline.core.pcm import Pcm, joined
from pipeline.hearing.silero import Silero
from pipeline.hearing.smart_turn import SmartTurn
from pipeline.hearing.whisper import Whisper
from pipeline.settings import Endpointing
from tests.engine.calls import hear
from tests.engine.sounds import at_16k, pcm, sentences
from tests.engine.words import word_errors
from tests.noises import NOISES, Floats, babble, breathless, over
from tests.recordings import Prompt, read_speech

pytestmark = [pytest.mark.engine, pytest.mark.anyio]

LASTS = 60.0
"""Seconds of each noise."""
SNR = 15.0
"""Decibels of a caller's speech over the noise."""
SENTENCES = 3
BEFORE, AFTER = 1.5, 4.0
"""Seconds of noise alone around what is said."""
KINDS = [*NOISES, "babble"]
ALIKE = {"white noise", "pink noise", "mains hum", "a hum", "keys"}
"""Over these speech fares as over one of the others; `make soak` tries them too."""


@pytest.fixture(scope="module")
def engines(silero: Silero, tiny: Whisper, smart_turn: SmartTurn) -> Busy:
    return Busy(silero, tiny, smart_turn)


@pytest.fixture(scope="module")
def said(human_prompts: tuple[Prompt, ...]) -> list[tuple[str, Pcm]]:
    """Sentences of people, with their text."""
    return [(prompt.text, at_16k(read_speech(prompt))) for prompt in sentences(human_prompts, 40)]


def noise(kind: str, seconds: float, voices: list[Pcm]) -> Floats:
    return babble(voices, seconds) if kind == "babble" else NOISES[kind](seconds)


@pytest.mark.parametrize("kind", KINDS)
async def test_no_words_are_heard_where_nobody_speaks(kind: str, engines: Busy, said: list[tuple[str, Pcm]]) -> None:
    voices = [sound for _, sound in said[-6:]]
    heard = await hear(pcm(noise(kind, LASTS, voices)), engines)
    assert heard.texts == []
    assert heard.longest <= Endpointing().max_speech + 1.0


@pytest.mark.parametrize("kind", [pytest.param(kind, marks=[pytest.mark.soak] * (kind in ALIKE)) for kind in KINDS])
async def test_speech_over_a_noise_is_understood_and_nothing_is_heard_behind_it(
    kind: str, engines: Busy, said: list[tuple[str, Pcm]]
) -> None:
    voices, chosen = [sound for _, sound in said[-6:]], said[:: len(said) // SENTENCES][:SENTENCES]
    understood = []
    for _, speech in chosen:
        sound = over(speech, noise(kind, 10.0, voices), SNR, BEFORE, AFTER)
        heard = await hear(pcm(sound), engines)
        understood.append(" ".join(heard.texts))
        assert [
            final.text for final in heard.finals if final.text and final.audio_start > BEFORE + speech.duration
        ] == []
    # Of 27 words: 0 to 2 wrong, over other voices 5.
    assert word_errors([text for text, _ in chosen], understood) < 0.3


async def test_who_never_stops_is_cut_into_turns_and_all_of_it_is_understood(
    engines: Busy, said: list[tuple[str, Pcm]]
) -> None:
    # Neighbours in the list say nearly the same, and whisper's text of those looks like a loop.
    chosen = [said[place * 7 % len(said)] for place in range(len(said))]
    while sum(breathless(speech).duration for _, speech in chosen) > 64.0:
        chosen.pop()
    heard = await hear(joined([breathless(speech) for _, speech in chosen]), engines, partial_every=0.0)
    ends = [event.reason for event in heard.events if isinstance(event, TurnEnded)]
    assert EndReason.MAX_SPEECH in ends
    assert word_errors([" ".join(text for text, _ in chosen)], [" ".join(heard.texts)]) < 0.2
    assert heard.longest <= Endpointing().max_speech + 1.0
