"""Is what a peer's telephone heard the reply? A recognizer reads it back."""

from collections.abc import Mapping, Sequence
from typing import Any

import jiwer

from benchmarks.spelling import normalized
from benchmarks.wer import at_16_khz
from pipeline.core.pcm import Pcm
from pipeline.hearing.whisper import Whisper
from pipeline.models.store import Store
from pipeline.settings import Recognition

MODEL = "whisper-tiny.en"


async def read_back(store: Store, replies: Mapping[str, Sequence[tuple[str, Pcm]]]) -> dict[str, Any]:
    """Return for each arm what was written and what a recognizer hears, and its word error rate. Raises ModelError."""
    whisper = Whisper.load(store.path(MODEL), Recognition())
    await whisper.warm()
    found: dict[str, Any] = {}
    for arm, pairs in replies.items():
        read = [
            {"written": text, "heard": (await whisper.transcribe(at_16_khz(sound), "en")).text} for text, sound in pairs
        ]
        if read:
            written, heard = ([normalized(pair[side]) for pair in read] for side in ("written", "heard"))
            words = jiwer.process_words(written, heard)
            found[arm] = {"replies": len(read), "word_error_rate": round(words.wer, 4), "read": read}
    return found
