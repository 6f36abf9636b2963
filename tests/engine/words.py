"""How much of what was said was understood."""

import re
from collections.abc import Iterable

import jiwer


def word_errors(said: Iterable[str], understood: Iterable[str]) -> float:
    """Return the word error rate, 0 for none; case, punctuation and hyphens do not count."""
    rate: float = jiwer.wer([plain(text) for text in said], [plain(text) for text in understood])
    return rate


def plain(text: str) -> str:
    return " ".join(re.sub(r"[^a-z0-9' ]", " ", text.lower()).split())
