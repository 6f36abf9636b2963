"""Hygiene: is a recognition to be believed? Whisper writes fluent text for silence, noise and tones as well."""

import re
import zlib

from pipeline.core.stages import Recognition

NO_SPEECH = 0.5
"""No-speech probability from which words need a better score than it. tiny.en and base gave real words, single digits
over a telephone included, at most 0.35, and silence, noise and tones at least 0.55."""
SCORE = 0.12
"""Mean token probability below which text is a guess; the worst rightly heard single word had 0.16."""
COMPRESSION = 2.4
"""Text that zlib shrinks further than this repeats itself. Source: Radford et al. 2022, section 4.5."""
WORDS_PER_SECOND = 6.0
"""Faster than anybody speaks; two words are always allowed."""
PHANTOM_NO_SPEECH = 0.3
WORD_SECONDS = 0.5
"""A slow speaker's time for a word."""
SLACK = 2.0
"""Seconds of pre-roll, pause and hesitation around a phrase."""

PHANTOMS = frozenset(
    {
        "bye",
        "bye bye",
        "oh",
        "please subscribe",
        "so",
        "subtitles by the amara org community",
        "thank you",
        "thank you for watching",
        "thank you so much",
        "thank you so much for watching",
        "thank you very much",
        "thanks for watching",
        "the",
        "the end",
        "you",
    }
)
"""What Whisper's training on subtitled videos makes it write for nothing."""

_WORD = re.compile(r"\w+(?:'\w+)*")
_SPACELESS = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u3040-\u30ff\u3400-\u9fff]")
"""Scripts that put no spaces between words: two signs count as a word."""


def disbelief(heard: Recognition, duration: float) -> str | None:
    """Return why ``heard`` cannot be what was said in ``duration`` seconds of sound, or None to believe it.

    The reasons are ``no-words``, ``no-speech``, ``low-score``, ``loop``, ``too-fast`` and ``phantom``.
    """
    words = _WORD.findall(heard.text.lower())
    count = max(len(words), len(_SPACELESS.findall(heard.text)) // 2)
    if not words:
        return "no-words"
    if heard.no_speech > max(NO_SPEECH, heard.confidence):
        return "no-speech"
    if heard.confidence < SCORE:
        return "low-score"
    if compression(heard.text) > COMPRESSION:
        return "loop"
    if count > 2 + WORDS_PER_SECOND * duration:
        return "too-fast"
    phantom = " ".join(words) in PHANTOMS
    if phantom and (heard.no_speech > PHANTOM_NO_SPEECH or duration > SLACK + WORD_SECONDS * count):
        return "phantom"
    return None


def compression(text: str) -> float:
    """Return how many times smaller zlib makes ``text``; 0 for none. Short texts grow and stay below 1."""
    raw = text.encode()
    return len(raw) / len(zlib.compress(raw))
