"""Replies of a fake session."""

from pipeline.core.events import ReplyEnded, ReplyId, ReplyStarted, ReplyStatus, TurnId
from pipeline.core.pcm import Pcm
from pipeline.core.stages import Usage
from pipeline.session.line import Line, ReplyAudio


async def play(line: Line, reply: int, frames: int, *, frame: bytes | None = None) -> None:
    """Play so many 20 ms frames as one reply."""
    samples = line.output_rate // 50
    for index in range(frames):
        pcm = Pcm(frame or bytes(samples * 2), line.output_rate, index * samples)
        await line.play(ReplyAudio(TurnId(1), ReplyId(reply), pcm, last=index == frames - 1))


def reply_started(reply: int) -> ReplyStarted:
    return ReplyStarted(turn=TurnId(1), at=0.0, reply=ReplyId(reply), barge_in_allowed=True)


def reply_ended(reply: int, status: ReplyStatus = ReplyStatus.COMPLETED) -> ReplyEnded:
    return ReplyEnded(
        turn=TurnId(1),
        at=0.0,
        reply=ReplyId(reply),
        status=status,
        text="We open at nine.",
        heard="We open",
        heard_ms=640,
        usage=Usage(120, 7, "tiny"),
        spans={"response_gap": 0.5},
    )
