import json
from collections.abc import Callable, Iterator

import anyio
import pytest
import structlog
from prometheus_client import generate_latest

from pipeline.core.actions import Transfer
from pipeline.core.cache import Tally
from pipeline.core.clock import LoopClock
from pipeline.core.events import (
    ActionRequested,
    Backchannel,
    CallEnd,
    CallEnded,
    CallEnding,
    CallEvent,
    CallResumed,
    CallSuspended,
    Clause,
    DigitsCollected,
    EndReason,
    FillerStarted,
    FinalTranscript,
    InputMissing,
    InputProblem,
    PartialTranscript,
    PictureNoted,
    PictureState,
    PlaybackStarted,
    ReplyEnded,
    ReplyId,
    ReplyStarted,
    ReplyStatus,
    ReplyStopped,
    Speculated,
    SpeculationEnded,
    SpeechEnded,
    SpeechReady,
    SpeechStarted,
    SpeechSustained,
    StageFailed,
    TextDelta,
    ToolRequested,
    ToolsCancelled,
    TurnDrafted,
    TurnEnded,
    TurnId,
)
from pipeline.core.stages import ToolUse, Usage
from pipeline.observe import SPAN_BUCKETS, CallObserver, Metrics, configure_logging, logger
from pipeline.settings import Budget
from tests.virtual_time import run_virtually

CANARY = "the canary sings"
TURN, REPLY = TurnId(2), ReplyId(3)

BUDGETS = {"response_gap": Budget(p50=0.5, p95=1.0)}

EVENTS: list[CallEvent] = [
    SpeechStarted(turn=TURN, at=1.0, audio_at=1.0, onset_at=1.0),
    SpeechSustained(turn=TURN, at=1.0, audio_at=1.0, onset_at=1.0),
    SpeechEnded(turn=TURN, at=1.0, audio_at=1.0),
    PartialTranscript(turn=TURN, at=1.0, text=CANARY, language="en", guess=CANARY, stability=0.5, duration=1.0),
    TurnDrafted(turn=TURN, at=1.0, text=CANARY, language="en", likelihood=0.5, duration=1.0),
    TurnEnded(turn=TURN, at=1.0, reason=EndReason.SILENCE, audio_at=1.0, speech_end_at=1.0),
    FinalTranscript(turn=TURN, at=1.0, text=CANARY, language="en", confidence=0.9, audio_start=0.0, audio_end=1.0),
    Backchannel(turn=TURN, at=1.0, reply=REPLY),
    PictureNoted(turn=TURN, at=1.0, media="m1", state=PictureState.RECEIVED),
    PictureNoted(turn=TURN, at=1.0, media="m1", state=PictureState.READY, note=CANARY, took=0.9),
    ActionRequested(turn=TURN, at=1.0, reply=REPLY, action=Transfer(CANARY, reason=CANARY)),
    ToolRequested(turn=TURN, at=1.0, reply=REPLY, call="tool-1", use=ToolUse("status", {"order": CANARY})),
    ToolsCancelled(turn=TURN, at=1.0, reply=REPLY, calls=("tool-1",)),
    SpeculationEnded(turn=TURN, at=1.0, outcome=Speculated.REOPENED, duration=0.5, characters=4),
    ReplyStarted(turn=TURN, at=1.0, reply=REPLY, barge_in_allowed=True),
    TextDelta(turn=TURN, at=1.0, reply=REPLY, text=CANARY),
    Clause(turn=TURN, at=1.0, reply=REPLY, index=0, text=CANARY),
    SpeechReady(turn=TURN, at=1.0, reply=REPLY, index=0),
    FillerStarted(turn=TURN, at=1.0, reply=REPLY, text=CANARY),
    PlaybackStarted(turn=TURN, at=1.0, reply=REPLY),
    ReplyStopped(turn=TURN, at=1.0, reply=REPLY, status=ReplyStatus.BARGE_IN, onset_at=0.7),
    ReplyEnded(
        turn=TURN,
        at=1.0,
        reply=REPLY,
        status=ReplyStatus.BARGE_IN,
        text=CANARY,
        heard=CANARY,
        heard_ms=700,
        usage=Usage(prompt_tokens=30, completion_tokens=8, model="qwen"),
        spans={"response_gap": 0.62, "stop": 0.3},
        degraded=("fallback_phrase",),
    ),
    InputMissing(turn=TURN, at=1.0, problem=InputProblem.NO_MATCH),
    DigitsCollected(turn=TURN, at=1.0, digits=CANARY),
    StageFailed(turn=TURN, at=1.0, stage="dialog", code="engine-timeout", message="no token", retryable=True),
    CallEnding(turn=TURN, at=1.0, remaining=30.0),
    CallSuspended(turn=TURN, at=1.0),
    CallResumed(turn=TURN, at=1.0),
    CallEnded(turn=TURN, at=1.0, reason=CallEnd.CLIENT, duration=61.5, turns=2),
]

