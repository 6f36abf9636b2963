"""G.711: both telephone companding laws, by look-up. Source: ITU-T G.711 (11/88), tables 1a to 2b."""

import numpy as np
import numpy.typing as npt

_MULAW_BIAS = 33
_MULAW_CLIP = 8191
_ALAW_CLIP = 4095


def mulaw_decode(coded: bytes) -> bytes:
    """Return 16-bit little-endian samples, one for each byte of µ-law."""
    return _decode(coded, _MULAW_DECODE)


def mulaw_encode(samples: bytes) -> bytes:
    """Return one byte of µ-law for each 16-bit little-endian sample. Raises ValueError for an odd number of bytes."""
    return _encode(samples, _MULAW_ENCODE)


def alaw_decode(coded: bytes) -> bytes:
    """Return 16-bit little-endian samples, one for each byte of A-law."""
    return _decode(coded, _ALAW_DECODE)


def alaw_encode(samples: bytes) -> bytes:
    """Return one byte of A-law for each 16-bit little-endian sample. Raises ValueError for an odd number of bytes."""
    return _encode(samples, _ALAW_ENCODE)


def _decode(coded: bytes, table: npt.NDArray[np.int16]) -> bytes:
    samples: npt.NDArray[np.int16] = table[np.frombuffer(coded, dtype=np.uint8)]
    return samples.tobytes()


def _encode(samples: bytes, table: npt.NDArray[np.uint8]) -> bytes:
    if len(samples) % 2:
        raise ValueError(f"{len(samples)} bytes are no whole number of 16-bit samples")
    coded: npt.NDArray[np.uint8] = table[np.frombuffer(samples, dtype="<u2")]
    return coded.tobytes()


def _mulaw_decoding() -> npt.NDArray[np.int16]:
    code = ~np.arange(256) & 0xFF
    magnitude = (((code & 0x0F) * 2 + _MULAW_BIAS) << ((code >> 4) & 0x07)) - _MULAW_BIAS
    return (np.where(code & 0x80, -magnitude, magnitude) * 4).astype("<i2")


def _mulaw_encoding() -> npt.NDArray[np.uint8]:
    sample = np.arange(65536).astype(np.uint16).view(np.int16).astype(np.int64) >> 2
    sign = np.where(sample < 0, 0x80, 0)
    magnitude = np.minimum(np.abs(sample) + _MULAW_BIAS, _MULAW_CLIP)
    segment = np.log2(magnitude).astype(np.int64) - 5
    code: npt.NDArray[np.int64] = ~(sign | segment << 4 | (magnitude >> (segment + 1)) & 0x0F) & 0xFF
    return code.astype(np.uint8)


def _alaw_decoding() -> npt.NDArray[np.int16]:
    code = np.arange(256) ^ 0x55
    segment = (code >> 4) & 0x07
    mantissa = (code & 0x0F) * 2 + 1
    magnitude = np.where(segment == 0, mantissa, (mantissa + 32) << np.maximum(segment - 1, 0))
    return (np.where(code & 0x80, magnitude, -magnitude) * 8).astype("<i2")


def _alaw_encoding() -> npt.NDArray[np.uint8]:
    sample = np.arange(65536).astype(np.uint16).view(np.int16).astype(np.int64) >> 3
    sign = np.where(sample >= 0, 0x80, 0)
    magnitude = np.minimum(np.where(sample < 0, ~sample, sample), _ALAW_CLIP)
    segment = np.maximum(np.log2(np.maximum(magnitude, 1)).astype(np.int64) - 4, 0)
    mantissa = (magnitude >> np.maximum(segment, 1)) & 0x0F
    code: npt.NDArray[np.int64] = (sign | segment << 4 | mantissa) ^ 0x55
    return code.astype(np.uint8)


_MULAW_DECODE = _mulaw_decoding()
_MULAW_ENCODE = _mulaw_encoding()
_ALAW_DECODE = _alaw_decoding()
_ALAW_ENCODE = _alaw_encoding()
