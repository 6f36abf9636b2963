"""Piper: clauses to speech. A voice's decoder runs in pieces, so that the first of them is soon there."""

import json
from collections.abc import AsyncGenerator, Generator, Iterator
from itertools import accumulate, chain
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
from anyio import CancelScope, CapacityLimiter, to_thread
from onnx.utils import Extractor
from piper.config import PhonemeType, PiperConfig
from piper.const import BOS, EOS, PAD
from piper.voice import PiperVoice
from streaming_vits import graph

from pipeline.core.errors import ModelError, SpeakingError
from pipeline.core.pcm import Pcm
from pipeline.core.stages import Speech, WordEnd
from pipeline.settings import Speaking
from pipeline.speaking.trimming import Samples, Trimmer
from pipeline.speaking.words import word_ends, words

PIECES = (24, 56, 192)
"""Frames (11.6 ms) of the first pieces; the last number goes on. A piece takes 0.7 ms for each of its frames and of its
margins, so each is there before those before it have been heard even on a machine 2.5 times slower, and no cancellation
waits for more than 0.2 s."""
SCRAP = 48
"""A rest of fewer frames is decoded with the piece before it: its margins would cost more than itself."""
MARGIN = 32
"""Frames decoded and thrown away on either side of a piece. Pieces then equal the whole to 3e-7; with 24 to 3e-4."""
LEVEL = 0.08
"""Root mean square of the speech, -22 dBFS. Piper scales each sentence to its peak, which needs all of it first."""
SAMPLE_TEXT = "1, 2, 3, 4, 5."
"""Spoken while loading, to measure the voice's level; digits are read in every language."""

_PAUSES = {".": 0.25, "!": 0.25, "?": 0.25, ",": 0.12, ";": 0.12, ":": 0.12}
"""Longest silence behind a clause, by its last sign; Piper's own has a median of 172 ms and goes up to 302."""
_PAUSE = 0.05
"""Behind a clause that was cut where there is no punctuation."""

Floats = npt.NDArray[np.float32]
Lengths = npt.NDArray[np.int64]


class Sound(NamedTuple):
    """One sentence as a network speaks it."""

    pieces: Iterator[Floats]
    """Its samples, -1 to 1, in order."""
    lengths: Lengths
    """Samples of each phoneme id, shape (ids,); empty when the network does not say."""


class _Piece(NamedTuple):
    samples: Samples
    words: tuple[WordEnd, ...]


class _Vits(Protocol):
    """A voice's network."""

    aligned: bool
    """Whether it tells how long each phoneme lasts."""

    def decode(self, inputs: dict[str, Any]) -> Sound:
        """Return the sound of one sentence; a piece is computed when it is taken."""
        ...


class _Whole:
    """The network as it comes: a sentence is one piece."""

    aligned = False

    def __init__(self, model: bytes) -> None:
        self._session = _session(model)

    def decode(self, inputs: dict[str, Any]) -> Sound:
        known = {item.name for item in self._session.get_inputs()}
        sound = self._session.run(None, {name: value for name, value in inputs.items() if name in known})[0]
        return Sound(iter([np.asarray(sound, np.float32).reshape(-1)]), np.empty(0, np.int64))


class _Split:
    """The network cut behind everything that needs the whole sentence; the rest is a CNN that can be run in pieces."""

    def __init__(self, model: bytes) -> None:
        """Raise ValueError for a network that has no such place."""
        whole = onnx.load_from_string(model)
        seam = graph.find_seam(whole)
        self._hop: int = graph.describe_decoder(whole)["hop"]
        self._inputs = [node.name for node in whole.graph.input]
        self._seam = [seam.z_p, seam.mask, *([seam.g] if seam.g else [])]
        extractor = Extractor(whole)
        outputs = [node.name for node in whole.graph.output[:1]]
        front = extractor.extract_model(self._inputs, self._seam)
        # VITS rounds the length of each phoneme up to whole frames. Source: Piper's patch_voice_with_alignment.
        lengths = [name for node in front.graph.node if node.op_type == "Ceil" for name in node.output]
        self.aligned = len(lengths) == 1
        if self.aligned:
            front.graph.output.append(onnx.ValueInfoProto(name=lengths[0]))
        self._front = _session(front.SerializeToString())
        self._decoder = _session(extractor.extract_model(self._seam, outputs).SerializeToString())

    def decode(self, inputs: dict[str, Any]) -> Sound:
        values = self._front.run(None, {name: inputs[name] for name in self._inputs})
        seam, rest = values[: len(self._seam)], values[len(self._seam) :]
        lengths = rest[0].reshape(-1).astype(np.int64) if rest else np.empty(0, np.int64)
        if lengths.sum() != seam[0].shape[2]:
            lengths = lengths[:0]  # what was rounded up there was something else
        return Sound(self._decode(*seam), lengths * self._hop)

    def _decode(self, frames: Floats, mask: Floats, *speaker: Floats) -> Iterator[Floats]:
        end = frames.shape[2]
        begin = 0
        sizes = iter(PIECES)
        size = PIECES[-1]
        while begin < end:
            size = next(sizes, size)
            stop = begin + size if end - begin - size >= SCRAP else end
            low, high = max(begin - MARGIN, 0), min(stop + MARGIN, end)
            values = [frames[:, :, low:high], mask[:, :, low:high], *speaker]
            sound = self._decoder.run(None, dict(zip(self._seam, values, strict=True)))[0].reshape(-1)
            yield sound[(begin - low) * self._hop : (stop - low) * self._hop]
            begin = stop