Lines = list[dict[str, object]]
Observed = Callable[..., tuple[Lines, Metrics]]


@pytest.fixture
def observed(capsys: pytest.CaptureFixture[str]) -> Iterator[Observed]:
    """Feed all events to an observer; return the lines that it wrote, parsed, and the metrics."""

    def observe(*, pii: bool = False, level: str = "debug") -> tuple[Lines, Metrics]:
        configure_logging(level=level, style="json", pii=pii)
        metrics = Metrics()
        observer = CallObserver(metrics, "call-7", "shop", BUDGETS)
        for event in EVENTS:
            observer(event)
        written = capsys.readouterr()
        assert written.out == ""
        return [json.loads(line) for line in written.err.splitlines()], metrics

    yield observe
    structlog.reset_defaults()


def line(lines: Lines, event: str) -> dict[str, object]:
    (found,) = (one for one in lines if one["event"] == event)
    return found


def test_every_kind_of_event_is_tried_here() -> None:
    assert {type(event) for event in EVENTS} == set(CallEvent.__args__)


def test_what_callers_and_models_say_stands_in_no_line_and_no_metric(observed: Observed) -> None:
    lines, metrics = observed()
    assert lines
    assert CANARY not in json.dumps(lines)
    assert not any(key.startswith("pii_") for one in lines for key in one)
    assert CANARY not in generate_latest(metrics.registry).decode()


def test_what_callers_and_models_say_stands_in_pii_fields_only_where_they_are_kept(observed: Observed) -> None:
    lines, metrics = observed(pii=True)
    kept = {key for one in lines for key, value in one.items() if CANARY in str(value)}
    assert kept == {"pii_text", "pii_heard", "pii_note"}
    assert CANARY not in generate_latest(metrics.registry).decode()


def test_every_line_names_the_call_its_agent_and_the_part_of_the_service(observed: Observed) -> None:
    lines, _ = observed()
    assert {(one["call"], one["agent"], one["part"]) for one in lines} == {("call-7", "shop", "call")}
    assert all(one["timestamp"] and one["level"] for one in lines)


def test_the_end_of_a_reply_is_a_line_with_its_spans_and_its_cost(observed: Observed) -> None:
    lines, _ = observed()
    found = line(lines, "reply ended")
    assert found["spans_ms"] == {"response_gap": 620, "stop": 300}
    assert (found["turn"], found["reply"], found["status"], found["heard_ms"]) == (2, 3, "barge_in", 700)
    assert (found["model"], found["prompt_tokens"], found["completion_tokens"]) == ("qwen", 30, 8)
    assert found["degraded"] == ["fallback_phrase"]


def test_a_transcript_is_a_line_with_its_length_and_not_its_words(observed: Observed) -> None:
    lines, _ = observed()
    found = line(lines, "recognized")
    assert (found["turn"], found["language"], found["characters"]) == (2, "en", len(CANARY))


def test_a_failure_is_a_warning_with_its_code(observed: Observed) -> None:
    lines, _ = observed()
    found = line(lines, "stage failed")
    assert (found["level"], found["stage"], found["code"]) == ("warning", "dialog", "engine-timeout")


def test_lines_below_the_level_are_not_written(observed: Observed) -> None:
    lines, _ = observed(level="warning")
    assert [one["event"] for one in lines] == ["stage failed"]


def test_an_exception_is_written_in_its_line(capsys: pytest.CaptureFixture[str], observed: Observed) -> None:
    observed()
    try:
        int("broken")
    except ValueError:
        logger("test").exception("failed")
    assert "ValueError: invalid literal" in json.loads(capsys.readouterr().err)["exception"]


def test_the_console_style_is_for_people(capsys: pytest.CaptureFixture[str], observed: Observed) -> None:
    observed()
    configure_logging(level="info", style="console", pii=False)
    logger("test").info("hello", pii_text=CANARY)
    written = capsys.readouterr().err
    assert "hello" in written
    assert CANARY not in written


