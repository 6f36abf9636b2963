"""Logs and metrics. Consumes events; no stage calls it. What a caller said stands in fields named ``pii_*`` only."""

import logging
import sys
from collections.abc import Mapping
from enum import IntEnum

import anyio
import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from structlog.typing import EventDict, FilteringBoundLogger, WrappedLogger

from pipeline.core.clock import Clock
from pipeline.core.events import (
    Backchannel,
    CallEvent,
    FinalTranscript,
    InputMissing,
    PictureNoted,
    ReplyEnded,
    ReplyStatus,
    Speculated,
    SpeculationEnded,
    StageFailed,
    TurnEnded,
)
from pipeline.observe_caches import CacheTallies
from pipeline.observe_pictures import PictureMetrics
from pipeline.observe_queues import QueueDepths
from pipeline.observe_resume import ResumeMetrics
from pipeline.settings import Budget

SPAN_BUCKETS = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 5.0)
"""Seconds; dense where budgets lie."""
LAG_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0)
LAG_PROBE = 0.25
"""Seconds between two measurements of the event loop's lag."""

Log = FilteringBoundLogger


def configure_logging(*, level: str, style: str, pii: bool) -> None:
    """Send structured logs to standard error, as JSON lines or for a console; ``pii`` keeps fields named ``pii_*``."""
    # Plain tracebacks: richer ones print local variables, and those hold what callers said.
    renderers: dict[str, tuple[structlog.typing.Processor, ...]] = {
        "json": (structlog.processors.format_exc_info, structlog.processors.JSONRenderer()),
        "console": (structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),),
    }
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *(() if pii else (drop_pii,)),
            *renderers[style],
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )


def drop_pii(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Remove every field whose name begins with ``pii_``."""
    return {key: value for key, value in event.items() if not key.startswith("pii_")}


def logger(part: str) -> Log:
    """Return a logger whose lines name the part of the service."""
    log: Log = structlog.get_logger().bind(part=part)
    return log


class TurnMetrics:
    """What turns and replies are counted by."""

    def __init__(self, own: CollectorRegistry) -> None:
        """Create every metric once, in this registry."""
        self.span = Histogram("voicepipe_span_seconds", "Spans of turns.", ["span"], buckets=SPAN_BUCKETS, registry=own)
        self.replies = Counter("voicepipe_replies", "Replies by how they ended.", ["status"], registry=own)
        self.speculations = Counter(
            "voicepipe_speculations",
            "Replies begun before their turn was over, by what became of them.",
            ["outcome"],
            registry=own,
        )
        self.speculation_wasted = Counter(
            "voicepipe_speculation_wasted_seconds", "Time of speculative work that was thrown away.", registry=own
        )
        self.over_budget = Counter(
            "voicepipe_over_budget", "Turns in which a span was over its p95 budget.", ["span"], registry=own
        )
        self.budget = Gauge(
            "voicepipe_span_budget_seconds", "Budgets of the profile.", ["span", "quantile"], registry=own
        )
        self.degradations = Counter(
            "voicepipe_degradations", "What was left out of replies, added or replaced.", ["what"], registry=own
        )
        self.effort = Gauge(
            "voicepipe_effort", "What answers may cost: 0 all, 1 a sentence, 2 a smaller model's.", registry=own
        )
        self.barge_ins = Counter("voicepipe_barge_ins", "Replies that the caller's speech stopped.", registry=own)
        self.backchannels = Counter(
            "voicepipe_backchannels", "What callers said over a reply and did not stop it with.", registry=own
        )
        self.input_missing = Counter(
            "voicepipe_input_missing", "No input, no match, endless speech.", ["problem"], registry=own
        )
        self.failures = Counter(
            "voicepipe_stage_failures", "Failures that a call survived.", ["stage", "code"], registry=own
        )
        self.partials_dropped = Counter(
            "voicepipe_partials_dropped", "Partial transcripts given up because others waited.", registry=own
        )


class ModelMetrics:
    """What chat models are counted by."""

    def __init__(self, own: CollectorRegistry) -> None:
        """Create every metric once, in this registry."""
        self.answers = Counter("voicepipe_model_answers", "Answers begun, by the model.", ["model"], registry=own)
        self.fallbacks = Counter(
            "voicepipe_model_fallbacks", "Answers for which another was asked.", ["model", "reason"], registry=own
        )
        self.first_token = Histogram(
            "voicepipe_model_first_token_seconds",
            "Waits for a model's first token.",
            ["model"],
            buckets=SPAN_BUCKETS,
            registry=own,
        )
        self.speed = Gauge(
            "voicepipe_model_tokens_per_second", "How fast a model wrote its last answer.", ["model"], registry=own
        )


class RecordMetrics:
    """How the records are doing."""

    def __init__(self, own: CollectorRegistry) -> None:
        """Create every metric once, in this registry."""
        self.written = Counter("voicepipe_records_written", "Rows written to the records.", registry=own)
        self.failed = Counter("voicepipe_records_failed", "Attempts to write records that failed.", registry=own)
        self.lost = Counter("voicepipe_records_lost", "Rows that found no room in the backlog.", registry=own)
        self.late = Counter(
            "voicepipe_records_late", "Answers that did not wait any longer for their turn to be written.", registry=own
        )
        self.backlog = Gauge("voicepipe_records_backlog", "Rows that wait to be written.", registry=own)


class Metrics:
    """All that a scrape returns. Owns its registry, so that two services in one process do not collide."""

    def __init__(self) -> None:
        """Create every metric once."""
        self.registry = CollectorRegistry()
        own = self.registry
        self.turns = TurnMetrics(own)
        self.models = ModelMetrics(own)
        self.records = RecordMetrics(own)
        self.resume = ResumeMetrics(own)
        self.pictures = PictureMetrics(own)
        self.calls_active = Gauge("voicepipe_calls_active", "Calls in progress.", registry=own)
        self.calls_started = Counter("voicepipe_calls_started", "Calls accepted.", registry=own)
        self.calls_ended = Counter("voicepipe_calls_ended", "Calls that are over.", ["reason"], registry=own)
        self.calls_refused = Counter("voicepipe_calls_refused", "Calls not accepted.", ["code"], registry=own)
        self.frames_dropped = Counter(
            "voicepipe_frames_dropped", "Caller frames dropped by a full channel.", registry=own
        )
        self.clients_stalled = Counter(
            "voicepipe_clients_stalled", "Clients given up because they took no message.", registry=own
        )
        self.datagrams_dropped = Counter(
            "voicepipe_datagrams_dropped", "Datagrams to browsers' calls from who has no call.", registry=own
        )
        self.loop_lag = Histogram(
            "voicepipe_event_loop_lag_seconds", "Lateness of timers.", buckets=LAG_BUCKETS, registry=own
        )
        self.model_load = Gauge(
            "voicepipe_model_load_seconds", "Time to load and warm a model.", ["model"], registry=own
        )
        self.queues = QueueDepths()
        self.registry.register(self.queues)
        self.caches = CacheTallies()
        self.registry.register(self.caches)

    async def probe_loop(self, clock: Clock) -> None:
        """Measure the event loop's lag until cancelled."""
        while True:
            before = clock.now()
            await anyio.sleep(LAG_PROBE)
            self.loop_lag.observe(max(0.0, clock.now() - before - LAG_PROBE))


class CallObserver:
    """Watches one call: counts and logs its events."""

    def __init__(self, metrics: Metrics, call_id: str, agent: str, budgets: Mapping[str, Budget]) -> None:
        """Bind the call's id to every line; spans over their p95 of ``budgets`` are counted."""
        self._metrics = metrics
        self._budgets = budgets
        self._log = logger("call").bind(call=call_id, agent=agent)

    def __call__(self, event: CallEvent) -> None:
        """Take note of one event."""
        match event:
            case ReplyEnded():
                self._reply_ended(event)
            case StageFailed():
                self._metrics.turns.failures.labels(event.stage, event.code).inc()
                self._log.warning(
                    "stage failed", turn=event.turn, stage=event.stage, code=event.code, message=event.message
                )
            case PictureNoted():
                self._metrics.pictures.note(event, self._log)
            case Backchannel():
                self._metrics.turns.backchannels.inc()
            case SpeculationEnded():
                self._metrics.turns.speculations.labels(event.outcome.value).inc()
                if event.outcome is not Speculated.COMMITTED:
                    self._metrics.turns.speculation_wasted.inc(event.duration)
            case InputMissing():
                self._metrics.turns.input_missing.labels(event.problem.value).inc()
                self._log.info("input missing", turn=event.turn, problem=event.problem.value)
            case TurnEnded():
                self._log.info("turn ended", turn=event.turn, reason=event.reason.value)
            case FinalTranscript():
                self._log.info(
                    "recognized",
                    turn=event.turn,
                    language=event.language,
                    confidence=round(event.confidence, 3),
                    characters=len(event.text),
                    pii_text=event.text,
                )
            case _:
                pass

    def over(self, reason: str, *, seconds: float, turns: int) -> None:
        """Take note that the call is over, also where nobody could be told."""
        self._metrics.calls_ended.labels(reason).inc()
        self._log.info("call ended", reason=reason, seconds=round(seconds, 3), turns=turns)

    def effort(self, effort: IntEnum) -> None:
        """Take note that answers cost more or less from now on, over all calls."""
        self._metrics.turns.effort.set(effort)
        self._log.warning("effort changed", effort=effort.name.lower())

    def _compare(self, event: ReplyEnded) -> None:
        """Count and log the spans that are over budget."""
        over = {
            span: seconds
            for span, seconds in event.spans.items()
            if span in self._budgets and seconds > self._budgets[span].p95
        }
        for span in over:
            self._metrics.turns.over_budget.labels(span).inc()
        if over:
            self._log.warning(
                "over budget",
                turn=event.turn,
                reply=event.reply,
                spans_ms={span: round(1000 * seconds) for span, seconds in over.items()},
                budgets_ms={span: round(1000 * self._budgets[span].p95) for span in over},
            )

    def _reply_ended(self, event: ReplyEnded) -> None:
        self._metrics.turns.replies.labels(event.status.value).inc()
        if event.status is ReplyStatus.BARGE_IN:
            self._metrics.turns.barge_ins.inc()
        for span, seconds in event.spans.items():
            self._metrics.turns.span.labels(span).observe(seconds)
        self._compare(event)
        for what in event.degraded:
            self._metrics.turns.degradations.labels(what).inc()
        self._log.info(
            "reply ended",
            turn=event.turn,
            reply=event.reply,
            status=event.status.value,
            heard_ms=event.heard_ms,
            spans_ms={span: round(1000 * seconds) for span, seconds in event.spans.items()},
            model=event.usage.model,
            prompt_tokens=event.usage.prompt_tokens,
            completion_tokens=event.usage.completion_tokens,
            degraded=event.degraded,
            pii_text=event.text,
            pii_heard=event.heard,
        )