class _Steps:
    """Takes a generator step by step, each in whatever thread; closing it waits for a step under way.

    A thread may go on while nobody waits for it any more: asyncio's own ``Task.cancel`` knows no shields.
    """

    def __init__(self, pieces: Generator[_Piece, None, None]) -> None:
        self._pieces = pieces
        self._free = Lock()

    def next(self) -> _Piece | None:
        with self._free:
            return next(self._pieces, None)

    def close(self) -> None:
        with self._free:
            self._pieces.close()


class Piper:
    """A Synthesizer on one loaded voice; ``workers`` pieces are computed at once, the others wait their turn."""

    def __init__(self, voice: PiperVoice, vits: _Vits, settings: Speaking) -> None:
        """Take a loaded voice; see ``load``. Raises SpeakingError: ``speaker-unknown``."""
        self._voice = voice
        self._vits = vits
        self._limiter = CapacityLimiter(settings.workers)
        config = voice.config
        speaker = config.default_speaker_id if settings.speaker is None else settings.speaker
        if not 0 <= speaker < max(config.num_speakers, 1):
            raise SpeakingError(
                "speaker-unknown", f"the voice has speakers 0 to {config.num_speakers - 1}, not {speaker}"
            )
        scales = [config.noise_scale, config.length_scale / settings.speed, config.noise_w_scale]
        self._style: dict[str, Any] = {
            "scales": np.array(scales, np.float32),
            "sid": np.array([speaker], np.int64),
        }
        self._gain = 1.0

    @classmethod
    def load(cls, folder: Path, settings: Speaking) -> "Piper":
        """Return the synthesizer of a folder with a voice's .onnx and .onnx.json. Blocks for a second or more.

        Raises ModelError: ``model-missing``, ``model-broken``. Raises SpeakingError: ``speaker-unknown``.
        """
        name = folder.name
        path = next(iter(sorted(folder.glob("*.onnx"))), None)
        if path is None or not path.with_suffix(".onnx.json").is_file():
            raise ModelError("model-missing", f"no Piper voice in {folder}", fix=f"voicepipe models pull {name}")
        try:
            config = PiperConfig.from_dict(json.loads(path.with_suffix(".onnx.json").read_text("utf-8")))
            # Only its phonemizer is used; espeak behind it is one to a process and has a lock.
            piper = cls(PiperVoice(session=None, config=config), _vits(path.read_bytes()), settings)
            piper._measure_level()
        except SpeakingError:
            raise
        except Exception as error:
            raise ModelError(
                "model-broken", f"{name} cannot be used: {error}", fix=f"voicepipe models verify {name}"
            ) from error
        return piper

    @property
    def rate(self) -> int:
        """Return the voice's rate in hertz."""
        return self._voice.config.sample_rate

    @property
    def streams(self) -> bool:
        """Return whether the voice is decoded in pieces; False when its network cannot be split."""
        return isinstance(self._vits, _Split)

    @property
    def aligned(self) -> bool:
        """Return whether the voice tells where its words end; phonemizers other than espeak are too slow to ask."""
        return self._vits.aligned and self._voice.config.phoneme_type in (PhonemeType.ESPEAK, PhonemeType.TEXT)

    async def warm(self) -> None:
        """Speak once, unheard, so that the first caller does not wait for espeak and for memory."""
        async for _ in self.speak(SAMPLE_TEXT):
            pass

    async def speak(self, text: str) -> AsyncGenerator[Speech, None]:
        """Yield the speech of ``text`` without the silence around it; nothing for a text without sounds.

        Words are placed sentence by sentence, each with the first piece of its sentence.

        Closing early computes no further piece. A cancelled call waits for the piece under way.
        Raises SpeakingError: ``synthesis-failed``.
        """
        steps = _Steps(self._pieces(text))
        start = 0
        try:
            while (piece := await self._next(steps)) is not None:
                yield Speech(Pcm(piece.samples.astype("<i2").tobytes(), self.rate, start), piece.words)
                start += len(piece.samples)
        finally:
            with CancelScope(shield=True):
                await to_thread.run_sync(steps.close)

    async def _next(self, steps: _Steps) -> _Piece | None:
        try:
            return await to_thread.run_sync(steps.next, limiter=self._limiter)
        except Exception as error:
            raise SpeakingError("synthesis-failed", f"piper failed: {type(error).__name__}") from error

    def _pieces(self, text: str) -> Generator[_Piece, None, None]:
        """Yield the trimmed speech; every step computes one piece, the first also the phonemes and the prosody."""
        if not any(sign.isalnum() for sign in text):
            return  # espeak would read the name of a lone exclamation mark
        sentences = self._voice.phonemize(text)
        placed = self._words(text, sentences) if self.aligned else [[] for _ in sentences]
        begin = 0
        for phonemes, over in zip(sentences, placed, strict=True):
            trimmer = Trimmer(self.rate, _PAUSES.get("".join(phonemes).rstrip()[-1:], _PAUSE))
            sound = self._vits.decode(self._network_inputs(phonemes))
            ends = self._ends(over, phonemes, sound.lengths)
            for samples in sound.pieces:
                kept = trimmer.feed(_int16(samples * self._gain))
                if len(kept):
                    moved = begin - trimmer.dropped
                    yield _Piece(kept, tuple(WordEnd(at, max(begin, end + moved)) for at, end in ends))
                    begin += len(kept)
                    ends = []
            rest = trimmer.flush()
            if len(rest):
                yield _Piece(rest, ())
                begin += len(rest)

    def _words(self, text: str, sentences: list[list[str]]) -> list[list[tuple[int, int]]]:
        """Return for each sentence the words that end in it: characters of ``text`` and phonemes of the sentence.

        espeak needs 0.1 ms for each word that it is asked for alone.
        """
        written = words(text)
        alone = [list(chain.from_iterable(self._voice.phonemize(word))) for word in written]
        characters = accumulate(map(len, written))
        return [[(next(characters), count) for count in counts] for counts in word_ends(alone, sentences)]

    def _ends(self, over: list[tuple[int, int]], phonemes: list[str], lengths: Lengths) -> list[tuple[int, int]]:
        """Return the words of a sentence: characters of the text and samples of the sentence, before it is trimmed.

        A phoneme lasts until the pad behind it is over. Nothing when ``lengths`` are not those of its phonemes.
        """
        if not over:
            return []
        ids = self._voice.config.phoneme_id_map
        counts = [len(ids[phoneme]) + len(ids[PAD]) if phoneme in ids else 0 for phoneme in (BOS, *phonemes)]
        if sum(counts) + len(ids[EOS]) != len(lengths):
            return []
        samples = np.cumsum(lengths)[np.cumsum(counts) - 1]
        return [(characters, int(samples[count])) for characters, count in over]

    def _network_inputs(self, phonemes: list[str]) -> dict[str, Any]:
        ids = np.array([self._voice.phonemes_to_ids(phonemes)], np.int64)
        return {"input": ids, "input_lengths": np.array([ids.shape[1]], np.int64), **self._style}

    def _measure_level(self) -> None:
        """Measure the voice's level and set the gain that brings it to ``LEVEL``."""
        sound = np.concatenate([piece.samples for piece in self._pieces(SAMPLE_TEXT)]) / 32768
        self._gain = LEVEL / float(np.sqrt(np.mean(sound * sound)))


def _vits(model: bytes) -> _Vits:
    try:
        return _Split(model)
    except ValueError:
        return _Whole(model)


def _session(model: bytes) -> onnxruntime.InferenceSession:
    """Return a session of one thread: with the default pool a clause took 5.6 s instead of 0.7 on a busy machine."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _int16(sound: Floats) -> Samples:
    return (np.clip(sound, -1, 1) * 32767).astype(np.int16)