@pytest.mark.parametrize(
    ("metric", "labels", "value"),
    [
        ("voicepipe_replies_total", {"status": "barge_in"}, 1),
        ("voicepipe_barge_ins_total", {}, 1),
        ("voicepipe_input_missing_total", {"problem": "no_match"}, 1),
        ("voicepipe_stage_failures_total", {"stage": "dialog", "code": "engine-timeout"}, 1),
        ("voicepipe_span_seconds_sum", {"span": "response_gap"}, 0.62),
        ("voicepipe_span_seconds_count", {"span": "stop"}, 1),
        ("voicepipe_span_seconds_bucket", {"span": "response_gap", "le": "0.6"}, 0),
        ("voicepipe_span_seconds_bucket", {"span": "response_gap", "le": "0.7"}, 1),
    ],
)
def test_events_are_counted(observed: Observed, metric: str, labels: dict[str, str], value: float) -> None:
    _, metrics = observed()
    assert metrics.registry.get_sample_value(metric, labels) == pytest.approx(value)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("voicepipe_span_seconds", "histogram"),
        ("voicepipe_calls_active", "gauge"),
        ("voicepipe_calls_started", "counter"),
        ("voicepipe_calls_ended", "counter"),
        ("voicepipe_calls_refused", "counter"),
        ("voicepipe_replies", "counter"),
        ("voicepipe_barge_ins", "counter"),
        ("voicepipe_input_missing", "counter"),
        ("voicepipe_stage_failures", "counter"),
        ("voicepipe_frames_dropped", "counter"),
        ("voicepipe_queue_depth", "gauge"),
        ("voicepipe_event_loop_lag_seconds", "histogram"),
        ("voicepipe_model_load_seconds", "gauge"),
        ("voicepipe_model_answers", "counter"),
        ("voicepipe_model_fallbacks", "counter"),
        ("voicepipe_model_first_token_seconds", "histogram"),
        ("voicepipe_model_tokens_per_second", "gauge"),
    ],
)
def test_dashboards_find_each_metric_under_its_name(name: str, kind: str) -> None:
    assert {family.name: family.type for family in Metrics().registry.collect()}[name] == kind


def test_span_buckets_are_fit_for_budgets() -> None:
    assert list(SPAN_BUCKETS) == sorted(set(SPAN_BUCKETS))
    assert min(SPAN_BUCKETS) <= 0.05
    assert max(SPAN_BUCKETS) >= 3.0


def test_services_in_one_process_do_not_share_metrics() -> None:
    one, other = Metrics(), Metrics()
    one.calls_started.inc()
    assert other.registry.get_sample_value("voicepipe_calls_started_total") == 0


def depth(metrics: Metrics, channel: str) -> float | None:
    return metrics.registry.get_sample_value("voicepipe_queue_depth", {"channel": channel})


def test_the_depth_of_a_channel_is_that_of_the_fullest_of_its_name() -> None:
    metrics = Metrics()
    with (
        metrics.queues.watch("session", lambda: 2),
        metrics.queues.watch("session", lambda: 5),
        metrics.queues.watch("microphone", lambda: 0),
    ):
        assert depth(metrics, "session") == 5
        assert depth(metrics, "microphone") == 0


def test_depths_are_read_when_they_are_asked_for() -> None:
    metrics, waiting = Metrics(), [0, 0]
    with metrics.queues.watch("session", lambda: len(waiting)):
        waiting.append(0)
        assert depth(metrics, "session") == 3


def test_a_channel_that_is_gone_is_not_watched() -> None:
    metrics = Metrics()
    with metrics.queues.watch("session", lambda: 2):
        pass
    assert depth(metrics, "session") is None


def test_a_loop_that_keeps_its_times_has_no_lag() -> None:
    metrics = Metrics()

    async def probe() -> None:
        with anyio.move_on_after(10.1):
            await metrics.probe_loop(LoopClock())

    run_virtually(probe)
    assert metrics.registry.get_sample_value("voicepipe_event_loop_lag_seconds_count") == 40
    assert metrics.registry.get_sample_value("voicepipe_event_loop_lag_seconds_bucket", {"le": "0.001"}) == 40


def test_caches_are_read_when_metrics_are_scraped() -> None:
    metrics, tally = Metrics(), Tally()
    metrics.caches.watch("answers", tally)
    tally.hits, tally.bytes, tally.saved_seconds = 3, 512, 1.5
    read = metrics.registry.get_sample_value
    assert read("voicepipe_cache_hits_total", {"cache": "answers"}) == 3
    assert read("voicepipe_cache_bytes", {"cache": "answers"}) == 512
    assert read("voicepipe_cache_saved_seconds_total", {"cache": "answers"}) == 1.5
