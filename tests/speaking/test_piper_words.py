"""Where Piper says that words end, on a scripted network: exact samples."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from piper.config import PhonemeType

from pipeline.core.stages import Speech, WordEnd
from pipeline.settings import Speaking
from pipeline.speaking.piper import Floats, Piper, Sound

pytestmark = pytest.mark.anyio

RATE = 1000
"""One sample a millisecond; the trimmer keeps 15 samples before speech, and 50 behind it, or 250 behind a full stop."""
IDS = {"^": [1], "_": [0], "$": [2], **{sign: [place] for place, sign in enumerate("abcdef .", 3)}}
PHONEME, PAD, BEGIN, END = 100, 10, 70, 40
"""Samples of a phoneme, of what stands between, of the beginning, which is silent, and of the end."""


def phoneme_ids(phonemes: list[str]) -> list[int]:
    ids = [IDS["^"], IDS["_"], *(part for sign in phonemes if sign in IDS for part in (IDS[sign], IDS["_"])), IDS["$"]]
    return [number for part in ids for number in part]


def voice(phoneme_type: PhonemeType = PhonemeType.TEXT) -> Any:
    """Return a voice whose phonemes are letters; sentences end at bars."""
    config = SimpleNamespace(
        default_speaker_id=0,
        num_speakers=1,
        noise_scale=0.0,
        length_scale=1.0,
        noise_w_scale=0.0,
        sample_rate=RATE,
        phoneme_id_map=IDS,
        phoneme_type=phoneme_type,
    )
    return SimpleNamespace(
        config=config,
        phonemize=lambda text: [list(sentence) for sentence in text.split("|")],
        phonemes_to_ids=phoneme_ids,
    )


class Network:
    """Speaks each id in so many samples, loudly unless it is the beginning, a space, a full stop or the pad behind."""

    def __init__(self, piece: int, *, aligned: bool = True, lost: int = 0) -> None:
        """Return pieces of so many samples; the lengths of ``lost`` ids are missing."""
        self.aligned = aligned
        self._piece = piece
        self._lost = lost

    def decode(self, inputs: dict[str, Any]) -> Sound:
        ids = inputs["input"][0]
        lengths = np.where(ids == 0, PAD, PHONEME)
        lengths[0], lengths[1], lengths[-1] = BEGIN - PAD, PAD, END
        quiet = np.isin(ids, [1, 2, IDS[" "][0], IDS["."][0]])
        quiet[1:] |= quiet[:-1]
        sound: Floats = np.repeat(np.where(quiet, 0, 0.5), lengths).astype(np.float32)
        pieces = [sound[at : at + self._piece] for at in range(0, len(sound), self._piece)]
        return Sound(iter(pieces), lengths[self._lost :] if self.aligned else lengths[:0])


async def speech(text: str, network: Network, spoken_by: Any = None) -> list[Speech]:
    piper = Piper(spoken_by or voice(), network, Speaking())
    return [piece async for piece in piper.speak(text)]


def ends(pieces: list[Speech]) -> list[WordEnd]:
    return [word for piece in pieces for word in piece.words]


@pytest.mark.parametrize("piece", [7, 64, 5000])
async def test_words_end_behind_their_phonemes_without_the_silence_that_is_cut(piece: int) -> None:
    one = 15 + 3 * (PHONEME + PAD)
    assert ends(await speech("abc de f", Network(piece))) == [
        WordEnd(4, one),
        WordEnd(7, one + 3 * (PHONEME + PAD)),
        WordEnd(8, one + 5 * (PHONEME + PAD)),
    ]


@pytest.mark.parametrize("piece", [7, 64, 5000])
async def test_words_of_a_second_sentence_count_from_what_is_left_of_the_first(piece: int) -> None:
    pieces = await speech("ab. |cd", Network(piece))
    first = 15 + 2 * (PHONEME + PAD)
    assert ends(pieces) == [WordEnd(4, first), WordEnd(7, first + 250 + 15 + 2 * (PHONEME + PAD))]


async def test_a_word_without_a_sound_that_comes_first_ends_where_the_speech_begins() -> None:
    assert ends(await speech("- abc", Network(64))) == [WordEnd(2, 0), WordEnd(5, 15 + 3 * (PHONEME + PAD))]


async def test_each_word_is_placed_before_its_sound() -> None:
    pieces = await speech("abc de. |f abc", Network(64))
    for number, piece in enumerate(pieces):
        assert all(word.samples > piece.pcm.start for word in ends(pieces[number:]))


async def test_a_phoneme_that_the_voice_does_not_know_takes_no_time() -> None:
    assert ends(await speech("axbx", Network(5000))) == [WordEnd(4, 15 + 2 * (PHONEME + PAD))]


@pytest.mark.parametrize("network", [Network(64, aligned=False), Network(64, lost=1)])
async def test_a_network_that_tells_no_lengths_or_other_ones_speaks_all_the_same(network: Network) -> None:
    pieces = await speech("abc de", network)
    assert ends(pieces) == []
    assert sum(piece.pcm.samples for piece in pieces) == sum(
        piece.pcm.samples for piece in await speech("abc de", Network(64))
    )


async def test_a_voice_whose_phonemes_take_long_is_asked_for_them_once() -> None:
    assert ends(await speech("abc de", Network(64), voice(PhonemeType.PINYIN))) == []
