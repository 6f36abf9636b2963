"""Sanitizer: what a model writes in, what a voice can say out, while it is being written.

Two layers, each fed one character at a time, so that no cut of the input can show: ``_Tags`` takes out what stands in
brackets (think-blocks, template tokens, tags, link targets), ``_Lines`` takes out the marks of lines and words.
"""

import re
import unicodedata
from enum import Enum, auto

_TAG = re.compile(r"</?[A-Za-z][\w-]*(?:\s[^<>\n]*)?/?>|<[|｜][^<>\n]*>")
_TAG_BEGUN = re.compile(r"<(?:/?(?:[A-Za-z][\w-]*(?:\s[^<>\n]*)?/?)?|[|｜][^<>\n]*)")
_LITERALS = ("[INST]", "[/INST]", "<<SYS>>", "<</SYS>>")
_LONGEST_TAG = 64
"""Characters held back at most: a longer stretch behind ``<`` is text."""
_THOUGHT = re.compile(r"<(think|thinking|reasoning)>", re.IGNORECASE)
_TURN_OVER = re.compile(r"<[|｜](?:im_end|eot_id|end|endoftext|end▁of▁sentence)[|｜]>|</s>")
_BREAKING = re.compile(r"<[|｜].*|</?(?:br|p|li|ul|ol|div|tr|h[1-6])\b.*", re.IGNORECASE)
"""Tags that end a line. Template tokens are among them because the name of a role follows them."""

_LINE_MARKS = frozenset(" \t#>*+-•·–—|`_=~:")
_BULLET = re.compile(r"[\s>]*[-+*•·–—]\s+[*_`]*\Z")
_LONGEST_LINE_MARK = 16
_OWN_ROLES = ("assistant", "agent", "ai", "bot", "system")
_CALLER_ROLES = ("user", "human", "caller", "customer")
_SEPARATORS = frozenset("|•")
_MARKUP = frozenset("*`~\\")
_ENDERS = frozenset(".!?…。！？؟।,;:，；：、")
_TIGHT = frozenset(",.!?;:…")
_SPEAKABLE_SYMBOLS = frozenset("°№℃℉")
"""Characters of the category of emoji that a voice can say."""


class Sanitizer:
    """Cleans one reply. Every cut of the same input gives the same text; at most 64 characters are held back.

    Taken out: think-blocks, template tokens, tags, markdown, emoji. A line without punctuation at its end ends a
    sentence where a new item or paragraph follows, otherwise its break is a space. When the model goes on to write the
    caller's part, the reply is over.
    """

    def __init__(self) -> None:
        self._tags = _Tags()
        self._lines = _Lines()

    @property
    def over(self) -> bool:
        """Return whether the reply is over although the model writes on: nothing more will come out of it."""
        return self._tags.over or self._lines.over

    def feed(self, delta: str) -> str:
        """Return the clean text that ``delta`` completes, to be appended; it never ends in a space."""
        return self._clean(self._tags.feed(delta))

    def flush(self) -> str:
        """Return what was held back; the reply is over."""
        return self._clean(self._tags.flush() + "\n")

    def _clean(self, text: str) -> str:
        return "".join(map(self._lines.step, text))


class _Tags:
    """Takes out tags, all of a think-block, and the targets of links."""

    def __init__(self) -> None:
        self._held = ""
        self._thought_ends = ""
        self._in_target = False
        self._after_link = False
        self.over = False

    def feed(self, text: str) -> str:
        return "".join(map(self._step, text))

    def flush(self) -> str:
        rest = ""
        while self._held and not self._thought_ends:
            held, self._held = self._held, ""
            rest += "".join(map(self._step, held[1:]))
        return rest

    def _step(self, character: str) -> str:
        if self.over:
            return ""
        if self._thought_ends:
            self._held = (self._held + character)[-len(self._thought_ends) :]
            if self._held.lower() == self._thought_ends:
                self._held = self._thought_ends = ""
            return ""
        if self._in_target:
            self._in_target = character not in ")\n"
            return "\n" if character == "\n" else ""
        if self._after_link and character == "(":
            self._after_link, self._in_target = False, True
            return ""
        self._after_link = character == "]" and not self._held
        return self._outside(character)

    def _outside(self, character: str) -> str:
        held = self._held = self._held + character
        if held[0] not in "<[":
            self._held = ""
            return "" if held == "]" else held
        if held in _LITERALS or _TAG.fullmatch(held):
            return self._take_out(held)
        if any(literal.startswith(held) for literal in _LITERALS):
            return ""
        if _TAG_BEGUN.fullmatch(held) and len(held) < _LONGEST_TAG:
            return ""
        # No tag after all: the bracket goes unless it may mean "less than", and what follows it is looked at again.
        self._held = ""
        kept = "<" if held[0] == "<" and (held[1].isspace() or held[1].isdigit()) else ""
        return kept + "".join(map(self._step, held[1:]))

    def _take_out(self, tag: str) -> str:
        self._held = ""
        thought = _THOUGHT.fullmatch(tag)
        if thought:
            self._thought_ends = f"</{thought[1].lower()}>"
        self.over = _TURN_OVER.fullmatch(tag) is not None
        return "\n" if _BREAKING.fullmatch(tag) or tag in _LITERALS else ""


