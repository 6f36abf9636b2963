"""Loudness: how loud a stretch is, and where its audible part begins and ends."""

import math

import numpy as np
import numpy.typing as npt

from pipeline.core.pcm import Pcm

FULL_SCALE = 32768
AUDIBLE_DBFS = -40.0
"""Samples below are no speech: line noise and breath lie around -50 dBFS. The response gap is measured with it."""


def rms_dbfs(pcm: Pcm) -> float:
    """Return the root mean square in dB below full scale; ``-inf`` for silence and for nothing."""
    samples = _samples(pcm)
    power = float(np.mean(samples * samples)) if len(samples) else 0.0
    return 10 * math.log10(power / FULL_SCALE**2) if power else -math.inf


def first_audible(pcm: Pcm, threshold_dbfs: float = AUDIBLE_DBFS) -> int | None:
    """Return where on its stream ``pcm`` first goes over the threshold, in samples; None when it never does."""
    loud = _audible(pcm, threshold_dbfs)
    return pcm.start + int(loud[0]) if len(loud) else None


def last_audible(pcm: Pcm, threshold_dbfs: float = AUDIBLE_DBFS) -> int | None:
    """Return where on its stream ``pcm`` is over the threshold for the last time, in samples; None when it never is."""
    loud = _audible(pcm, threshold_dbfs)
    return pcm.start + int(loud[-1]) if len(loud) else None


def _samples(pcm: Pcm) -> npt.NDArray[np.float64]:
    return np.frombuffer(pcm.data, dtype="<i2").astype(np.float64)


def _audible(pcm: Pcm, threshold_dbfs: float) -> npt.NDArray[np.intp]:
    return np.flatnonzero(np.abs(_samples(pcm)) > FULL_SCALE * 10 ** (threshold_dbfs / 20))
