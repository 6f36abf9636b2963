"""The caller speaks over a reply: it pauses at once, and goes on or stops by what was said."""

from collections.abc import Sequence
from itertools import pairwise

import pytest

from pipeline.core.errors import HearingError
from pipeline.core.events import (
    Backchannel,
    ControlKind,
    FinalTranscript,
    PlaybackStarted,
    ReplyEnded,
    ReplyId,
    ReplyStatus,
    ReplyStopped,
    SpeechStarted,
    TextTyped,
)
from pipeline.core.stages import Message
from pipeline.settings import Endpointing
from tests.fakes import FakeLine, FakeModel, FakeRecognizer, FakeTurnModel, Sent
from tests.session.calls import LONG_ANSWER, Made, asks_again_after, control, place
from tests.virtual_time import VIRTUAL_TIME, Backend

pytestmark = pytest.mark.anyio

QUESTION = (0.05, "What do you sell?")
ASKS_BACK: Sequence[tuple[float, str]] = [
    (0.1, "Would you like some bread? "),
    (0.05, "We have plenty of kinds of it."),
]
WAIT = Endpointing(min_silence=0.3, max_silence=1.5)


@pytest.fixture
def anyio_backend() -> Backend:
    return VIRTUAL_TIME


def call(
    talk: Sequence[tuple[float, float]],
    *texts: str | HearingError,
    duration: float = 40.0,
    answer: Sequence[tuple[float, str]] = LONG_ANSWER,
    pauses: bool = True,
) -> Made:
    """Return a call whose caller asks a question at 1 s and speaks over the answer in the stretches of ``talk``."""
    return Made(
        FakeLine([(1.0, 2.0), *talk], duration),
        recognizer=FakeRecognizer([QUESTION, *((0.05, text) for text in texts)]),
        model=FakeModel(answer, [(0.1, "The second answer.")]),
        call=asks_again_after(60.0),
        endpointing=WAIT,
        turn_model=FakeTurnModel([(0.02, 0.95)]),
        pauses=pauses,
    )


def sent(made: Made, reply: int = 1) -> list[Sent]:
    return [frame for frame in made.line.audio if frame.audio.reply == ReplyId(reply) and frame.audio.pcm.samples]


def silences(made: Made, reply: int = 1) -> list[tuple[float, float]]:
    """Return when no frame left for more than 0.2 s within a reply, and for how long."""
    at = [frame.at - 1000.0 for frame in sent(made, reply)]
    return [(before, after - before) for before, after in pairwise(at) if after - before > 0.2]


def is_seamless(made: Made, reply: int = 1) -> bool:
    """Return whether each frame begins with the sample behind the one before."""
    frames = [frame.audio.pcm for frame in sent(made, reply)]
    return all(after.start == before.start + before.samples for before, after in pairwise(frames))


def statuses(made: Made) -> list[ReplyStatus]:
    return [event.status for event in made.line.events if isinstance(event, ReplyEnded)]


@pytest.mark.parametrize("text", ["Mm-hmm.", "Okay, I see.", ""])
async def test_a_backchannel_and_a_noise_let_the_reply_go_on_from_the_same_sample(text: str) -> None:
    made = call([(5.0, 5.5)], text)
    await place(made)
    assert statuses(made) == [ReplyStatus.COMPLETED]
    assert is_seamless(made)
    ((at, lasted),) = silences(made)
    assert at == pytest.approx(5.1, abs=0.05)
    assert lasted < 0.75  # the rest of the sound, and the decision behind it
    assert len(made.line.of(Backchannel)) == 1
    assert len(made.model.asked) == 1


async def test_speech_stops_the_reply_and_is_answered() -> None:
    made = call([(5.0, 6.0)], "Stop, what does it cost?")
    await place(made)
    assert statuses(made) == [ReplyStatus.BARGE_IN, ReplyStatus.COMPLETED]
    assert made.model.asked[1][-1] == Message("user", "Stop, what does it cost?")
    (stopped,) = made.line.of(ReplyStopped)
    assert isinstance(stopped, ReplyStopped)
    assert max(frame.at for frame in sent(made)) - 1005.0 < 0.15
    assert made.line.of(Backchannel) == []


async def test_a_short_command_stops_it_too() -> None:
    made = call([(5.0, 5.4)], "Stop.")
    await place(made)
    assert statuses(made) == [ReplyStatus.BARGE_IN, ReplyStatus.COMPLETED]


async def test_a_sound_shorter_than_the_setting_stops_nothing() -> None:
    made = call([(5.0, 5.15)], "Stop.")
    await place(made)
    assert statuses(made) == [ReplyStatus.COMPLETED]
    assert is_seamless(made)


async def test_a_nod_behind_a_question_is_an_answer() -> None:
    made = call([(5.2, 5.7)], "Yes.", answer=ASKS_BACK)
    await place(made)
    assert statuses(made) == [ReplyStatus.BARGE_IN, ReplyStatus.COMPLETED]
    heard = made.model.asked[1][-2]
    assert heard.role == "assistant"
    assert heard.text.startswith("Would you like some bread?")
    assert made.model.asked[1][-1] == Message("user", "Yes.")


async def test_our_own_words_come_back_stop_nothing() -> None:
    made = call([(5.0, 6.2)], "we sell bread, kind number 0 of it")
    await place(made)
    assert statuses(made) == [ReplyStatus.COMPLETED]


async def test_speech_before_the_first_sound_is_answered_together_with_the_question() -> None:
    slow = [(3.0, "We sell bread.")]
    made = call([(3.0, 4.0)], "And cakes?", answer=slow)
    await place(made)
    assert made.model.asked[-1][1:] == [Message("user", "What do you sell? And cakes?")]
    assert [event.reply for event in made.line.events if isinstance(event, PlaybackStarted)] == [2]