class _Place(Enum):
    MARKS = auto()
    """At the start of a line, among the marks of headings, bullets and quotes."""
    ROLE = auto()
    """In the first word of a line, which may name a speaker."""
    TEXT = auto()
    LANGUAGE = auto()
    """Behind the opening marks of a code block."""


class _Lines:
    """Takes out the marks of headings, bullets, tables, code and emphasis, names of speakers, and emoji."""

    def __init__(self) -> None:
        self._place = _Place.MARKS
        self._held = ""
        self.over = False
        self._in_code = False
        self._in_item = False
        self._after_item = False
        self._breaks = 0
        self._before = ""
        """The last character that was passed on; closing quotes do not count."""
        self._spaced = self._separated = self._dropped = False
        self._underscores = ""

    def step(self, character: str) -> str:
        """Return what can be said now that ``character`` has arrived."""
        if self.over or (self._place is _Place.LANGUAGE and character != "\n"):
            return ""
        if character == "\n":
            return self._end_line()
        if self._place is _Place.MARKS:
            if character in _LINE_MARKS:
                self._held = (self._held + character)[-_LONGEST_LINE_MARK:]
                return ""
            return self._begin_line(character)
        return self._in_role(character) if self._place is _Place.ROLE else self._in_text(character)

    def _end_line(self) -> str:
        rest = ""
        if self._place is _Place.ROLE:
            rest = self._named(self._held.lower().rstrip(" *_"), self._held)
        elif self._place is _Place.MARKS and "```" in self._held:
            self._in_code = not self._in_code
        self._after_item = self._in_item
        self._place, self._held = _Place.MARKS, ""
        self._breaks += 1
        self._separated, self._underscores = False, ""
        return rest

    def _begin_line(self, character: str) -> str:
        marks, self._held = self._held, ""
        if "```" in marks:
            self._in_code = not self._in_code
            if self._in_code:
                self._place = _Place.LANGUAGE
                return ""
        self._in_item = "#" in marks or "|" in marks or _BULLET.fullmatch(marks) is not None or character.isdigit()
        self._place = _Place.ROLE
        sign = marks[-1:] if character.isdigit() and marks[-1:] in ("-", "#") else ""
        return (self._say(sign) if sign else "") + self._in_role(character)

    def _in_role(self, character: str) -> str:
        held = self._held = self._held + character
        word = held.lower().rstrip(" *_")
        roles = _OWN_ROLES + _CALLER_ROLES
        if character == ":":
            return self._named(held[:-1].lower().rstrip(" *_"), held)
        if len(held) < _LONGEST_LINE_MARK and (
            word in roles or (word == held.lower() and any(role.startswith(word) for role in roles))
        ):
            return ""
        return self._named("", held)

    def _named(self, role: str, text: str) -> str:
        """Leave the first word of a line: drop it when it names a speaker, pass it on when it does not."""
        self._place, self._held = _Place.TEXT, ""
        self.over = role in _CALLER_ROLES
        return "" if role in _OWN_ROLES + _CALLER_ROLES else "".join(map(self._in_text, text))

    def _in_text(self, character: str) -> str:
        if character == "_":
            self._underscores += character
        elif character in _MARKUP or (character == "\u200d" and self._dropped):
            self._dropped = True
        elif character in _SEPARATORS:
            self._separated = True
        elif character.isspace() or unicodedata.category(character) == "Cc":
            self._spaced = True
        elif _is_unspeakable(character):
            self._spaced = self._dropped = True
        else:
            return self._say(character)
        return ""

    def _say(self, character: str) -> str:
        """Pass a character on, behind the space or mark that must stand between it and the last one."""
        between = self._between(character) if self._before else ""
        if self._underscores and not between and self._before.isalnum() and character.isalnum():
            between = self._underscores[:2]
        if unicodedata.category(character) not in ("Pf", "Pe") and character != '"':
            self._before = character
        self._breaks = 0
        self._spaced = self._separated = self._dropped = False
        self._underscores = ""
        return between + character

    def _between(self, character: str) -> str:
        ended = self._before in _ENDERS
        if self._breaks:
            new = self._breaks > 1 or self._in_item or self._after_item
            return ("。" if "\u3040" <= self._before <= "\u9fff" else ". ") if new and not ended else " "
        if self._separated:
            return " " if ended else ", "
        return " " if self._spaced and not (self._dropped and character in _TIGHT) else ""


def _is_unspeakable(character: str) -> bool:
    """Return whether ``character`` is an emoji, a part of one, or no character at all."""
    if character in _SPEAKABLE_SYMBOLS:
        return False
    pictograph = "\U0001f000" <= character <= "\U0001faff" or "\U000e0020" <= character <= "\U000e007f"
    return (
        pictograph or character in "\ufe0e\ufe0f\u20e3\u200b\ufeff" or unicodedata.category(character) in ("So", "Cs")
    )
