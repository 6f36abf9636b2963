import anyio
import pytest

from pipeline.core.events import ReplyId, TurnId
from pipeline.core.pcm import Pcm
from pipeline.entrances.generated.voicepipe.v1.conversation_pb2 import ConverseResponse
from pipeline.entrances.generated.voicepipe.v1.output_pb2 import GoingAway
from pipeline.entrances.outbox import Outbox
from pipeline.entrances.replay import Replay
from pipeline.entrances.wire_out import write_audio
from pipeline.session.line import ReplyAudio

pytestmark = pytest.mark.anyio


def control(number: int) -> ConverseResponse:
    return ConverseResponse(going_away=GoingAway(time_left_ms=number))


def sound(reply: int, number: int) -> ConverseResponse:
    audio = ReplyAudio(TurnId(1), ReplyId(reply), Pcm(b"", 1000, number), last=False)
    return write_audio(audio, b"")


async def everything(outbox: Outbox) -> list[ConverseResponse]:
    """Return all that is left, without its numbers."""
    outbox.close()
    found = []
    while (message := await outbox.take()) is not None:
        found.append(plain(message))
    return found


def plain(message: ConverseResponse | None) -> ConverseResponse:
    assert message is not None
    copy = ConverseResponse()
    copy.CopyFrom(message)
    copy.ClearField("seq")
    return copy


async def test_control_goes_ahead_of_sound_and_each_keeps_its_order() -> None:
    outbox = Outbox(8, 8, Replay(9, 9999))
    for number in range(3):
        await outbox.put_audio(ReplyId(1), sound(1, number))
        await outbox.put(control(number))
    assert await everything(outbox) == [*map(control, range(3)), *(sound(1, number) for number in range(3))]


async def test_what_must_follow_sound_does_and_later_control_still_overtakes() -> None:
    outbox = Outbox(8, 8, Replay(9, 9999))
    await outbox.put_audio(ReplyId(1), sound(1, 0))
    await outbox.put(control(9), after_audio=True)
    await outbox.put(control(1))
    assert await everything(outbox) == [control(1), sound(1, 0), control(9)]


async def test_without_sound_the_order_is_the_order_of_sending() -> None:
    outbox = Outbox(8, 8, Replay(9, 9999))
    await outbox.put(control(1), after_audio=True)
    await outbox.put(control(2))
    assert await everything(outbox) == [control(1), control(2)]


async def test_a_silenced_reply_loses_its_queued_sound_and_is_never_heard_again() -> None:
    outbox = Outbox(8, 8, Replay(9, 9999))
    await outbox.put_audio(ReplyId(1), sound(1, 0))
    await outbox.put(control(5), after_audio=True)
    outbox.silence(ReplyId(1))
    await outbox.put_audio(ReplyId(1), sound(1, 1))
    await outbox.put_audio(ReplyId(2), sound(2, 0))
    assert await everything(outbox) == [control(5), sound(2, 0)]


async def test_a_full_audio_queue_holds_up_sound_but_not_control() -> None:
    outbox = Outbox(8, 2, Replay(9, 9999))
    for number in range(2):
        await outbox.put_audio(ReplyId(1), sound(1, number))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(outbox.put_audio, ReplyId(1), sound(1, 2))
        await anyio.wait_all_tasks_blocked()
        await outbox.put(control(1))
        assert plain(await outbox.take()) == control(1)
        assert plain(await outbox.take()) == sound(1, 0)
    assert await everything(outbox) == [sound(1, 1), sound(1, 2)]


@pytest.mark.parametrize("way", ["silence", "close"])
async def test_a_waiting_sender_is_let_go_when_its_sound_is_not_wanted_any_more(way: str) -> None:
    outbox = Outbox(8, 1, Replay(9, 9999))
    await outbox.put_audio(ReplyId(1), sound(1, 0))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(outbox.put_audio, ReplyId(1), sound(1, 1))
        await anyio.wait_all_tasks_blocked()
        if way == "silence":
            outbox.silence(ReplyId(1))
        else:
            outbox.close()
    assert await everything(outbox) == ([] if way == "silence" else [sound(1, 0)])


async def test_a_full_control_queue_holds_up_its_senders() -> None:
    outbox = Outbox(1, 1, Replay(9, 9999))
    await outbox.put(control(1))
    with anyio.move_on_after(0) as patience:
        await outbox.put(control(2))
    assert patience.cancelled_caught
    assert await everything(outbox) == [control(1)]


async def test_after_close_nothing_is_taken() -> None:
    outbox = Outbox(1, 1, Replay(9, 9999))
    outbox.close()
    await outbox.put(control(1))
    await outbox.put_audio(ReplyId(1), sound(1, 1))
    assert await outbox.take() is None
