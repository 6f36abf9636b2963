"""A browser's end of a call without a browser: aiortc, over real sockets and the real HTTP."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
import anyio.lowlevel
import httpx
import numpy as np
from aiortc import AudioStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError

from pipeline.entrances.webrtc.calls import RtcCalls
from pipeline.entrances.webrtc.web import web_app
from pipeline.settings import Resume, Rtc
from tests.entrances.calls import ENDS_AT_ONCE, PATIENCE, FakeSwitchboard, Script, ground, hear_out

SDP = {"Content-Type": "application/sdp"}


class Microphone(AudioStreamTrack):
    """20 ms frames in real time; silence, or what was put into ``says``."""

    def __init__(self) -> None:
        super().__init__()
        self.says: list[int] = []
        """Levels of the next frames."""
        self.sounds: list[bytes] = []
        """Sound of 16 bits that goes before them."""

    async def recv(self) -> Any:
        frame: Any = await super().recv()
        level = self.says.pop(0) if self.says and not self.sounds else 0
        sound = np.full(frame.samples, level, dtype="<i2").tobytes()
        if self.sounds:
            whole = self.sounds.pop(0)
            sound, rest = whole[: len(sound)].ljust(len(sound), b"\0"), whole[len(sound) :]
            self.sounds[:0] = [rest] if rest else []
        frame.planes[0].update(sound)
        return frame


@dataclass
class Page:
    """One call as a page sees it."""

    web: httpx.AsyncClient
    connection: RTCPeerConnection = field(default_factory=lambda: RTCPeerConnection(RTCConfiguration([])))
    microphone: Microphone = field(default_factory=Microphone)
    messages: list[Any] = field(default_factory=list)
    """Parsed, in order; "" for a heartbeat."""
    levels: list[int] = field(default_factory=list)
    """The loudest sample of each frame that was heard."""
    arrived: anyio.Event = field(default_factory=anyio.Event)
    location: str = ""

    def __post_init__(self) -> None:
        self.connection.addTrack(self.microphone)
        self.channel = self.connection.createDataChannel("oai-events")
        self.channel.on("message", self._take)
        self.opened = anyio.Event()
        self.closed = anyio.Event()
        self.channel.on("open", self._open)
        self.channel.on("close", self._close)

    async def offer(self) -> str:
        await self.connection.setLocalDescription(await self.connection.createOffer())
        return str(self.connection.localDescription.sdp)

    async def call(self, start: dict[str, Any] | None = None) -> None:
        """Open the call up to the start; without one nothing is sent."""
        answer = await self.web.post("/v1/rtc", content=await self.offer(), headers=SDP)
        assert answer.status_code == 201, answer.text
        self.location = answer.headers["Location"]
        await self.answered(answer.text)
        if start is not None:
            self.send({"start": start})

    async def answered(self, sdp: str) -> None:
        """Take the answer and wait for the data channel."""
        await self.connection.setRemoteDescription(RTCSessionDescription(sdp, "answer"))
        await self.opened.wait()

    def send(self, message: dict[str, Any] | str) -> None:
        self.channel.send(message if isinstance(message, str) else json.dumps(message))

    async def next(self, kind: str) -> Any:
        """Return the next message of a kind, "" for a heartbeat; others are passed over."""
        message = await self._first(lambda one: one == kind == "" or (one != "" and kind in one))
        return message if kind == "" else message[kind]

    async def event(self, kind: str) -> Any:
        """Return the next event of OpenAI's with this type; others are passed over."""
        return await self._first(lambda one: one != "" and one.get("type") == kind)

    async def _first(self, wanted: Callable[[Any], bool]) -> Any:
        with anyio.fail_after(PATIENCE):
            while True:
                while self.messages:
                    if wanted(message := self.messages.pop(0)):
                        return message
                self.arrived = anyio.Event()
                await self.arrived.wait()

    async def listen(self) -> None:
        """Hear the replies for ever."""
        (track,) = (one.receiver.track for one in self.connection.getTransceivers())
        while True:
            try:
                frame: Any = await track.recv()
            except MediaStreamError:
                return
            self.levels.append(int(np.abs(frame.to_ndarray().astype(int)).max()))

    def _open(self) -> None:
        self.opened.set()

    def _close(self) -> None:
        self.closed.set()

    def _take(self, message: str) -> None:
        self.messages.append(json.loads(message) if message else "")
        self.arrived.set()


@dataclass
class Web:
    """The browsers' entrance with a fake switchboard behind it."""

    board: FakeSwitchboard
    calls: RtcCalls
    client: httpx.AsyncClient
    metrics: Any

    @asynccontextmanager
    async def page(self) -> AsyncIterator[Page]:
        page = Page(self.client)
        try:
            with anyio.fail_after(PATIENCE):
                yield page
        finally:
            await page.connection.close()


@asynccontextmanager
async def web(
    script: Script = hear_out,
    *,
    serving: bool = True,
    rtc: Rtc | None = None,
    resume: Resume = ENDS_AT_ONCE,
    **server: Any,
) -> AsyncIterator[Web]:
    """Serve scripted calls to browsers. Fails where a call is left behind."""
    board, settings = FakeSwitchboard(script), rtc or Rtc()
    stand = ground(board, resume=resume, **server)
    if serving:
        stand.live.open()
    calls = RtcCalls(stand, settings)
    transport = httpx.ASGITransport(web_app(calls, stand, settings))
    async with (
        httpx.AsyncClient(transport=transport, base_url="http://voicepipe") as client,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(stand.hosting.run)
        tasks.start_soon(calls.run)
        await anyio.lowlevel.checkpoint()  # both run
        yield Web(board, calls, client, stand.metrics)
        with anyio.fail_after(PATIENCE):
            await stand.live.wait_empty()
        assert board.running == 0
        tasks.cancel_scope.cancel()
