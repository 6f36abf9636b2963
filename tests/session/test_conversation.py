import anyio
import pytest

from pipeline.core.events import (
    CallEnd,
    CallEnding,
    CallEvent,
    ControlKind,
    ControlRequested,
    DigitPressed,
    DigitsCollected,
    InputMissing,
    InputProblem,
    PlaybackKind,
    PlaybackReported,
    PlaybackStarted,
    ReplyEnded,
    ReplyStarted,
    ReplyStatus,
    ReplyStopped,
    TextDelta,
    TextTyped,
    TurnEnded,
)
from pipeline.core.stages import Message
from pipeline.dialog.agents import Phrases
from pipeline.settings import Call, Endpointing
from tests.fakes import FakeLine, FakeModel, FakeRecognizer
from tests.session.calls import ANSWER, LONG_ANSWER, SILENT_AGENT, Made, place
from tests.virtual_time import pass_time

pytestmark = pytest.mark.anyio


async def test_a_spoken_question_is_answered_and_heard_to_its_end() -> None:
    made = Made(FakeLine([(1.0, 2.0)], 8.0))
    ended = await place(made)
    assert ended is not None
    assert ended.reason is CallEnd.CLIENT
    (reply,) = made.line.of(ReplyEnded)
    assert isinstance(reply, ReplyEnded)
    assert reply.status is ReplyStatus.COMPLETED
    assert reply.text == reply.heard == "We open at nine, and we close at six."
    assert made.line.events[-1] is ended


async def test_the_segments_of_a_turn_add_up_to_its_response_gap() -> None:
    made = Made(FakeLine([(1.0, 2.0)], 8.0))
    await place(made)
    (reply,) = made.line.of(ReplyEnded)
    assert isinstance(reply, ReplyEnded)
    spans = dict(reply.spans)
    gap = spans.pop("response_gap")
    assert sum(spans.values()) == pytest.approx(gap)
    # Silence of 0.5 s with recognition inside it, then the first clause: 0.3 s and a delta, and 0.05 s of synthesis.
    assert gap == pytest.approx(0.5 + 0.3 + 0.05 + 0.05 + 0.05, abs=0.06)


async def test_the_turn_ends_after_the_silence_of_the_settings() -> None:
    made = Made(FakeLine([(1.0, 2.0)], 6.0), endpointing=Endpointing(min_silence=0.9, max_silence=0.9))
    await place(made)
    (turn,) = made.line.of(TurnEnded)
    assert isinstance(turn, TurnEnded)
    assert turn.at - turn.speech_end_at == pytest.approx(0.9, abs=0.06)


async def test_a_pause_shorter_than_the_silence_does_not_end_the_turn() -> None:
    made = Made(FakeLine([(1.0, 1.5), (1.9, 2.5)], 7.0))
    await place(made)
    assert len(made.line.of(TurnEnded)) == 1
    assert len(made.line.of(ReplyEnded)) == 1
    # The attempt of the pause was thrown away; the one that counts holds both parts.
    assert made.recognizer.heard[-1].duration > 1.4


async def test_speaking_begins_before_the_model_has_finished() -> None:
    made = Made(FakeLine([(1.0, 2.0)], 30.0), model=FakeModel(LONG_ANSWER))
    await place(made)
    (started,) = made.line.of(PlaybackStarted)
    last_delta = made.line.of(TextDelta)[-1]
    assert started.at < last_delta.at


async def test_audio_never_runs_further_ahead_than_the_lead() -> None:
    made = Made(FakeLine([(1.0, 2.0)], 30.0), model=FakeModel(LONG_ANSWER))
    await place(made)
    first = made.line.audio[0].at
    for sent in made.line.audio:
        assert sent.audio.pcm.audio_end - (sent.at - first) <= 0.2 + 0.02 + 1e-6


async def test_barge_in_stops_the_reply_and_history_keeps_what_was_heard() -> None:
    model = FakeModel(LONG_ANSWER, ANSWER)
    made = Made(FakeLine([(1.0, 2.0), (5.0, 6.0)], 14.0), model=model)
    await place(made)
    first, second = made.line.of(ReplyEnded)
    assert isinstance(first, ReplyEnded)
    assert isinstance(second, ReplyEnded)
    assert first.status is ReplyStatus.BARGE_IN
    assert second.status is ReplyStatus.COMPLETED
    assert first.text.startswith(first.heard)
    assert 0 < len(first.heard) < len(first.text)
    assert Message("assistant", first.heard.strip()) in model.asked[1]


async def test_no_audio_of_a_reply_follows_its_stop() -> None:
    made = Made(FakeLine([(1.0, 2.0), (5.0, 6.0)], 14.0), model=FakeModel(LONG_ANSWER, ANSWER))
    await place(made)
    (stopped,) = made.line.of(ReplyStopped)
    assert isinstance(stopped, ReplyStopped)
    assert all(sent.at <= stopped.at for sent in made.line.audio if sent.audio.reply == stopped.reply)


