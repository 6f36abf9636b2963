"""Peer: one browser's connection: its sound, its data channel, and whether it is still there."""

import re
from collections.abc import Sequence
from math import inf

import anyio
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCDataChannel,
    RTCIceServer,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.exceptions import InvalidStateError

from pipeline.core.clock import Clock
from pipeline.core.errors import EntranceError
from pipeline.entrances.generated.voicepipe.v1.audio_pb2 import AudioInput
from pipeline.entrances.webrtc.channel import Channel
from pipeline.entrances.webrtc.hearing import heard, put_in_order
from pipeline.entrances.webrtc.track import ReplyTrack

WAITING = 256
"""Messages of a browser that wait to be read, sound included: 5 s of it. Who sends faster than that is hung up on."""

_HOST = re.compile(r"(a=candidate:\S+ \d+ udp \d+) \S+ (\d+ typ host.*)")
"""A candidate of this machine's own, as RFC 8839 writes it."""

Arrived = str | bytes | AudioInput


def advertised(sdp: str, addresses: Sequence[str]) -> str:
    """Return an answer whose own candidates have these addresses; none of them leaves it as it is. Pure.

    The ports stay: who maps addresses maps ports one to one.
    """
    if not addresses:
        return sdp
    lines: list[str] = []
    for line in sdp.splitlines():
        found = _HOST.fullmatch(line)
        told = [f"{found[1]} {address} {found[2]}" for address in addresses] if found else [line]
        lines += [one for one in told if not found or one not in lines]
    return "".join(f"{line}\r\n" for line in lines)


class Peer:
    """The service's end of one connection. ``answer`` comes first, then ``listen`` for as long as it lasts."""

    def __init__(self, servers: Sequence[RTCIceServer], clock: Clock) -> None:
        """Be ready to answer. Without ``servers`` nobody but the browser is contacted."""
        self.replies = ReplyTrack(clock)
        self.opened = anyio.Event()
        """The data channel is open."""
        self.channel: Channel | None = None
        """Set from then on."""
        self.gone = anyio.Event()
        """The connection is over, whoever ended it."""
        self.heard_at = clock.now()
        """When anything came from the browser last."""
        self.hung_up = False
        """The call was ended on purpose."""
        self.listens = False
        """Sound is wanted; before, what comes is thrown away."""
        self._clock = clock
        self._put, self.inbox = anyio.create_memory_object_stream[Arrived](inf)
        self._track: MediaStreamTrack | None = None
        self._pc = RTCPeerConnection(RTCConfiguration(list(servers)))
        self._pc.on("datachannel", self._take_channel)
        self._pc.on("track", self._take_track)
        self._pc.on("connectionstatechange", self._look)

    async def answer(self, offer: str) -> str:
        """Return the answer to an SDP offer, with all candidates.

        Raises EntranceError ``bad-offer``, ``no-audio``, ``no-port``.
        """
        try:
            await self._pc.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        # aiortc's parser takes what it reads for granted.
        except (ValueError, InvalidStateError, LookupError, AssertionError, AttributeError, TypeError) as error:
            raise EntranceError("bad-offer", "the body is no SDP offer that can be read", field="offer") from error
        audio = [one for one in self._pc.getTransceivers() if one.kind == "audio"]
        if len(audio) != 1:
            raise EntranceError("no-audio", f"the offer has {len(audio)} audio tracks; allowed: one", field="offer")
        self._pc.addTrack(self.replies)
        put_in_order(audio[0].receiver, self._arrived)
        try:
            await self._pc.setLocalDescription(await self._pc.createAnswer())
        except (ValueError, InvalidStateError) as error:
            raise EntranceError("no-audio", f"the offer cannot be met: {error}", field="offer") from error
        sdp = str(self._pc.localDescription.sdp)
        if "\na=candidate:" not in sdp:
            raise EntranceError("no-port", "no UDP port is free for the call's sound", retryable=True)
        return sdp

    async def listen(self) -> None:
        """Take the browser's sound, always, so that none piles up; returns when the connection is over."""
        if self._track is not None:
            await heard(self._track, self._take_sound)
        await self.gone.wait()

    async def close(self) -> None:
        """Hang up. Safe to be called again."""
        self.replies.stop()
        if self.channel is not None:
            self.channel.close()
        await self._pc.close()
        self._end()
        self.inbox.close()

    def _take_track(self, track: MediaStreamTrack) -> None:
        if track.kind == "audio":
            self._track = track

    def _take_channel(self, channel: RTCDataChannel) -> None:
        if self.channel is not None:  # the first one counts
            channel.close()
            return
        self.channel = Channel(channel, self._take, self._channel_closed)
        self.opened.set()

    def _take(self, message: str | bytes) -> None:
        self._arrived()
        if message:
            self._keep(message)

    async def _take_sound(self, sound: AudioInput) -> None:
        if self.listens:
            self._keep(sound)

    def _keep(self, arrived: Arrived) -> None:
        if self.gone.is_set() or self._put.statistics().current_buffer_used >= WAITING:
            self._end()
        else:
            self._put.send_nowait(arrived)

    def _arrived(self) -> None:
        self.heard_at = self._clock.now()

    def _channel_closed(self) -> None:
        """Take a channel that is closed while all else stands for the end of the call."""
        sctp = self._pc.sctp
        if not self.gone.is_set() and sctp is not None and sctp.state == "connected":
            self.hung_up = True
        self._end()

    def _look(self) -> None:
        if self._pc.connectionState in {"failed", "closed"}:
            self._end()

    def _end(self) -> None:
        self._put.close()
        self.gone.set()
