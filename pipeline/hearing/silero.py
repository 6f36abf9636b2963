"""Silero VAD on onnxruntime: how likely each 32 ms of a call is speech."""

from pathlib import Path

import numpy as np
import onnxruntime
from anyio import CapacityLimiter, to_thread

from pipeline.core.errors import HearingError, ModelError
from pipeline.core.pcm import Pcm
from pipeline.core.stages import VAD_RATE, VAD_WINDOW_SAMPLES

CONTEXT_SAMPLES = 64
"""Samples of the window before that the network wants in front. Source: silero-vad 5, utils_vad.py, OnnxWrapper."""
STATE_SHAPE = (2, 1, 128)
WORKERS = 2
"""Windows judged at once, over all calls. One takes 0.2 ms every 32 ms, so two are enough for a few hundred calls."""


class Silero:
    """A VoiceActivityEngine on one loaded model."""

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        """Take a loaded model; see ``load``."""
        self._session = session
        self._limiter = CapacityLimiter(WORKERS)

    @classmethod
    def load(cls, folder: Path) -> "Silero":
        """Return the engine of the folder that holds silero_vad.onnx. Blocks for 50 ms.

        Raises ModelError: ``model-missing``, ``model-broken``.
        """
        path = folder / "silero_vad.onnx"
        if not path.is_file():
            raise ModelError("model-missing", f"no {path}", fix=f"voicepipe models pull {folder.name}")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 4
        try:
            engine = cls(onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"]))
            _Voice(engine._session, engine._limiter).judge(bytes(2 * VAD_WINDOW_SAMPLES))
        except Exception as error:
            fix = f"voicepipe models verify {folder.name}"
            raise ModelError("model-broken", f"{path.name} cannot be used: {error}", fix=fix) from error
        return engine

    def open(self) -> "_Voice":
        """Return a fresh VoiceActivity with no memory of other calls."""
        return _Voice(self._session, self._limiter)


class _Voice:
    """One call's VoiceActivity."""

    def __init__(self, session: onnxruntime.InferenceSession, limiter: CapacityLimiter) -> None:
        self._session = session
        self._limiter = limiter
        # The end of the last window, then the window: one buffer for the whole call.
        self._sound = np.zeros((1, CONTEXT_SAMPLES + VAD_WINDOW_SAMPLES), np.float32)
        self._inputs = {
            "input": self._sound,
            "state": np.zeros(STATE_SHAPE, np.float32),
            "sr": np.array(VAD_RATE, np.int64),
        }

    async def probability(self, window: Pcm) -> float:
        """Return the probability of speech, 0 to 1, for exactly 512 samples at 16 kHz; ValueError for others.

        Raises HearingError: ``vad-failed``.
        """
        if window.rate != VAD_RATE or window.samples != VAD_WINDOW_SAMPLES:
            raise ValueError(f"silero hears {VAD_WINDOW_SAMPLES} samples at {VAD_RATE} Hz")
        try:
            return await to_thread.run_sync(self.judge, window.data, limiter=self._limiter)
        except Exception as error:
            raise HearingError("vad-failed", f"silero failed: {type(error).__name__}", retryable=True) from error

    def judge(self, samples: bytes) -> float:
        """Return the probability of speech in the next window. Blocks."""
        sound = self._sound[0]
        sound[:CONTEXT_SAMPLES] = sound[-CONTEXT_SAMPLES:]
        np.divide(np.frombuffer(samples, "<i2"), 32768, out=sound[CONTEXT_SAMPLES:])
        probability, self._inputs["state"] = self._session.run(None, self._inputs)
        return float(probability[0, 0])
