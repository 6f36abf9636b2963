"""Finds e-mail addresses in a chain, typed or said. Pure."""

import re
from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise

from pipeline.dialog.redact_chain import Chain, Span
from pipeline.dialog.redact_kinds import Kind
from pipeline.dialog.redact_spoken import Sort, Token

_EMPTY = frozenset((Sort.GAP, Sort.FILLER, Sort.PIECES, Sort.ZEROS, Sort.TIMES))
"""What is not written in an address."""
_ADDRESS = re.compile(
    r"(?<![a-z0-9._%+'-])(?P<local>[a-z0-9_+](?:[a-z0-9._%+'-]{0,62}[a-z0-9_+])?+)@"
    r"(?P<domain>(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?+\.)+[a-z]{2,24}+)(?![a-z0-9]|@(?:[a-z0-9-]+\.)++[a-z]{2})"
)
_NO_NAME_WORDS = (
    "i me us we you him her it them he she they is are was were be been am look looks looking find found here there "
    "available online visit visiting see seen page site sites website web store shop shopping work works working "
    "live lives back read more stay stop start out up in only just and or not that this what who listed sold info "
    "information details photos pictures prices tickets books article articles blog app apps download downloads order "
    "orders ordered buy bought shows posted published account accounts support help team people job jobs stuff things "
    "one now then today also directly hosted free sale menu again anyone someone everything docs documentation"
)
_NO_NAMES = frozenset(_NO_NAME_WORDS.split())
"""Words before "at" that name no mailbox: "look at example dot com"."""


def mails(chain: Chain) -> Iterator[Span]:
    """Yield the addresses of a chain."""
    if not any(token.value == "@" for token in chain.tokens):
        return
    pieces = _written(chain.tokens)
    ends = list(accumulate(map(len, pieces)))
    for match in _ADDRESS.finditer("".join(pieces)):
        first = next(at for at, end in enumerate(ends) if end > match.start())
        end = next(at for at, end in enumerate(ends) if end >= match.end()) + 1
        tokens = chain.tokens[first:end]
        if _is_mail(match, tokens):
            yield Span(Kind.EMAIL, first, end, match[0])


def _written(tokens: Sequence[Token]) -> list[str]:
    """Return the tokens as they are written in an address; what stands between is empty where the address goes on."""
    spelled = any(sign.value == "@" and (sign.said or after.sort is Sort.GAP) for sign, after in pairwise(tokens))
    pieces = ["" if token.sort in _EMPTY else token.value.lower() for token in tokens]
    before: Token | None = None
    gap: int | None = None
    comma = False
    for at, token in enumerate(tokens):
        if token.sort in _EMPTY:
            gap = at
            comma |= token.text in ",，"
            continue
        if gap is not None and before is not None and not _joins(before, token, spelled=spelled, comma=comma):
            pieces[gap] = " "
        before, gap, comma = token, None, False
    return pieces


def _joins(before: Token, after: Token, *, spelled: bool, comma: bool) -> bool:
    """Return whether an address goes on over a space, or over a comma between what is spelled."""
    if any(token.value == "@" or (token.sort is Sort.MARK and token.said) for token in (before, after)):
        return True
    if after.sort is Sort.MARK:
        return spelled
    letter = before.sort is Sort.LETTERS and len(before.text) == 1
    then_letter = after.sort is Sort.LETTERS and len(after.text) == 1
    if before.sort is Sort.WORD:
        return spelled and after.sort is Sort.VALUE and not comma
    if before.sort is Sort.VALUE and after.sort is Sort.WORD:
        return spelled and before.said
    return spelled and (letter or before.sort is Sort.VALUE) and (then_letter or after.sort is Sort.VALUE)


def _is_mail(match: re.Match[str], tokens: Sequence[Token]) -> bool:
    """Return whether an address is one, and not a word before "at" and the name of a site."""
    sign = next(token for token in tokens if token.value == "@")
    local = match["local"]
    if not sign.said or not local.isalpha() or tokens[1].sort is not Sort.GAP or tokens[0].sort is Sort.LETTERS:
        return True
    return local not in _NO_NAMES