async def test_a_noise_before_the_first_sound_only_delays_it() -> None:
    made = call([(3.0, 3.4)], "", answer=[(1.2, "We sell bread.")])
    await place(made)
    assert statuses(made) == [ReplyStatus.COMPLETED]
    assert len(made.model.asked) == 1


async def test_words_stop_the_reply_while_the_caller_still_speaks() -> None:
    made = call([(5.0, 9.0)], "no wait", "no wait I want")
    made.partial_every = 0.5
    await place(made)
    (stopped,) = made.line.of(ReplyStopped)
    assert stopped.at - 1005.0 < 1.2


async def test_noise_without_words_is_spoken_over() -> None:
    made = call([(5.0, 15.0)], "")
    made.partial_every = 0.5
    await place(made)
    assert statuses(made)[0] is ReplyStatus.COMPLETED
    ((_, lasted),) = silences(made)
    assert lasted < 1.6
    assert is_seamless(made)


async def test_without_partials_a_reply_pauses_for_so_long_at_most() -> None:
    made = call([(5.0, 15.0)], "")
    await place(made)
    assert statuses(made)[0] is ReplyStatus.COMPLETED
    ((_, lasted),) = silences(made)
    assert lasted == pytest.approx(2.5, abs=0.1)


async def test_a_caller_who_hums_through_a_reply_hears_it() -> None:
    made = call([(at, at + 0.4) for at in (4.0, 5.5, 7.0, 8.5, 10.0, 11.5, 13.0)], "Mm-hmm.", duration=60.0)
    await place(made)
    assert statuses(made) == [ReplyStatus.COMPLETED]
    assert is_seamless(made)
    assert len(silences(made)) <= 4
    assert len(made.line.of(Backchannel)) >= 4  # hums that follow soon are one turn


async def test_after_false_alarms_real_words_still_stop_it() -> None:
    hums = [(at, at + 0.4) for at in (4.0, 5.5, 7.0, 8.5, 10.0)]
    made = call([*hums, (12.0, 13.0)], *["Mm-hmm."] * 5, "That is enough.", duration=60.0)
    await place(made)
    assert statuses(made) == [ReplyStatus.BARGE_IN, ReplyStatus.COMPLETED]


async def test_a_caller_who_barges_in_again_and_again_leaves_nothing_behind() -> None:
    talk = [(4.0 + 0.6 * n, 4.3 + 0.6 * n) for n in range(40)]
    made = call(talk, *[f"Stop {n}." for n in range(200)], duration=60.0)
    await place(made)
    assert made.model.open_streams == made.synthesizer.open_streams == 0
    assert len(made.line.of(ReplyEnded)) <= 45


async def test_a_turn_that_the_client_clears_lets_the_reply_go_on() -> None:
    made = call([(5.0, 5.2)], "never heard")
    counted: list[SpeechStarted] = []

    def on_event(line: FakeLine, event: object) -> None:
        if isinstance(event, SpeechStarted):
            counted.append(event)
            if len(counted) == 2:
                line.order(control(ControlKind.CLEAR_INPUT))

    made.line.on_event = on_event
    await place(made)
    assert statuses(made) == [ReplyStatus.COMPLETED]
    assert all(lasted < 0.5 for _, lasted in silences(made))


async def test_a_recognition_that_fails_lets_the_reply_go_on() -> None:
    made = call([(5.0, 5.5)], HearingError("recognition-failed", "it failed"))
    await place(made)
    assert statuses(made) == [ReplyStatus.COMPLETED]
    assert is_seamless(made)


async def test_a_client_that_is_far_ahead_is_stopped_at_once() -> None:
    made = call([(5.0, 5.6)], "Mm-hmm.", pauses=False)
    await place(made)
    (stopped,) = made.line.of(ReplyStopped)
    assert isinstance(stopped, ReplyStopped)
    assert stopped.at - 1005.0 == pytest.approx(0.256, abs=0.05)


async def test_the_protected_beginning_is_heard_and_the_caller_is_answered_after_it() -> None:
    made = call([(3.0, 3.6)], "Stop.")
    made.protected_start = 4.0
    await place(made)
    assert statuses(made) == [ReplyStatus.COMPLETED, ReplyStatus.COMPLETED]
    assert silences(made) == []
    assert made.model.asked[1][-1] == Message("user", "Stop.")


async def test_behind_the_protected_beginning_speech_stops_it() -> None:
    made = call([(6.0, 6.6)], "Stop.")
    made.protected_start = 1.0
    await place(made)
    assert statuses(made)[0] is ReplyStatus.BARGE_IN


async def test_a_text_that_comes_while_the_caller_is_heard_stops_the_reply() -> None:
    made = call([(5.0, 6.0)], "never heard")
    seen: list[object] = []

    def on_event(line: FakeLine, event: object) -> None:
        seen.append(event)
        if isinstance(event, SpeechStarted) and sum(isinstance(kept, SpeechStarted) for kept in seen) == 2:
            line.order(TextTyped(text="typed", language="en"))

    made.line.on_event = on_event
    await place(made)
    assert statuses(made)[0] is ReplyStatus.BARGE_IN
    assert made.model.asked[1][-1] == Message("user", "typed")


async def test_each_turn_over_a_reply_has_its_transcript() -> None:
    made = call([(5.0, 5.5), (7.0, 7.5)], "Mm-hmm.", "Okay.")
    await place(made)
    assert [event.text for event in made.line.events if isinstance(event, FinalTranscript)] == [
        "What do you sell?",
        "Mm-hmm.",
        "Okay.",
    ]
