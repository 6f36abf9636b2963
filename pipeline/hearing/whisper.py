"""Whisper, through CTranslate2: the encoder hears the utterance only, and remembers what silence sounds like."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import ceil, exp
from pathlib import Path
from typing import Any

import ctranslate2
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
TAIL = 2.0
"""Seconds of silence that the encoder hears behind the speech. With the remembered silence behind it, base made 3.1 %
word errors (3.2 in the full window; 251 human prompts, 1959 words), with 1 s 8.3 %; tiny.en 3.0 % with either (2.8)."""
FRAMES_PER_SECOND = 100
"""Of the features; the encoder gives one state for two."""
TOKENS_PER_SECOND = 7.0
TOKENS_ALLOWED = 12
"""Nobody speaks more tokens than these two give; a decoder that gets there has run away."""
ENOUGH = 2.0
"""Seconds of an utterance, pre-roll and pause included, from which its language can be told. Of human prompts in French
base then noticed 57 of 59, where English was usual, of Spanish ones 52 of 63; of shorter ones 15 of 17 and 8 of 19."""
OTHER_LANGUAGE = 0.8
"""Share of the probability, among the languages that are allowed, from which another than the usual one is believed."""
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
        self._silence: NDArray[np.float32] | None = None
        if settings.context == "short" and settings.device == "cpu":
            self._silence = np.asarray(self._encoded(np.zeros(1, np.float32), FULL_WINDOW))

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
        """Recognize silence once, so that the first caller does not wait for memory and kernels."""
        sound = np.zeros(VAD_RATE, np.float32)
        await to_thread.run_sync(partial(self._attempt, sound, None), limiter=self._limiter)

    async def transcribe(self, utterance: Pcm, language: str | None, others: Sequence[str] = ()) -> Recognition:
        """Return what was said in ``utterance`` (16 kHz; what lies behind 30 s is not heard).

        ``language`` is a BCP 47 tag; None lets a multilingual model detect it. One of ``others`` is taken in its place
        where enough was said and the model is sure. The text is empty when nothing was said or what Whisper wrote is
        not to be believed. A cancelled call waits for the worker, up to one recognition.
        Raises HearingError: ``language-unknown``, ``recognition-failed``. Raises ValueError for another rate.
        """
        if utterance.rate != VAD_RATE:
            raise ValueError(f"whisper hears {VAD_RATE} Hz, not {utterance.rate}")
        tag, more = self._tag(language), [found for found in map(self._tag, others) if found]
        try:
            return await to_thread.run_sync(self._recognize, utterance, tag, more, limiter=self._limiter)
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

    def _recognize(self, utterance: Pcm, tag: str | None, others: Sequence[str]) -> Recognition:
        heard = np.frombuffer(utterance.data, np.int16)[: round(FULL_WINDOW * VAD_RATE)]
        sound = np.divide(heard, 32768, dtype=np.float32)
        duration = len(sound) / VAD_RATE
        if not sound.any():
            return Recognition("", tag or "", 0.0, 1.0)
        attempt = self._attempt(sound, tag, others)
        reason = disbelief(attempt.recognition, duration)
        doubtful = not attempt.finished or reason in {"loop", "too-fast"} or attempt.recognition.confidence < SURE
        if doubtful and reason not in {"no-speech", "no-words"}:
            attempt = self._full(sound, attempt.recognition.language)
            reason = disbelief(attempt.recognition, duration)
        return replace(attempt.recognition, text="") if reason else attempt.recognition

    def _attempt(self, sound: NDArray[np.float32], tag: str | None, others: Sequence[str] = ()) -> _Attempt:
        """Decode once."""
        encoded, alone = self._heard(sound)
        if tag is None or (others and len(sound) >= ENOUGH * VAD_RATE):
            tag = self._spoken(alone, tag, others)
        tokenizer, prompt, suppressed = self._prompt(tag)
        limit = self._token_limit(sound)
        result = self._model.model.generate(
            encoded,
            [prompt],
            beam_size=self._settings.beam,
            max_length=2 * limit,  # CTranslate2 allows half of it: whisper's context is shared with the text before
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

    def _heard(self, sound: NDArray[np.float32]) -> tuple[ctranslate2.StorageView, ctranslate2.StorageView]:
        """Return the encoder's states, as many as for the full window, and those without the remembered silence.

        The encoder is quadratic in its length and most of a full window is silence, of which the states are known. The
        decoder needs them all the same: with a shorter memory it loops (5 to 12 % word errors with 8 to 25 s).
        """
        window = len(sound) / VAD_RATE + TAIL
        if self._silence is None or window >= FULL_WINDOW:
            whole = self._encoded(sound, FULL_WINDOW)
            return whole, whole
        alone = self._encoded(sound, window)
        states = np.asarray(alone)
        whole = np.concatenate((states, self._silence[:, states.shape[1] :]), axis=1)
        return ctranslate2.StorageView.from_array(whole), alone

    def _encoded(self, sound: NDArray[np.float32], window: float) -> ctranslate2.StorageView:
        """Return the encoder's states for ``sound`` and silence behind it, ``window`` seconds together."""
        frames = 2 * ceil(window * FRAMES_PER_SECOND / 2)
        samples = frames * VAD_RATE // FRAMES_PER_SECOND
        features = self._model.feature_extractor(np.pad(sound, (0, max(0, samples - len(sound)))))
        return self._model.encode(features[:, :frames])

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

    def _spoken(self, alone: Any, usual: str | None, others: Sequence[str]) -> str:
        """Return the language that was spoken: ``usual`` unless one of ``others`` is surely it, or any without one.

        With the remembered silence in its view, base takes more for English (52 of the 59 French prompts were noticed
        and 44 of the 63 Spanish ones), and needs four times as long.
        """
        if not self._model.model.is_multilingual:
            return "en"
        found = self._model.model.detect_language(alone)[0]
        likely: dict[str, float] = {token.strip("<|>"): share for token, share in found}
        if usual is None:
            return max(likely, key=lambda tag: likely[tag])
        allowed = {tag: likely.get(tag, 0.0) for tag in (usual, *others)}
        best = max(allowed, key=lambda tag: allowed[tag])
        return best if allowed[best] >= OTHER_LANGUAGE * sum(allowed.values()) else usual

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
