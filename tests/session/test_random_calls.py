"""Random callers: whatever they do and whenever, the laws of a call hold."""

from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.events import (
    CallEnded,
    CallEvent,
    ClientEvent,
    ControlKind,
    ControlRequested,
    DigitPressed,
    PlaybackStarted,
    ReplyEnded,
    ReplyEvent,
    ReplyStarted,
    ReplyStopped,
    TextTyped,
)
from pipeline.session.headroom import Headroom
from pipeline.settings import Endpointing
from tests.fakes import FakeLine, FakeModel, FakeRecognizer, FakeSynthesizer, FakeTurnModel
from tests.session.calls import LONG_ANSWER, Made, place
from tests.virtual_time import run_virtually

ORDERS: list[ClientEvent] = [
    TextTyped(text="typed", language="en"),
    DigitPressed(digit="5"),
    DigitPressed(digit="#"),
    *(ControlRequested(kind=kind) for kind in ControlKind),
]

Talk = list[tuple[float, float]]


@st.composite
def talks(draw: st.DrawFn) -> Talk:
    at, found = 0.0, []
    for _ in range(draw(st.integers(0, 8))):
        start = at + draw(st.floats(0.05, 4.0))
        at = start + draw(st.floats(0.03, 3.0))
        found.append((start, at))
    return found


@dataclass(frozen=True)
class Script:
    """What a caller and the engines of one call do."""

    talk: Talk
    after: float
    orders: list[tuple[int, ClientEvent]]
    """Each is given once so many events have been received."""
    texts: list[tuple[float, str]]
    model_delay: float
    deltas: int
    voice_delay: float
    barge_in: bool
    reports_playback: bool
    hang_up_after: float | None
    silences: tuple[float, float]
    sounds_over: list[tuple[float, float]]
    partials: bool
    speculative: int

    def made(self) -> Made:
        due = sorted(self.orders, key=lambda order: order[0])

        def on_event(line: FakeLine, _event: CallEvent) -> None:
            while due and len(line.events) >= due[0][0]:
                line.order(due.pop(0)[1])

        return Made(
            FakeLine(self.talk, (self.talk[-1][1] if self.talk else 0.0) + self.after, on_event=on_event),
            recognizer=FakeRecognizer(self.texts),
            model=FakeModel([(self.model_delay, "Well, "), *LONG_ANSWER[: self.deltas]]),
            synthesizer=FakeSynthesizer(delay=self.voice_delay),
            barge_in=self.barge_in,
            reports_playback=self.reports_playback,
            endpointing=Endpointing(soft_end=0.096, min_silence=self.silences[0], max_silence=self.silences[1]),
            turn_model=FakeTurnModel(self.sounds_over),
            partial_every=0.3 if self.partials else 0.0,
            headroom=Headroom(1, self.speculative, lambda: False),
        )


scripts = st.builds(
    Script,
    talk=talks(),
    after=st.floats(0.1, 8.0),
    orders=st.lists(st.tuples(st.integers(1, 30), st.sampled_from(ORDERS)), max_size=3),
    texts=st.lists(
        st.tuples(st.floats(0.0, 1.5), st.sampled_from(["Hello.", "my number is 12", ""])), min_size=1, max_size=10
    ),
    model_delay=st.floats(0.0, 1.5),
    deltas=st.integers(0, 20),
    voice_delay=st.floats(0.0, 0.6),
    barge_in=st.booleans(),
    reports_playback=st.booleans(),
    hang_up_after=st.none() | st.floats(0.1, 20.0),
    silences=st.sampled_from([(0.2, 1.5), (0.5, 0.5), (0.1, 0.3)]),
    sounds_over=st.lists(st.tuples(st.floats(0.0, 0.3), st.floats(0.0, 1.0)), min_size=1, max_size=5),
    partials=st.booleans(),
    speculative=st.integers(0, 1),
)


@settings(max_examples=300, deadline=None)
@given(scripts)
def test_the_laws_of_a_call_hold_for_every_caller(script: Script) -> None:
    made = script.made()

    async def run() -> CallEnded | None:
        return await place(made, hang_up_after=script.hang_up_after)

    check_laws(made, run_virtually(run))


def check_laws(made: Made, ended: CallEnded | None) -> None:
    line = made.line
    stopped = {event.reply: event.at for event in line.events if isinstance(event, ReplyStopped)}
    started = [event.reply for event in line.events if isinstance(event, ReplyStarted)]
    over = [event.reply for event in line.events if isinstance(event, ReplyEnded)]
    assert all(sent.at <= stopped[sent.audio.reply] for sent in line.audio if sent.audio.reply in stopped)
    replies = [sent.audio.reply for sent in line.audio]
    assert replies == sorted(replies), "replies interleave"
    assert len(over) == len(set(over)), "a reply ended twice"
    assert started == sorted(set(started)), "a reply started twice"
    assert made.model.open_streams == 0, "a model still writes"
    for event in line.events:
        if isinstance(event, ReplyEnded):
            assert event.text.startswith(event.heard) or event.degraded
            sent_ms = 1000 * sum(sent.audio.pcm.duration for sent in line.audio if sent.audio.reply == event.reply)
            assert event.heard_ms <= sent_ms + 1
    playing = None
    for event in line.events:
        if isinstance(event, PlaybackStarted):
            assert playing is None, "two replies play at once"
            playing = event.reply
        elif isinstance(event, ReplyStopped | ReplyEnded) and event.reply == playing:
            playing = None
    if ended is not None:
        assert line.events[-1] is ended
        assert sum(isinstance(event, CallEnded) for event in line.events) == 1
        known = {event.reply for event in line.events if isinstance(event, ReplyEvent)}
        assert known >= set(over)
        assert sorted(over) == started, "a reply that started has no end, or the other way round"
