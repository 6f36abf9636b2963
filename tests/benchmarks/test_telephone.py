import base64
from typing import Any

import pytest

from benchmarks.peers.telephone import FRAME, LEAD, PATIENCE, PAUSE, RATE, WAIT, Peer, Speech, Telephone
from pipeline.core.clock import LoopClock
from tests.virtual_time import VIRTUAL_TIME, Backend

pytestmark = pytest.mark.anyio
FRAME_BYTES = round(FRAME * RATE) * 2


@pytest.fixture
def anyio_backend() -> Backend:
    return VIRTUAL_TIME


def speech(name: str, seconds: float) -> Speech:
    return Speech(name, b"\1\1" * round(seconds * RATE))


class FakePeer(Peer):
    """Answers with ``seconds`` of sound, so long after the caller's last loud frame; may never stop owing."""

    def __init__(self, telephone: Telephone, after: float, seconds: float = 1.0, *, owing: bool = False) -> None:
        self.frames: list[bytes] = []
        self._telephone = telephone
        self._after = round(after / FRAME)
        self._seconds = seconds
        self._owing = owing
        self._silent = 0
        self._replies = 0

    @property
    def owes(self) -> bool:
        return self._owing

    async def hear(self, frame: bytes) -> None:
        self.frames.append(frame)
        self._silent = 0 if any(frame) else self._silent + 1
        if self._silent == self._after and any(any(heard) for heard in self.frames):
            self._replies += 1
            self._telephone.play(self._replies, b"\2\2" * round(self._seconds * 8000), 8000)
            self._telephone.tell("peer", f"answer {self._replies}", self._replies)


async def called(*sayings: Speech, **peer: Any) -> tuple[dict[str, Any], FakePeer]:
    telephone = Telephone(LoopClock())
    fake = FakePeer(telephone, **peer)
    return await telephone.call(sayings, fake), fake


async def test_frames_are_of_one_length_and_hold_everything_said() -> None:
    _, peer = await called(speech("a", 0.33), after=0.3)
    assert {len(frame) for frame in peer.frames} == {FRAME_BYTES}
    assert sum(frame.count(b"\1") for frame in peer.frames) == round(0.33 * RATE) * 2


async def test_what_is_said_lies_where_the_call_says_that_it_does() -> None:
    call, peer = await called(speech("a", 0.5), speech("b", 0.3), after=0.3)
    line = b"".join(peer.frames)
    for entry, seconds in zip(call["spoken"], (0.5, 0.3), strict=True):
        at = round(entry["at"] * RATE) * 2
        assert line[at - 2 : at + 2] == b"\0\0\1\1"
        end = at + round(seconds * RATE) * 2
        assert line[end - 2 : end + 2] == b"\1\1\0\0"


async def test_a_frame_leaves_when_its_last_sample_is_captured() -> None:
    call, peer = await called(speech("a", 0.5), after=0.3)
    assert call["spoken"] == [{"name": "a", "at": pytest.approx(LEAD)}]
    assert call["seconds"] == pytest.approx(len(peer.frames) * FRAME)
    heard = call["heard"][0]
    # 15 silent frames after the last loud one, which left when its last sample was captured.
    assert heard["at"] == pytest.approx(LEAD + 0.5 + 15 * FRAME)


async def test_the_caller_speaks_again_when_the_reply_is_over_and_all_is_quiet() -> None:
    call, _ = await called(speech("a", 0.5), speech("b", 0.3), after=0.3, seconds=2.0)
    reply_over = LEAD + 0.5 + 0.3 + 2.0
    assert call["spoken"][1]["at"] == pytest.approx(reply_over + PAUSE, abs=2 * FRAME)


async def test_without_an_answer_the_caller_goes_on_after_a_while() -> None:
    call, _ = await called(speech("a", 0.5), speech("b", 0.3), after=1e3)
    assert call["spoken"][1]["at"] == pytest.approx(LEAD + 0.5 + WAIT, abs=2 * FRAME)
    assert call["heard"] == []


async def test_a_reply_into_the_callers_speech_is_not_taken_for_the_answer() -> None:
    pause = Speech("a", speech("", 0.5).samples + bytes(round(0.8 * RATE) * 2) + speech("", 0.5).samples)
    call, _ = await called(pause, speech("b", 0.3), after=0.6, seconds=0.1)
    first, second = (heard["at"] for heard in call["heard"][:2])
    assert first == pytest.approx(LEAD + 0.5 + 0.6)
    assert second == pytest.approx(LEAD + 1.8 + 0.6)
    assert call["spoken"][1]["at"] == pytest.approx(second + 0.1 + PAUSE, abs=2 * FRAME)


async def test_the_caller_waits_for_a_peer_that_owes_an_answer_but_not_for_ever() -> None:
    call, _ = await called(speech("a", 0.5), after=1e3, owing=True)
    assert call["seconds"] == pytest.approx(LEAD + 0.5 + PATIENCE, abs=2 * FRAME)


async def test_sound_is_heard_back_to_back_and_replies_stay_apart() -> None:
    telephone = Telephone(LoopClock())
    began_at = LoopClock().now()
    assert telephone.play(1, bytes(1600), 8000) == pytest.approx(began_at + 0.1)
    assert telephone.play(1, bytes(1600), 8000) == pytest.approx(began_at + 0.2)
    assert telephone.play(2, bytes(1600), 8000) == pytest.approx(began_at + 0.3)
    call = await telephone.call([], FakePeer(telephone, after=1e3))
    lengths = [(heard["reply"], len(base64.b64decode(heard["samples"]))) for heard in call["heard"]]
    assert lengths == [(1, 3200), (2, 1600)]


async def test_what_is_cut_is_not_heard() -> None:
    telephone = Telephone(LoopClock())
    telephone.play(1, bytes(1600), 8000)
    telephone.play(2, bytes(1600), 8000)
    telephone.cut()
    call = await telephone.call([], FakePeer(telephone, after=1e3))
    assert not any(base64.b64decode(heard["samples"]) for heard in call["heard"])
