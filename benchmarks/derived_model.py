"""What a turn takes on a machine that is not here: bytes over bandwidth, operations over rate, launches. Pure.

Every constant has a typical and a slow value and says where it comes from; ``p50`` is made of the typical ones and
``p95`` of the slow ones with a longer utterance. "Notes" are the project's collected measurements of others,
performance.md, with the section; [E] there is an estimate and stays one here.
"""

from dataclasses import dataclass
from typing import Literal

Half = Literal["p50", "p95"]


@dataclass(frozen=True, slots=True)
class Constant:
    """A figure and its source."""

    typical: float
    slow: float
    unit: str
    source: str

    def at(self, half: Half) -> float:
        """Return the value that makes up this percentile."""
        return self.typical if half == "p50" else self.slow


@dataclass(frozen=True, slots=True)
class Machine:
    """What computes recognition and the language model."""

    name: str
    bandwidth: Constant
    """Bytes a second that decoding reaches."""
    encoder_rate: Constant
    """Operations a second that whisper's encoder reaches."""
    prompt_rate: Constant
    """Operations a second that a language model reaches while it reads."""
    launch: Constant
    """Seconds of one kernel, launched and finished, where it computes nothing to speak of."""
    token: Constant
    """Seconds of each token of the language model beside its weights: launches, sampling."""


_FIT = "notes 3.1: decode takes 3-4 ms + bytes / achieved bandwidth; 3B and 8B rows solved for the bandwidth"
_LAUNCH = Constant(8e-6, 10e-6, "s", "notes 2.1: whisper-small decodes in 2.75 ms on a V100, 12 layers of 20 kernels")
_TOKEN = Constant(3.5e-3, 4e-3, "s", "notes 3.1, model fit [E]")
T4 = Machine(
    "NVIDIA T4",
    Constant(225e9, 189e9, "B/s", f"{_FIT}; datasheet: 320e9"),
    Constant(9e12, 6e12, "op/s", "notes 2.4: 6-12e12 [E]; a V100 reaches 8-17e12; datasheet: 65e12 in float16"),
    Constant(13e12, 9.75e12, "op/s", "notes 3.2: 15-25 % of 65e12 [E]"),
    _LAUNCH,
    _TOKEN,
)
A10 = Machine(
    "NVIDIA A10",
    Constant(434e9, 388e9, "B/s", f"{_FIT}; datasheet: 600e9"),
    Constant(24e12, 13.8e12, "op/s", "notes 2.4: 2.3-3 times a T4 [E]; datasheet: 125e12 in float16"),
    Constant(25e12, 18.75e12, "op/s", "notes 3.2: 15-25 % of 125e12 [E]"),
    _LAUNCH,
    _TOKEN,
)
MACHINES = {"t4": T4, "a10": A10}
"""By profile."""

VAD_LAG = Constant(0.045, 0.045, "s", "notes 0: Silero keeps firing 45 ms behind the last audible sample")
WINDOW = Constant(0.016, 0.032, "s", "a window is 32 ms: speech ends anywhere in it")
SLOW_WAIT = Constant(
    0.2, 0.65, "s", "pipeline/hearing/turn_end.py: 196 whole prompts waited 0.2 s in the median, 0.65 s at p95"
)
TURN_MODEL = Constant(0.1, 0.18, "s", "notes 5 and 7: smart-turn with features on one thread of a Xeon at 2.8 GHz")
FEATURES = Constant(1.4e-3, 1.4e-3, "s", "notes 6, row 14: 7 ms for 5 s of sound, on a CPU; for each second")
SERVER = Constant(7.5e-3, 10e-3, "s", "notes 3.2: 5-10 ms of HTTP to Ollama")
HANDOVER = Constant(0.02, 0.04, "s", "notes 7: server frame and sending [E]")
SPOKEN_TOKENS = Constant(12, 30, "tokens", "notes 2.4: 12 of a final; 30 are 8 s of speech at 3 words a second")
NEW_TOKENS = Constant(25, 50, "tokens", "notes 3.2: 25 behind the cached prefix; twice that for a long question")
CLAUSE_TOKENS = Constant(8, 10, "tokens", "notes 3.1: 8 for a first clause; 6 words of 1.7 tokens")
CLAUSE_WORDS = Constant(6, 6, "words", "speaking.first_clause_words")
PIPER_FRONT = Constant(0.034, 0.05, "s", "notes 4.1: first chunk of 2.5, 8 and 20 words, less the decoder, at 0 words")
PIPER_WORD = Constant(4.2e-3, 6.2e-3, "s", "the same, each word; slow: 1.48 times, as p95 over p50 in notes 7")
PIPER_FRAME = Constant(0.7e-3, 1.04e-3, "s", "pipeline/speaking/piper.py: one frame of the decoder, one thread")
FIRST_FRAMES = 24 + 32
"""Frames of the first piece and its margin. Source: PIECES and MARGIN in pipeline/speaking/piper.py."""
ONSET = Constant(0.02, 0.085, "s", "a frame; slow: two frames and 45 ms that Silero is late at an onset")

