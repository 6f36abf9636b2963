"""What became of each saying, the same way for every arm. Pure."""

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import inf
from statistics import median
from typing import Any

import jiwer

from benchmarks.speech import Saying
from benchmarks.spelling import normalized
from benchmarks.wer import percentiles
from pipeline.audio.level import first_audible, last_audible
from pipeline.caller.report import CallReport
from pipeline.core.pcm import SAMPLE_BYTES, Pcm

WAIT_MS = 8000.0
"""An answer that begins later is none."""


@dataclass(frozen=True, slots=True)
class Block:
    """What one call is for: the same for every arm."""

    kind: str
    """``single``: sayings of one breath; ``pauses``: with a pause inside; ``warm``: not measured."""
    number: int
    sayings: tuple[Saying, ...]

    def key(self, index: int) -> str:
        """Return the name under which a saying is said; no two of a call are alike."""
        return f"{index}:{self.sayings[index].name}"


@dataclass(frozen=True, slots=True)
class Turn:
    """One saying and what followed."""

    arm: str
    kind: str
    block: int
    name: str
    pauses: tuple[float, ...]
    said: str
    heard: str
    """What was understood, over all turns that the arm made of it."""
    answer: str
    """What was said to it, likewise."""
    gaps_ms: tuple[float, ...]
    """Of every reply that was heard, in order: from the last audible sample of the saying to its first."""
    parts: int
    """How many turns the arm made of it. Where there are several, the caller was taken to have finished too early."""

    @property
    def cut_off_ms(self) -> float | None:
        """Return how early the first reply came, if one began before the caller had finished."""
        return next((gap for gap in self.gaps_ms if gap < 0), None)

    @property
    def gap_ms(self) -> float | None:
        """Return when the last reply began, which is the one to all that was said.

        None if it began before the caller had finished, or too late.
        """
        last = self.gaps_ms[-1] if self.gaps_ms else -1.0
        return last if 0 <= last <= WAIT_MS else None


@dataclass(frozen=True, slots=True)
class Called:
    """One call of one arm."""

    turns: tuple[Turn, ...]
    caller: Pcm
    service: Pcm
    """What was heard, on the same clock as ``caller``."""
    replies: tuple[tuple[str, Pcm], ...] = ()
    """Text and sound of those that nothing stopped, where replies could be told apart."""
    broken: str = ""
    """Why the call ended early, if it did."""


def of_report(report: CallReport, block: Block, arm: str, *, broken: str = "") -> Called:
    """Return what a call to Voicepipe was like; its client measures the gaps."""
    turns = []
    for index, saying in enumerate(block.sayings):
        made = [turn for turn in report.turns if turn.utterance == block.key(index)]
        gaps = tuple(turn.gap_ms for turn in made if turn.gap_ms is not None)
        texts = [turn.transcript for turn in made], [turn.reply for turn in made]
        turns.append(_turn(arm, block, saying, texts, gaps))
    return Called(tuple(turns), report.recording.caller, report.recording.service, broken=broken)


def of_telephone(call: Mapping[str, Any], block: Block, sounds: Sequence[Pcm], arm: str) -> Called:
    """Return what a call to a peer was like. ``sounds`` are the sayings as they were sent."""
    spoken = [
        Pcm(sound.data, sound.rate, round(entry["at"] * sound.rate))
        for sound, entry in zip(sounds, call["spoken"], strict=False)
    ]
    replies = _replies(call["heard"])
    begun = {reply: at for reply, pieces in replies.items() if (at := _begins(pieces)) is not None}
    written = {entry["reply"]: entry["text"] for entry in call["texts"] if entry["who"] == "peer"}
    turns: list[Turn] = []
    whole: list[tuple[str, Pcm]] = []
    for index, saying in enumerate(block.sayings):
        begin = spoken[index].audio_at if index < len(spoken) else inf
        until = spoken[index + 1].audio_at if index + 1 < len(spoken) else inf
        given = sorted((at, reply) for reply, at in begun.items() if begin <= at < until)
        gaps = tuple(round((at - _ends(spoken[index])) * 1000, 1) for at, _ in given)
        told = [entry for entry in call["texts"] if begin <= entry["at"] < until]
        heard, answers = ([entry["text"] for entry in told if entry["who"] == who] for who in ("caller", "peer"))
        turns.append(_turn(arm, block, saying, (heard, answers), gaps))
        whole += [(written[reply], _one(replies[reply])) for _, reply in given[-1:] if reply in written]
    sound = [piece for pieces in replies.values() for piece in pieces]
    return Called(tuple(turns), _line(spoken, call["seconds"]), _line(sound, call["seconds"]), tuple(whole))


