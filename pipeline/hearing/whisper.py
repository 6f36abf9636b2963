"""Whisper, through CTranslate2 with a shorter encoder window than faster-whisper allows."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial
from math import exp
from pathlib import Path
from typing import Any

import numpy as np
from anyio import CapacityLimiter, to_thread
from faster_whisper import WhisperModel
from faster_whisper.tokenizer import Tokenizer
from faster_whisper.transcribe import get_suppressed_tokens
from numpy.typing import NDArray

from pipeline.core.errors import HearingError, ModelError
from pipeline.core.pcm import Pcm
from pipeline.core.stages import VAD_RATE, Recognition
from pipeline.hearing.hygiene import disbelief
from pipeline.settings import Recognition as RecognitionSettings

FULL_WINDOW = 30.0
"""Seconds of sound that Whisper was trained on. Source: Radford et al. 2022, section 2.2."""
TAIL = 1.0
"""Silence that a short window keeps behind the speech; without it the decoder loops: 196 % word errors."""
FRAMES_PER_SECOND = 100
TOKENS_PER_SECOND = 10.0
TOKENS_ALLOWED = 12
"""Nobody speaks more tokens than these two give; a decoder that gets there has run away."""
SURE = 0.4
"""Mean token probability below which the full window has a look; 1 in 100 of 219 human prompts came out below 0.6."""
RETRY_TEMPERATURES = (0.0, 0.4)
"""Sampling is how Whisper leaves a loop. Source: Radford et al. 2022, section 4.5."""


@dataclass(frozen=True, slots=True)
class _Attempt:
    """What one pass of the decoder made of an utterance."""

    recognition: Recognition
    finished: bool
    """False when the decoder was cut off at its token limit."""


class Whisper:
    """A Recognizer on one loaded model; recognitions run at once as far as ``workers`` allows, the others wait."""

    def __init__(self, model: WhisperModel, settings: RecognitionSettings) -> None:
        """Take a loaded model; see ``load``."""
        self._model = model
        self._settings = settings
        self._limiter = CapacityLimiter(settings.workers)
        self._prompts: dict[str, tuple[Tokenizer, list[int], list[int]]] = {}

    @classmethod
    def load(cls, folder: Path, settings: RecognitionSettings) -> "Whisper":
        """Return the recognizer of a CTranslate2 model folder. Blocks for a second or more.

        Raises ModelError: ``model-missing``, or ``model-broken`` when it cannot be read or not run on this device.
        """
        name = folder.name
        if not (folder / "model.bin").is_file():
            raise ModelError("model-missing", f"no whisper model in {folder}", fix=f"voicepipe models pull {name}")
        try:
            model = WhisperModel(
                str(folder),
                device=settings.device,
                compute_type=settings.compute_type,
                cpu_threads=settings.threads,
                num_workers=settings.workers,
                local_files_only=True,
            )
        except Exception as error:
            how = f"{settings.device} with {settings.compute_type}"
            raise ModelError(
                "model-broken", f"{name} does not load on {how}: {error}", fix=f"voicepipe models verify {name}"
            ) from error
        return cls(model, settings)

    @property
    def languages(self) -> frozenset[str]:
        """Return the languages that the model knows, as BCP 47 primary tags."""
        return frozenset(self._model.supported_languages)

    async def warm(self) -> None:
        """Recognize silence once in each window, so that the first caller does not wait for memory and kernels."""
        for window in (self._settings.window, FULL_WINDOW):
            sound = np.zeros(VAD_RATE, np.float32)
            await to_thread.run_sync(partial(self._attempt, sound, None, window), limiter=self._limiter)

    async def transcribe(self, utterance: Pcm, language: str | None) -> Recognition:
        """Return what was said in ``utterance`` (16 kHz; what lies behind 30 s is not heard).

        ``language`` is a BCP 47 tag; None lets a multilingual model detect it. The text is empty when nothing was said
        or what Whisper wrote is not to be believed. A cancelled call waits for the worker, up to one recognition.
        Raises HearingError: ``language-unknown``, ``recognition-failed``. Raises ValueError for another rate.
        """
        if utterance.rate != VAD_RATE:
            raise ValueError(f"whisper hears {VAD_RATE} Hz, not {utterance.rate}")
        tag = self._tag(language)
        try:
            return await to_thread.run_sync(self._recognize, utterance, tag, limiter=self._limiter)
        except Exception as error:
            raise HearingError(
                "recognition-failed", f"whisper failed: {type(error).__name__}", retryable=True
            ) from error

    def _tag(self, language: str | None) -> str | None:
        if not language:
            return None
        tag = language.replace("_", "-").split("-")[0].lower()
        if tag not in self.languages:
            raise HearingError("language-unknown", f"this whisper model does not know the language {tag!r}")
        return tag

    def _recognize(self, utterance: Pcm, tag: str | None) -> Recognition:
        heard = np.frombuffer(utterance.data, np.int16)[: round(FULL_WINDOW * VAD_RATE)]
        sound = np.divide(heard, 32768, dtype=np.float32)
        duration = len(sound) / VAD_RATE
        if not sound.any():
            return Recognition("", tag or "", 0.0, 1.0)
        window = self._settings.window
        attempt = self._attempt(sound, tag, window if duration <= window - TAIL else FULL_WINDOW)
        reason = disbelief(attempt.recognition, duration)
        doubtful = not attempt.finished or reason in {"loop", "too-fast"} or attempt.recognition.confidence < SURE
        if doubtful and reason not in {"no-speech", "no-words"}:
            attempt = self._full(sound, attempt.recognition.language)
            reason = disbelief(attempt.recognition, duration)
        return replace(attempt.recognition, text="") if reason else attempt.recognition

    def _attempt(self, sound: NDArray[np.float32], tag: str | None, window: float) -> _Attempt:
        """Decode greedily in a window of so many seconds."""
        samples = round(window * VAD_RATE)
        features = self._model.feature_extractor(np.pad(sound, (0, samples - len(sound))))
        encoded = self._model.encode(features[:, : round(window * FRAMES_PER_SECOND)])
        tokenizer, prompt, suppressed = self._prompt(tag or self._detect(encoded))
        limit = self._token_limit(sound)
        result = self._model.model.generate(
            encoded,
            [prompt],
            beam_size=self._settings.beam,
            max_length=len(prompt) + limit,
            suppress_tokens=suppressed,
            return_scores=True,
            return_no_speech_prob=True,
        )[0]
        tokens = result.sequences_ids[0]
        # The score is a mean over the tokens; the end-of-text token counts as one more, as faster-whisper has it.
        confidence = exp(result.scores[0] * len(tokens) / (len(tokens) + 1))
        text = tokenizer.decode(tokens).strip()
        recognition = Recognition(text, tokenizer.language_code, min(confidence, 1.0), result.no_speech_prob)
        return _Attempt(recognition, len(tokens) < limit)

    def _full(self, sound: NDArray[np.float32], tag: str) -> _Attempt:
        """Let faster-whisper decode in the full window, with its own retries."""
        segments, _ = self._model.transcribe(
            sound,
            language=tag,
            beam_size=self._settings.beam,
            temperature=RETRY_TEMPERATURES,
            without_timestamps=True,
            condition_on_previous_text=False,
            max_new_tokens=self._token_limit(sound),
        )
        return _Attempt(_merged(segments, tag), finished=True)

    def _prompt(self, tag: str) -> tuple[Tokenizer, list[int], list[int]]:
        if tag not in self._prompts:
            tokenizer = Tokenizer(
                self._model.hf_tokenizer, self._model.model.is_multilingual, task="transcribe", language=tag
            )
            prompt = self._model.get_prompt(tokenizer, [], without_timestamps=True)
            self._prompts[tag] = tokenizer, prompt, list(get_suppressed_tokens(tokenizer, [-1]))
        return self._prompts[tag]

    def _detect(self, encoded: Any) -> str:
        if not self._model.model.is_multilingual:
            return "en"
        best: str = self._model.model.detect_language(encoded)[0][0][0]
        return best.strip("<|>")

    @staticmethod
    def _token_limit(sound: NDArray[np.float32]) -> int:
        return TOKENS_ALLOWED + round(TOKENS_PER_SECOND * len(sound) / VAD_RATE)


def _merged(segments: Iterable[Any], tag: str) -> Recognition:
    """Return faster-whisper's segments as one recognition; none at all means that it heard no speech."""
    parts = list(segments)
    if not parts:
        return Recognition("", tag, 0.0, 1.0)
    tokens = sum(len(part.tokens) for part in parts)
    score = sum(part.avg_logprob * len(part.tokens) for part in parts) / max(tokens, 1)
    text = " ".join(part.text.strip() for part in parts)
    return Recognition(text, tag, min(exp(score), 1.0), parts[0].no_speech_prob)