async def test_the_stop_span_runs_from_the_onset_of_speech() -> None:
    made = Made(FakeLine([(1.0, 2.0), (5.0, 6.0)], 14.0), model=FakeModel(LONG_ANSWER, ANSWER))
    await place(made)
    first = made.line.of(ReplyEnded)[0]
    assert isinstance(first, ReplyEnded)
    assert first.spans["stop"] == pytest.approx(0.096, abs=0.04)  # it pauses at the onset, whatever is decided later


async def test_a_short_sound_does_not_stop_the_reply() -> None:
    made = Made(FakeLine([(1.0, 2.0), (3.5, 3.7)], 10.0), recognizer=FakeRecognizer([(0.1, "hello"), (0.1, "mm-hm")]))
    await place(made)
    (reply,) = made.line.of(ReplyEnded)
    assert isinstance(reply, ReplyEnded)
    assert reply.status is ReplyStatus.COMPLETED


async def test_barge_in_that_is_switched_off_leaves_the_reply_alone_and_is_answered_after_it() -> None:
    made = Made(
        FakeLine([(1.0, 2.0), (3.5, 4.2)], 14.0),
        barge_in=False,
        recognizer=FakeRecognizer([(0.1, "first"), (0.1, "second")]),
        model=FakeModel(LONG_ANSWER[:8], ANSWER),
    )
    await place(made)
    first, second = made.line.of(ReplyEnded)
    assert isinstance(first, ReplyEnded)
    assert first.status is ReplyStatus.COMPLETED
    assert made.model.asked[1][-1] == Message("user", "second")
    assert second.at > first.at


async def test_a_caller_who_goes_on_before_the_reply_is_heard_is_answered_once_to_both_parts() -> None:
    model = FakeModel([(2.0, "One moment. ")], ANSWER)
    recognizer = FakeRecognizer([(0.1, "I would like"), (0.1, "two loaves")])
    made = Made(FakeLine([(1.0, 2.0), (3.0, 4.0)], 12.0), model=model, recognizer=recognizer)
    await place(made)
    first, second = made.line.of(ReplyEnded)
    assert isinstance(first, ReplyEnded)
    assert isinstance(second, ReplyEnded)
    assert first.status is ReplyStatus.CANCELLED
    assert first.heard == ""
    assert model.asked[-1][-1] == Message("user", "I would like two loaves")


async def test_what_the_client_played_counts_more_than_our_clock() -> None:
    def cleared(line: FakeLine, event: CallEvent) -> None:
        if isinstance(event, ReplyStopped):
            line.order(PlaybackReported(reply=event.reply, kind=PlaybackKind.CLEARED, played_ms=1234))

    made = Made(
        FakeLine([(1.0, 2.0), (5.0, 6.0)], 14.0, on_event=cleared),
        model=FakeModel(LONG_ANSWER, ANSWER),
        reports_playback=True,
    )
    await place(made)
    first = made.line.of(ReplyEnded)[0]
    assert isinstance(first, ReplyEnded)
    assert first.heard_ms == 1234


async def test_silence_is_asked_about_and_then_ends_the_call() -> None:
    made = Made(FakeLine([], 120.0), call=Call(no_input=5.0, no_input_limit=3))
    ended = await place(made)
    assert ended is not None
    assert ended.reason is CallEnd.NO_INPUT
    problems = [event.problem for event in made.line.of(InputMissing) if isinstance(event, InputMissing)]
    assert problems == [InputProblem.NO_INPUT] * 3
    spoken = made.synthesizer.spoken
    assert spoken == ["Are you still there?", "Are you still there?", *spoken[2:]]
    assert "Goodbye" in "".join(spoken[2:])


async def test_the_no_input_timer_starts_when_the_greeting_has_been_heard() -> None:
    agent = SILENT_AGENT.model_copy(update={"greeting": "Hello, this is the test shop, how can I help you today?"})
    made = Made(FakeLine([], 20.0), agent=agent, call=Call(no_input=5.0))
    await place(made)
    greeting = made.line.of(ReplyEnded)[0]
    missing = made.line.of(InputMissing)[0]
    assert missing.at - greeting.at == pytest.approx(5.0, abs=0.01)


async def test_the_longest_duration_ends_the_call_after_a_notice() -> None:
    made = Made(FakeLine([], 200.0), call=Call(max_duration=60.0, ending_notice=10.0, no_input=100.0))
    ended = await place(made)
    assert ended is not None
    assert ended.reason is CallEnd.MAX_DURATION
    assert ended.duration == pytest.approx(60.0, abs=8.0)
    (notice,) = made.line.of(CallEnding)
    assert isinstance(notice, CallEnding)
    assert notice.remaining == pytest.approx(10.0)


