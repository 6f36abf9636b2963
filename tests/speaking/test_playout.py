import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.clock import LoopClock
from pipeline.core.pcm import Pcm
from pipeline.speaking.playhead import Playhead
from pipeline.speaking.playout import Playout
from tests.virtual_time import pass_time, run_virtually

RATE = 8000
FRAME = 0.02
LEAD = 0.2

Sent = list[tuple[float, Pcm, bool]]


def frame(number: int) -> Pcm:
    samples = round(FRAME * RATE)
    return Pcm(bytes([number % 256]) * (2 * samples), RATE, number * samples)


def played(pauses: list[float], *, lead: float | None = LEAD, client_needs: float = 0.0) -> tuple[Sent, Playhead]:
    """Play one frame after each pause, in seconds; return what was sent and when since the start."""
    playhead, sent = Playhead(RATE), []

    async def run() -> None:
        clock = LoopClock()
        began = clock.now()
        frames_in, frames = anyio.create_memory_object_stream[Pcm](4)

        async def send(pcm: Pcm, last: bool) -> None:
            sent.append((clock.now() - began, pcm, last))
            await pass_time(client_needs)

        async def make() -> None:
            async with frames_in:
                for number, pause in enumerate(pauses):
                    await pass_time(pause)
                    await frames_in.send(frame(number))

        async with frames, anyio.create_task_group() as tasks:
            tasks.start_soon(make)
            await Playout(playhead, clock, lead=lead, send=send).run(frames, RATE)

    run_virtually(run)
    return sent, playhead


def test_frames_leave_at_once_until_the_lead_is_full_and_then_at_the_pace_of_listening() -> None:
    sent, _ = played([0.0] * 50)
    instants = [at for at, _, _ in sent[:-1]]
    assert instants[:11] == [0.0] * 11
    assert instants[11:] == pytest.approx([FRAME * (number + 1) for number in range(39)])


def test_without_a_lead_frames_leave_as_fast_as_the_client_takes_them() -> None:
    sent, _ = played([0.0] * 50, lead=None)
    assert {at for at, _, _ in sent} == {0.0}


def test_after_an_underrun_the_lead_is_filled_again() -> None:
    sent, playhead = played([0.0, 3.0] + [0.0] * 20)
    instants = [at for at, _, _ in sent[:-1]]
    assert instants[1:12] == [3.0] * 11
    assert instants[12] == pytest.approx(3.0 + FRAME)
    assert playhead.dry_at == pytest.approx(1000.0 + 3.0 + 21 * FRAME)


def test_the_end_is_an_empty_frame_behind_all_others() -> None:
    sent, _ = played([0.0] * 3)
    assert [last for _, _, last in sent] == [False, False, False, True]
    assert sent[-1][1] == Pcm(b"", RATE, 3 * 160)


def test_a_reply_without_sound_still_has_an_end() -> None:
    sent, playhead = played([])
    assert sent == [(0.0, Pcm(b"", RATE, 0), True)]
    assert playhead.dry_at is None


@given(
    pauses=st.lists(st.floats(0.0, 0.5), max_size=40),
    lead=st.floats(0.02, 0.5),
    client_needs=st.sampled_from([0.0, 0.01, 0.05]),
)
def test_all_frames_leave_in_order_and_never_further_ahead_than_the_lead_and_a_frame(
    pauses: list[float], lead: float, client_needs: float
) -> None:
    sent, playhead = played(pauses, lead=lead, client_needs=client_needs)
    assert [pcm for _, pcm, last in sent if not last] == [frame(number) for number in range(len(pauses))]
    assert playhead.sent == 160 * len(pauses)
    dry = 0.0
    for at, pcm, _ in sent:
        dry = max(dry, at) + pcm.duration
        assert dry - at <= lead + FRAME + 1e-6
