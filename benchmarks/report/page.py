"""The page: all sections in one order, and the plots beside it. Pure."""

from collections.abc import Callable, Mapping, Sequence

from benchmarks.report import derived, dialog, gap, redaction, retrieval, safety, sections, stages, vision
from benchmarks.report.markdown import paragraphs
from benchmarks.report.results import Result, provenance
from pipeline.settings import Settings

PAGE = "README.md"
HEAD = """\
# Results

Rendered by `python -m benchmarks.report` from the JSON files of this folder; edit nothing here. How each figure is
measured stands at the top of its benchmark's source, such as `benchmarks/gap.py`. Figures of different machines do not
compare: each result names its own, with its load average when the result was begun."""

TOPICS = {
    "gap": (
        "The gap of whole calls",
        "From the last audible sample of the caller to the first one of the answer, both at the caller's telephone "
        "(mu-law at 8 kHz, gRPC, in real time). Spans are the service's own, of turns that were not cut off, and "
        "add up to `response_gap`; bold is over the p95 budget of the profile that ran. In the plots a bar is a "
        "turn; its spans begin where the service heard the end of speech, the black mark is the gap as heard.",
    ),
    "peers": (
        "Against others",
        "The same calls, block by block in turn. A short gap is worth something only beside its false cut-offs.",
    ),
    "webrtc": (
        "Over both entrances",
        "The same recordings by telephone over gRPC, where the gap is measured on its line of 8 kHz, and from a real "
        "Chromium over WebRTC, where it is measured between its microphone and what it plays, both recorded in the "
        "browser on one clock. Blocks in turn, one service. Over both, the reply to all that was said counts, also "
        "behind one that came too early.",
    ),
    "rtc": (
        "WebRTC alone",
        "Clicks on their way over the loopback, both ends in one process and without a browser's own jitter buffer, "
        "before, during and after packets are lost; and what calls cost in which nothing is said.",
    ),
    "load": ("Calls at once", "Step by step until the gap breaks its budget; the telephones use the same processor."),
    "turns": ("The end of a turn", "How often a pause is taken for the end, and how long the end is waited for."),
    "wer": ("Word errors", "On recordings of people, read in a studio; conversation is harder."),
    "retrieval": (
        "Knowledge",
        "Callers' questions to the documents of `agents/shop` and `agents/bakery-zh`, in other words than theirs; and "
        "searches of large generated files.",
    ),
    "dialog": (
        "Answers",
        "To callers' questions, from the documents of `agents/shop` and `agents/bakery-zh`: what is said, and how soon "
        "an answer that is known is heard.",
    ),
    "stages": (
        "Stages alone",
        "Each engine by itself, warm, asked by one, two and four callers at once, each again as soon as it is "
        "answered; waiting for a free worker counts. p50 / p95 ms; the real-time factor is that of a caller alone.",
    ),
    "vision": (
        "Pictures",
        "Drawn receipts, labels and screens with known facts in them, as files, one after the other: from the arrival "
        "of one to the note that a model can read, decoding included. Real photographs will be harder.",
    ),
    "crowd": (
        "Calls beside a crowd with pictures",
        "Calls over gRPC while nothing else happens, and while many send a picture at the same moment, again and "
        "again, on the same processor. A reply has stalled where its next sound was not there in time.",
    ),
    "echo": ("Echo", "The service's own voice, coming back on the caller's line."),
    "derived": ("Derived", "Not measured: arithmetic for machines that were not there."),
    "redaction": (
        "Redaction",
        "Of personal data in made-up turns the share of which no letter or digit is left, and of turns without any the "
        "share in which some was found. The turns and the rules have one author: real ones will be harder.",
    ),
    "safety": (
        "Attacks",
        "Families of garak's probes with texts of our own, and what each makes an agent say: through the service, and "
        "the same model with the same instructions bare. A program decides, so that a refusal which repeats the words "
        "counts as a success, and an obedient answer in other words does not. Attacks and guards have one author.",
    ),
    "hold": ("Held for minutes", "Is a call lost, does anything stay behind, does memory grow?"),
}
"""Heading and meaning of each topic, in the order of the page; others come behind them."""

LAID_OUT: Mapping[str, Callable[[Result], str]] = {
    "peers": sections.peers,
    "webrtc": sections.entrances,
    "load": sections.load,
    "turns": sections.turns,
    "wer": sections.wer,
    "hold": sections.hold,
    "stages": stages.section,
    "derived": derived.section,
    "retrieval": retrieval.section,
    "dialog": dialog.section,
    "redaction": redaction.section,
    "safety": safety.section,
    "vision": vision.section,
    "crowd": vision.crowd,
}


def render(results: Sequence[Result], profiles: Mapping[str, Settings]) -> dict[str, str]:
    """Return the page and the plots by their file names."""
    known = list(TOPICS)
    topics = sorted({result.topic for result in results}, key=lambda topic: (topic not in known, _place(topic), topic))
    parts = [HEAD, "## Budgets of the profiles", gap.budgets(profiles)]
    for topic in topics:
        heading, meaning = TOPICS.get(topic, (topic.capitalize(), ""))
        parts += [f"## {heading}", meaning]
        own = [result for result in results if result.topic == topic]
        for result in own:
            parts += [f"### {result.stem}", provenance(result), _body(result, profiles)]
        parts.append(sections.unequal(own))
    plots = {f"{result.stem}.svg": gap.plot(result) for result in results if result.topic == "gap"}
    return {PAGE: paragraphs(parts) + "\n", **{name: plot for name, plot in plots.items() if plot}}


def _place(topic: str) -> int:
    known = list(TOPICS)
    return known.index(topic) if topic in known else len(known)


def _body(result: Result, profiles: Mapping[str, Settings]) -> str:
    if result.topic == "gap":
        return gap.section(result, profiles)
    return LAID_OUT.get(result.topic, sections.other)(result)
