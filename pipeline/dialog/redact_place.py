"""What can go on with a chain: the grammar of numbers and addresses, written or said."""

from pipeline.dialog.redact_kinds import IBAN_LENGTHS
from pipeline.dialog.redact_spoken import TAIL_WORDS, THINGS, Sort, Token, plain

_WIDEST_GAP = 8
"""Characters without meaning between two groups."""
_WIDEST_SAID_GAP = 24
"""The same with fillers among them."""
_MOST_BEFORE_NAME = 4
"""Words for digits that a name of an address may follow: "one two smith at"."""
_ENOUGH_FOR_TAIL = 9
"""Digits of a number behind which words are held back that may tell what it is."""
_SPELLED = frozenset("BCDEFGHJKLMNPQRSTUVWXYZ")
"""Letters that are no words, so that one with a comma is probably spelled."""
_COUNTED = frozenset((Sort.VALUE, Sort.TIMES, Sort.ZEROS, Sort.PIECES, Sort.LETTERS))


class Place:
    """Where a chain stands: tells what can go on with it."""

    __slots__ = (
        "_about_mail",
        "_digits",
        "_gap",
        "_glued",
        "_han",
        "_invites",
        "_last",
        "_letters",
        "_marked",
        "_said",
        "_values",
        "begun",
        "counts",
    )

    def __init__(self, before: str = "") -> None:
        lower = before.lower()
        self._about_mail = "mail" in lower or "address" in lower or "邮" in lower
        """Whether an address may be said, so that a comma behind a word does not end it."""
        self.begun = False
        self.counts = False
        """Whether the chain has digits."""
        self._last: Sort | None = None
        """Of the last token with a meaning; that of a mark where an address goes on."""
        self._gap = 0
        """Characters since then."""
        self._said = False
        """Whether words are among them."""
        self._glued = False
        """Whether no space or comma came since."""
        self._han = False
        """Whether the last token was Chinese, behind which no space is to be expected."""
        self._invites = False
        """Whether the last token was ``@`` or a word for a mark: a word may follow, behind spaces too."""
        self._letters: list[str] = []
        """Since the last word."""
        self._marked = False
        """Whether there was a mark of an address."""
        self._values = 0
        """Words for digits so far."""
        self._digits = 0

    def fitted(self, token: Token) -> Token | None:
        """Return the token as what it can be here; None when the chain does not go on with it."""
        if not self.begun:
            return _beginning(token)
        if token.sort is Sort.VALUE or token.sort is Sort.TIMES:
            return token
        if self._last is None and token.sort is not Sort.GAP:
            return token if token.sort is Sort.MARK and token.value == "+" else None
        if token.text.isalpha():
            return self._fitted_word(token)
        allowed = (token.sort is Sort.GAP and self._allows_gap(token)) or (
            token.sort is Sort.MARK and self._allows_sign(token)
        )
        return token if allowed else None

    def _fitted_word(self, token: Token) -> Token | None:
        if token.sort is Sort.OTHER:
            return None
        if token.sort is Sort.PIECES:
            return token if self._last is Sort.VALUE and self._glued else None
        if token.sort is Sort.NOUN:
            return token if self._digits >= _ENOUGH_FOR_TAIL and self._last is Sort.VALUE else None
        if self._digits >= _ENOUGH_FOR_TAIL and self._gap and (tail := self._tail(token)):
            return tail
        if token.sort is Sort.LETTERS:
            return token if self._allows_letters(token) else None
        if token.sort is not Sort.WORD and self._is_meant(token):
            return token
        named = 2 <= self._values <= _MOST_BEFORE_NAME and self._gap == 1 and self._last is Sort.VALUE
        return _as_word(token) if self._glued or self._invites or named else None

    def _tail(self, token: Token) -> Token | None:
        """Return a word as one that may tell what the number before it was."""
        word = _as_word(token).value
        if word in TAIL_WORDS and self._last in (Sort.VALUE, Sort.TAIL):
            return Token(Sort.TAIL, token.text, word)
        if word in THINGS and self._last is Sort.VALUE:
            return Token(Sort.NOUN, token.text, word)
        return Token(Sort.NOUN, token.text, word) if self._last is Sort.TAIL and token.sort is Sort.WORD else None

    def _is_number(self) -> bool:
        """Return whether groups of digits may go on."""
        return self._last in _COUNTED if self.counts else self._is_code()

    def _is_code(self) -> bool:
        """Return whether the chain is no more than the country of an account or two spelled letters so far."""
        if self._last is not Sort.LETTERS or not self._letters:
            return False
        return self._letters[-1] in IBAN_LENGTHS or list(map(len, self._letters[-2:])) == [1, 1]

    def _allows_gap(self, token: Token) -> bool:
        if self._last is None:
            return self._gap < 2 and token.text in " ("
        if self._is_number():
            return self._gap < (_WIDEST_SAID_GAP if self._said else _WIDEST_GAP)
        if token.text in "，。、；" and self._last is Sort.LETTERS and len(self._letters[-1]) == 2:
            return self._gap == 0
        if token.text == "," and self._last is Sort.LETTERS and self._letters[-1] in _SPELLED:
            return self._gap == 0
        if token.text in ",，" and self._goes_on_behind_comma():
            return self._gap < 2
        return token.text == " " and self._gap < 3 and (self._last is not Sort.MARK or self._invites)

    def _goes_on_behind_comma(self) -> bool:
        if self._last is Sort.WORD:
            return self._marked or self._about_mail
        return self._invites

    def _allows_sign(self, token: Token) -> bool:
        if token.value == "@":
            return self._last is not Sort.MARK
        if self._is_number():
            return self._gap < _WIDEST_GAP
        return self._glued and self._last is not Sort.MARK

    def _allows_letters(self, token: Token) -> bool:
        if self._glued or self._invites or self._is_number():
            return True
        return len(token.text) == 1 and not self.counts

    def _is_meant(self, token: Token) -> bool:
        """Return whether a word that means something in numbers and addresses does so here."""
        apart = self._han or not self._glued or not token.text.isascii()
        if token.sort is Sort.ZEROS:
            return self._last is Sort.VALUE
        if token.sort is Sort.FILLER:
            return self._is_number() and apart and self._gap < _WIDEST_SAID_GAP
        return self._last is not Sort.MARK and apart and self._gap < _WIDEST_SAID_GAP

    def take(self, token: Token) -> None:
        """Move on behind ``token``."""
        sort = token.sort
        self.begun = True
        self._han = not token.text.isascii()
        meant = sort is Sort.MARK and (token.value == "@" or not self._is_number())
        if sort is Sort.GAP or sort is Sort.FILLER or (sort is Sort.MARK and not meant):
            self._gap += len(token.text)
            self._said |= token.said
            self._glued = sort is Sort.MARK and not token.said
            self._invites = (token.said and sort is Sort.MARK) or (self._invites and sort is Sort.GAP)
            return
        if self._last is None and sort is Sort.MARK:
            self._gap += 1
            return
        self._marked |= sort is Sort.MARK
        if sort is Sort.LETTERS:
            self._letters.append(token.value)
        elif sort is Sort.WORD:
            self._letters = []
        if sort is Sort.VALUE:
            self._values += token.said
            self._digits += len(token.value)
        self.counts |= sort is Sort.VALUE
        self._last, self._gap, self._said = sort, 0, False
        self._glued = not (sort is Sort.MARK and token.said)
        self._invites = sort is Sort.MARK and (token.said or token.value == "@")


def _beginning(token: Token) -> Token | None:
    if token.text == "AT":
        return Token(Sort.LETTERS, token.text, token.text)
    if token.sort in (Sort.VALUE, Sort.TIMES, Sort.LETTERS, Sort.WORD) or token.value == "+" or token.text == "(":
        return token
    return _as_word(token) if token.said and token.text.isascii() else None


def _as_word(token: Token) -> Token:
    return Token(Sort.WORD, token.text, "".join(map(plain, token.text)).lower())
