"""The microphone's end of a call: aiortc's receiver without its buffer, and its frames as the contract's sound."""

from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
from aiortc import MediaStreamTrack, RTCRtpReceiver
from aiortc.jitterbuffer import JitterFrame
from aiortc.mediastreams import MediaStreamError
from aiortc.rtp import RtpPacket

from pipeline.entrances.generated.voicepipe.v1.audio_pb2 import AudioInput
from pipeline.entrances.webrtc.reorder import Reorder

_BUFFER, _HANDLE = "_RTCRtpReceiver__jitter_buffer", "_handle_rtp_packet"


class _Unbuffered:
    """Stands in the place of aiortc's jitter buffer: each packet is a frame."""

    def add(self, packet: RtpPacket) -> tuple[bool, JitterFrame | None]:
        data: bytes = packet._data  # type: ignore[attr-defined]
        return False, JitterFrame(data, packet.timestamp) if data else None


def put_in_order(receiver: RTCRtpReceiver, arrived: Callable[[], None]) -> None:
    """Let a receiver decode packets in order and at once; ``arrived`` is called for each.

    aiortc has no way to choose a buffer, so its private parts are replaced; the version is pinned, and tests look.
    """
    for name in (_BUFFER, _HANDLE):
        if not hasattr(receiver, name):
            raise TypeError(f"this aiortc has no {name}: look at what has become of it")
    handle: Callable[..., Awaitable[None]] = getattr(receiver, _HANDLE)
    orders: dict[int, Reorder[RtpPacket]] = {}

    async def ordered(packet: RtpPacket, arrival_time_ms: int) -> None:
        arrived()
        if packet.ssrc not in orders:
            orders.clear()  # a sender has one stream at a time; whoever changes it begins anew
            orders[packet.ssrc] = Reorder()
        for one in orders[packet.ssrc].add(packet.sequence_number, packet):
            await handle(one, arrival_time_ms=arrival_time_ms)

    setattr(receiver, _BUFFER, _Unbuffered())
    setattr(receiver, _HANDLE, ordered)


async def heard(track: MediaStreamTrack, take: Callable[[AudioInput], Awaitable[None]]) -> None:
    """Hand on all that a track brings, 48 kHz mono with its place, until it ends; lost packets are gaps."""
    while True:
        try:
            frame: Any = await track.recv()
        except MediaStreamError:
            return
        await take(AudioInput(data=mono(frame.to_ndarray(), frame.layout.nb_channels), sample_offset=frame.pts))


def mono(samples: Any, channels: int) -> bytes:
    """Return interleaved int16 samples, shape (1, n * channels), as the mean of the channels, 16 bit. Pure."""
    mixed = samples.reshape(-1, channels).astype(np.int32).sum(axis=1) // channels
    return mixed.astype("<i2").tobytes()  # type: ignore[no-any-return]
