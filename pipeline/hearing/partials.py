"""Agreement: which words of a growing transcript are settled. Pure.

Source: LocalAgreement-2 of Machacek et al. 2023, "Turning Whisper into Real-Time Transcription System".
"""

import re

_WORD = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u3040-\u30ff\u3400-\u9fff][^\w\s]*"
    r"|[^\s\u0e00-\u0eff\u1000-\u109f\u3040-\u30ff\u3400-\u9fff]+"
)
"""A word with the marks behind it; in scripts without spaces every sign is one."""
_MARKS = re.compile(r"\W+")


class Agreement:
    """Shows the words on which two transcripts in a row agree. A shown word changes only when two agree on another."""

    def __init__(self) -> None:
        """Begin with nothing said."""
        self._latest: list[str] = []
        self._shown: list[str] = []
        self.text = ""
        """The settled words so far, as the newest transcript spells them, without marks at the end."""
        self.stability = 0.0
        """Share of the newest transcript that is settled, 0 to 1."""

    def feed(self, transcript: str) -> bool:
        """Take the newest transcript of the whole utterance; return whether the settled text has changed."""
        found = [match.group() for match in _WORD.finditer(transcript)]
        keys = [_key(word) for word in found]
        agreed = _common(self._latest, keys)
        self._latest = keys
        # Where two agree on less than is shown, what is shown stays: the next transcript may be right again.
        if agreed >= len(self._shown) or keys[:agreed] != self._shown[:agreed]:
            self._shown = keys[:agreed]
            text = _joined(transcript, found[:agreed])
        else:
            text = self.text
        changed, self.text = text != self.text, text
        self.stability = min(1.0, len(self._shown) / len(found)) if found else 0.0
        return changed


def _key(word: str) -> str:
    """Return what makes two spellings the same word."""
    return _MARKS.sub("", word).lower()


def _common(before: list[str], after: list[str]) -> int:
    for place, (one, other) in enumerate(zip(before, after, strict=False)):
        if one != other:
            return place
    return min(len(before), len(after))


def _joined(transcript: str, words: list[str]) -> str:
    """Return the beginning of ``transcript`` up to the last of ``words``, without the marks behind it."""
    end = 0
    for word in words:
        end = transcript.index(word, end) + len(word)
    return transcript[:end].strip().rstrip(".,;:!?…-–—。，、！？；：")