FULL_STATES = 1500
"""States of whisper's encoder for 30 s. Source: Radford et al. 2022, section 2.2."""
VOCABULARY = 51_865
"""Tokens that whisper knows. Source: the same."""
KERNELS = 20
"""Launched for a layer of whisper's decoder: three attentions' and two matrices' worth, norms and sums."""


@dataclass(frozen=True, slots=True)
class WhisperSize:
    """A whisper model. Source: Radford et al. 2022, table 1; turbo: its model card."""

    width: int
    encoder_layers: int
    decoder_layers: int

    def encoder_operations(self, states: int = FULL_STATES) -> float:
        """Return the operations of one pass: matrices of 12 width squared, and attention over all states."""
        return self.encoder_layers * (24 * self.width**2 * states + 4 * states**2 * self.width)

    def decoder_bytes(self, weight_bytes: int) -> float:
        """Return what one token reads: weights, the words' matrix, and the keys and values of 1500 states (float16)."""
        weights = self.decoder_layers * 14 * self.width**2 + VOCABULARY * self.width
        return weights * weight_bytes + 2 * 2 * FULL_STATES * self.width * self.decoder_layers


WHISPERS = {
    "whisper-tiny.en": WhisperSize(384, 4, 4),
    "whisper-base": WhisperSize(512, 6, 6),
    "whisper-small": WhisperSize(768, 12, 12),
    "whisper-large-v3-turbo": WhisperSize(1280, 32, 4),
}
PARAMETERS = {
    "qwen3-4b-instruct-2507": 4.02e9,
    "qwen2.5-7b-instruct": 7.62e9,
    "qwen2.5-1.5b-instruct": 1.54e9,
    "qwen2.5-coder-1.5b-instruct": 1.54e9,
}
"""Source: model cards."""
WEIGHT_BYTES = {"int8": 1, "int8_float16": 1, "float16": 2}


def recognition(machine: Machine, size: WhisperSize, weight_bytes: int, half: Half) -> float:
    """Return the seconds of one recognition in the full window, which a GPU always hears."""
    token = size.decoder_bytes(weight_bytes) / machine.bandwidth.at(half)
    token += size.decoder_layers * KERNELS * machine.launch.at(half)
    encoder = size.encoder_operations() / machine.encoder_rate.at(half)
    return 30 * FEATURES.at(half) + encoder + SPOKEN_TOKENS.at(half) * token


def first_token(machine: Machine, weights: float, parameters: float, half: Half) -> float:
    """Return the seconds to a reply's first token: the weights once, and the new tokens' operations."""
    reading = 2 * parameters * NEW_TOKENS.at(half) / machine.prompt_rate.at(half)
    return SERVER.at(half) + machine.token.at(half) + weights / machine.bandwidth.at(half) + reading


def first_clause(machine: Machine, weights: float, half: Half) -> float:
    """Return the seconds from the first token to the end of the first clause."""
    each = machine.token.at(half) + weights / machine.bandwidth.at(half)
    return (CLAUSE_TOKENS.at(half) - 1) * each


def synthesis(half: Half) -> float:
    """Return the seconds to the first piece of a clause's speech, on one thread of a CPU."""
    front = PIPER_FRONT.at(half) + CLAUSE_WORDS.at(half) * PIPER_WORD.at(half)
    return front + FIRST_FRAMES * PIPER_FRAME.at(half)