async def test_speech_without_an_end_becomes_a_turn_at_the_longest_length() -> None:
    made = Made(FakeLine([(1.0, 30.0)], 40.0), endpointing=Endpointing(max_speech=10.0))
    await place(made)
    turn = made.line.of(TurnEnded)[0]
    assert isinstance(turn, TurnEnded)
    assert turn.audio_at == pytest.approx(11.0, abs=0.1)
    assert all(utterance.duration < 11 for utterance in made.recognizer.heard)


async def test_noise_without_words_gets_no_reply() -> None:
    made = Made(FakeLine([(1.0, 1.4)], 5.0), recognizer=FakeRecognizer([(0.1, "")]))
    await place(made)
    assert made.line.of(ReplyStarted) == []
    assert [event.problem for event in made.line.of(InputMissing) if isinstance(event, InputMissing)] == [
        InputProblem.NO_MATCH
    ]


async def test_long_speech_without_words_is_asked_for_again() -> None:
    made = Made(FakeLine([(1.0, 3.0)], 8.0), recognizer=FakeRecognizer([(0.1, "")]))
    await place(made)
    assert "Sorry" in made.synthesizer.spoken[0]


async def test_a_client_that_hangs_up_in_mid_word_is_answered_before_the_call_ends() -> None:
    made = Made(FakeLine([(1.0, 3.0)], 2.0))
    ended = await place(made)
    assert ended is not None
    assert len(made.line.of(ReplyEnded)) == 1
    assert ended.reason is CallEnd.CLIENT


async def test_a_client_that_orders_the_end_gets_it_at_once() -> None:
    def end(line: FakeLine, event: CallEvent) -> None:
        if isinstance(event, PlaybackStarted):
            line.order(ControlRequested(kind=ControlKind.END))

    made = Made(FakeLine([(1.0, 2.0)], 60.0, on_event=end), model=FakeModel(LONG_ANSWER))
    ended = await place(made)
    assert ended is not None
    assert ended.duration < 4.0
    assert made.line.of(ReplyStopped)


async def test_typed_text_is_answered_like_speech() -> None:
    made = Made(FakeLine([], 5.0))
    made.line.order(TextTyped(text="When do you open?", language="en"))
    await place(made)
    assert made.model.asked[0][-1] == Message("user", "When do you open?")
    assert len(made.line.of(ReplyEnded)) == 1


async def test_keys_are_collected_until_the_terminator() -> None:
    made = Made(FakeLine([], 8.0))
    for digit in "42#":
        made.line.order(DigitPressed(digit=digit))
    await place(made)
    (collected,) = made.line.of(DigitsCollected)
    assert isinstance(collected, DigitsCollected)
    assert collected.digits == "42"
    assert "4 2" in made.model.asked[0][-1].text


async def test_keys_are_taken_as_complete_after_a_pause() -> None:
    made = Made(FakeLine([], 8.0))
    made.line.order(DigitPressed(digit="7"))
    await place(made)
    assert len(made.line.of(DigitsCollected)) == 1


async def test_push_to_talk_ends_the_turn_without_silence() -> None:
    made = Made(FakeLine([(0.5, 6.0)], 7.0))

    async def commit() -> None:
        await pass_time(2.0)
        made.line.order(ControlRequested(kind=ControlKind.COMMIT_INPUT))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(commit)
        await place(made)
    turn = made.line.of(TurnEnded)[0]
    assert turn.at == pytest.approx(1002.0, abs=0.1)


async def test_nothing_is_heard_while_the_call_is_on_hold() -> None:
    made = Made(FakeLine([(1.0, 2.0)], 6.0))
    made.line.order(ControlRequested(kind=ControlKind.PAUSE))
    await place(made)
    assert made.line.of(TurnEnded) == []
    assert made.recognizer.heard == []


async def test_a_cancelled_response_is_silent_at_once() -> None:
    def cancel(line: FakeLine, event: CallEvent) -> None:
        if isinstance(event, PlaybackStarted):
            line.order(ControlRequested(kind=ControlKind.CANCEL_RESPONSE))

    made = Made(FakeLine([(1.0, 2.0)], 8.0, on_event=cancel), model=FakeModel(LONG_ANSWER))
    await place(made)
    (reply,) = made.line.of(ReplyEnded)
    assert isinstance(reply, ReplyEnded)
    assert reply.status is ReplyStatus.CANCELLED
    assert made.model.open_streams == 0


async def test_phrases_that_are_empty_are_not_said() -> None:
    agent = SILENT_AGENT.model_copy(update={"phrases": Phrases(no_input="", goodbye="")})
    made = Made(FakeLine([], 60.0), agent=agent, call=Call(no_input=5.0, no_input_limit=2))
    ended = await place(made)
    assert ended is not None
    assert ended.reason is CallEnd.NO_INPUT
    assert made.synthesizer.spoken == []