def summary(turns: Sequence[Turn]) -> dict[str, Any]:
    """Return an arm's figures over turns of one kind."""
    gaps = [turn.gap_ms for turn in turns if turn.gap_ms is not None]
    cuts = [turn.cut_off_ms for turn in turns if turn.cut_off_ms is not None]
    words = jiwer.process_words([normalized(turn.said) for turn in turns], [normalized(turn.heard) for turn in turns])
    return {
        "turns": len(turns),
        "answered": len(gaps),
        "gap_ms": percentiles(gaps),
        "false_cut_offs": len(cuts),
        "cut_off_gap_ms": {"median": round(median(cuts)), "all": cuts} if cuts else None,
        "no_answer": sum(turn.gap_ms is None and turn.cut_off_ms is None for turn in turns),
        "split": sum(turn.parts > 1 for turn in turns),
        "cut_off_and_no_answer": sum(turn.gap_ms is None and turn.cut_off_ms is not None for turn in turns),
        "word_error_rate": round(words.wer, 4),
    }


def compared(turns: Sequence[Turn], arms: Sequence[str], against: str) -> dict[str, dict[str, Any]]:
    """Return each kind's figures by arm, with the ratio of its median to that of the arm ``against``."""
    kinds = dict.fromkeys(turn.kind for turn in turns)
    result: dict[str, dict[str, Any]] = {}
    for kind in kinds:
        figures = {}
        for arm in arms:
            own = [turn for turn in turns if (turn.kind, turn.arm) == (kind, arm)]
            if own:
                figures[arm] = summary(own)
        base = (figures.get(against) or {}).get("gap_ms")
        for entry in figures.values():
            gap = entry["gap_ms"]
            entry["ratio_of_medians"] = round(gap["p50"] / base["p50"], 2) if gap and base and base["p50"] else None
        result[kind] = figures
    return result


def as_json(turn: Turn) -> dict[str, Any]:
    """Return a turn for a result's file."""
    return {**asdict(turn), "gap_ms": turn.gap_ms, "cut_off_ms": turn.cut_off_ms}


def _turn(
    arm: str, block: Block, saying: Saying, texts: tuple[Sequence[str], Sequence[str]], gaps: tuple[float, ...]
) -> Turn:
    """Return a turn; ``texts`` are what was understood and what was answered, in pieces."""
    heard, answers = ([text.strip() for text in side if text.strip()] for side in texts)
    return Turn(
        arm=arm,
        kind=block.kind,
        block=block.number,
        name=saying.name,
        pauses=saying.pauses,
        said=saying.text,
        heard=" ".join(heard),
        answer=" ".join(answers),
        gaps_ms=gaps,
        parts=len(heard),
    )


def _replies(heard: Iterable[Mapping[str, Any]]) -> dict[int, list[Pcm]]:
    """Return the pieces of each reply, ``start`` on the call's clock."""
    replies: dict[int, list[Pcm]] = {}
    for entry in heard:
        samples = base64.b64decode(entry["samples"])
        if samples:
            pcm = Pcm(samples, entry["rate"], round(entry["at"] * entry["rate"]))
            replies.setdefault(entry["reply"], []).append(pcm)
    return replies


def _begins(pieces: Sequence[Pcm]) -> float | None:
    """Return when a reply is heard to begin, in seconds."""
    return next((first / piece.rate for piece in pieces if (first := first_audible(piece)) is not None), None)


def _ends(sound: Pcm) -> float:
    """Return when the last audible sample has been spoken, in seconds."""
    last = last_audible(sound)
    return sound.audio_end if last is None else (last + 1) / sound.rate


def _one(pieces: Sequence[Pcm]) -> Pcm:
    return Pcm(b"".join(piece.data for piece in pieces), pieces[0].rate)


def _line(pieces: Sequence[Pcm], seconds: float) -> Pcm:
    """Return one side of the call."""
    rate = pieces[0].rate if pieces else 8000
    line = bytearray(round(seconds * rate) * SAMPLE_BYTES)
    for piece in pieces:
        at = piece.start * SAMPLE_BYTES
        line[at : at + len(piece.data)] = piece.data[: max(0, len(line) - at)]
    return Pcm(bytes(line), rate)
