"""Smart Turn on onnxruntime: does a turn sound finished? One look takes 30 ms on one core."""

from pathlib import Path

import numpy as np
import onnxruntime
from anyio import CapacityLimiter, to_thread
from faster_whisper.feature_extractor import FeatureExtractor

from pipeline.core.errors import HearingError, ModelError
from pipeline.core.pcm import Pcm
from pipeline.core.stages import VAD_RATE

SECONDS = 8
"""Sound that the network looks at: the end of the turn, with silence in front where it is shorter. Source: Smart Turn 3
model card."""
FEATURE_FRAMES = 800
WORKERS = 2
"""Turns looked at at once, over all calls."""


class SmartTurn:
    """A TurnModel on one loaded network."""

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        """Take a loaded network; see ``load``."""
        self._session = session
        self._features = FeatureExtractor(chunk_length=SECONDS)
        self._limiter = CapacityLimiter(WORKERS)

    @classmethod
    def load(cls, folder: Path) -> "SmartTurn":
        """Return the model of the folder that holds the network. Blocks for 100 ms, and looks at silence once.

        Raises ModelError: ``model-missing``, ``model-broken``.
        """
        path = next(iter(sorted(folder.glob("*.onnx"))), None)
        if path is None:
            raise ModelError("model-missing", f"no .onnx in {folder}", fix=f"voicepipe models pull {folder.name}")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 4
        try:
            model = cls(onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"]))
            model.judge(bytes(2 * VAD_RATE))
        except Exception as error:
            fix = f"voicepipe models verify {folder.name}"
            raise ModelError("model-broken", f"{path.name} cannot be used: {error}", fix=fix) from error
        return model

    async def probability(self, sound: Pcm) -> float:
        """Return the probability that the turn is over, 0 to 1; ``sound`` is the turn at 16 kHz, its pause included.

        Raises HearingError: ``turn-model-failed``. Raises ValueError for another rate.
        """
        if sound.rate != VAD_RATE:
            raise ValueError(f"smart turn hears {VAD_RATE} Hz, not {sound.rate}")
        try:
            return await to_thread.run_sync(self.judge, sound.data, limiter=self._limiter)
        except Exception as error:
            raise HearingError("turn-model-failed", f"smart turn failed: {type(error).__name__}") from error

    def judge(self, samples: bytes) -> float:
        """Return the probability for 16-bit samples. Blocks."""
        heard = np.frombuffer(samples, "<i2")[-SECONDS * VAD_RATE :]
        sound = np.zeros(SECONDS * VAD_RATE, np.float32)
        sound[len(sound) - len(heard) :] = heard
        sound = (sound - sound.mean()) / np.sqrt(sound.var() + 1e-7)
        features = self._features(sound)[None, :, :FEATURE_FRAMES].astype(np.float32)
        return float(self._session.run(None, {"input_features": features})[0].reshape(-1)[0])
