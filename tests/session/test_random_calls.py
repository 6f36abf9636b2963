"""Random callers: whatever they do and whenever, the laws of a call hold."""

from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.events import (
    Backchannel,
    CallEnded,
    CallEvent,
    ClientEvent,
    ControlKind,
    ControlRequested,
    DigitPressed,
    FinalTranscript,
    PlaybackStarted,
    ReplyEnded,
    ReplyEvent,
    ReplyStarted,
    ReplyStopped,
    Speculated,
    SpeculationEnded,
    StageFailed,
    TextTyped,
    TurnDrafted,
    TurnEnded,
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
FORGETTING = {ControlKind.CLEAR_INPUT, ControlKind.CANCEL_RESPONSE, ControlKind.PAUSE, ControlKind.END}
"""Orders after which the client does not count on an answer to what was said before."""

Talk = list[tuple[float, float]]


@st.composite
def talks(draw: st.DrawFn) -> Talk:
    """Return when the caller speaks: now in sentences, now in one bark after the other."""
    at, found = 0.0, []
    quick = draw(st.booleans())
    for _ in range(draw(st.integers(0, 16 if quick else 8))):
        start = at + draw(st.floats(0.05, 0.6 if quick else 4.0))
        at = start + draw(st.floats(0.03, 0.5 if quick else 3.0))
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
    pauses: bool
    protected_start: float
    sums_up: bool
    given: list[ClientEvent] = field(default_factory=list)
    """The orders that were given in the end."""

    def made(self) -> Made:
        due = sorted(self.orders, key=lambda order: order[0])

        def on_event(line: FakeLine, _event: CallEvent) -> None:
            while due and len(line.events) >= due[0][0]:
                self.given.append(due[0][1])
                line.order(due.pop(0)[1])

        # Each text is known by its number, so that none can be taken for another.
        texts = [
            (delay, f"{text}" if text in {"", "mm-hm"} else f"{text} {n}.") for n, (delay, text) in self.numbered()
        ]
        return Made(
            FakeLine(self.talk, (self.talk[-1][1] if self.talk else 0.0) + self.after, on_event=on_event),
            recognizer=FakeRecognizer(texts),
            model=FakeModel([(self.model_delay, "Well, "), *LONG_ANSWER[: self.deltas]]),
            synthesizer=FakeSynthesizer(delay=self.voice_delay),
            barge_in=self.barge_in,
            reports_playback=self.reports_playback,
            endpointing=Endpointing(min_silence=self.silences[0], max_silence=self.silences[1]),
            turn_model=FakeTurnModel(self.sounds_over),
            partial_every=0.3 if self.partials else 0.0,
            headroom=Headroom(1, self.speculative, lambda: False),
            pauses=self.pauses,
            protected_start=self.protected_start,
            history_turns=2 if self.sums_up else 8,
            sums_up=self.sums_up,
        )

    def numbered(self) -> list[tuple[int, tuple[float, str]]]:
        return list(enumerate((self.texts * 20)[:200]))


TEXTS = ["Hello", "my number is 12 at", "mm-hm", "", "stop"]
scripts = st.builds(
    Script,
    talk=talks(),
    after=st.floats(0.1, 8.0),
    orders=st.lists(st.tuples(st.integers(1, 30), st.sampled_from(ORDERS)), max_size=3),
    texts=st.lists(st.tuples(st.floats(0.0, 1.5), st.sampled_from(TEXTS)), min_size=1, max_size=10),
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
    pauses=st.booleans(),
    protected_start=st.sampled_from([0.0, 0.0, 1.0]),
    sums_up=st.booleans(),
)


@settings(max_examples=200, deadline=None)
@given(scripts)
def test_the_laws_of_a_call_hold_for_every_caller(script: Script) -> None:
    check_laws(script)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@settings(max_examples=30_000, deadline=None, derandomize=False)
@given(scripts)
def test_the_laws_hold_for_tens_of_thousands(script: Script) -> None:
    check_laws(script)


def check_laws(script: Script) -> None:
    made = script.made()

    async def run() -> CallEnded | None:
        return await place(made, hang_up_after=script.hang_up_after)

    ended = run_virtually(run)
    check_replies(made)
    check_sound(made)
    check_speculations(made)
    if ended is not None:
        check_end(made, ended)
        if not any(isinstance(order, ControlRequested) and order.kind in FORGETTING for order in script.given):
            check_nothing_is_lost(made)


def check_replies(made: Made) -> None:
    line = made.line
    started = [event.reply for event in line.events if isinstance(event, ReplyStarted)]
    over = [event.reply for event in line.events if isinstance(event, ReplyEnded)]
    assert len(over) == len(set(over)), "a reply ended twice"
    assert started == sorted(set(started)), "a reply started twice"
    assert made.model.open_streams == made.synthesizer.open_streams == 0, "an engine still works"
    assert not any(isinstance(event, TurnDrafted) for event in line.events), "a draft was told"
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


def check_sound(made: Made) -> None:
    line = made.line
    stopped = {event.reply: event.at for event in line.events if isinstance(event, ReplyStopped)}
    assert all(sent.at <= stopped[sent.audio.reply] for sent in line.audio if sent.audio.reply in stopped), (
        "stale sound"
    )
    replies = [sent.audio.reply for sent in line.audio]
    assert replies == sorted(replies), "replies interleave"
    for before, after in pairwise(line.audio):
        if before.audio.reply == after.audio.reply:
            assert after.audio.pcm.start == before.audio.pcm.start + before.audio.pcm.samples, (
                "sound was lost or repeated"
            )
    began = {
        event.reply: place for place, event in reversed([*enumerate(line.events)]) if isinstance(event, ReplyStarted)
    }
    assert set(replies) <= began.keys(), "sound of a reply that was not told"


def check_speculations(made: Made) -> None:
    committed = [
        event.turn
        for event in made.line.events
        if isinstance(event, SpeculationEnded) and event.outcome is Speculated.COMMITTED
    ]
    assert len(committed) == len(set(committed)), "a turn was committed twice"
    ends = [event.turn for event in made.line.events if isinstance(event, TurnEnded)]
    assert set(committed) <= set(ends), "work was committed before its turn was over"


def check_end(made: Made, ended: CallEnded) -> None:
    line = made.line
    started = [event.reply for event in line.events if isinstance(event, ReplyStarted)]
    over = [event.reply for event in line.events if isinstance(event, ReplyEnded)]
    assert line.events[-1] is ended
    assert sum(isinstance(event, CallEnded) for event in line.events) == 1
    known = {event.reply for event in line.events if isinstance(event, ReplyEvent)}
    assert known >= set(over)
    assert sorted(over) == started, "a reply that started has no end, or the other way round"


def check_nothing_is_lost(made: Made) -> None:
    """What was said is shown to the model, unless it was a backchannel, and each end of a turn has one outcome."""
    events = made.line.events
    passed = {event.turn for event in events if isinstance(event, Backchannel)}
    shown = " ".join(message.text for messages in made.model.asked for message in messages if message.role == "user")
    forgets = made.history_turns == 2  # with so few, what was said over before it was answered falls out unseen
    for event in events:
        if isinstance(event, FinalTranscript) and event.text and event.turn not in passed and not forgets:
            assert event.text in shown, f"lost: {event.text}"
    ends = Counter(event.turn for event in events if isinstance(event, TurnEnded))
    outcomes = Counter(
        event.turn for event in events if isinstance(event, FinalTranscript | StageFailed) if ends[event.turn]
    )
    assert ends == outcomes, "a turn without an outcome"
