"""Writes numbers and codes that were said word by word, or figure by figure, in one piece. Pure."""

from collections.abc import Sequence

from pipeline.dialog.redact_chain import Chain, Chains
from pipeline.dialog.redact_groups import Group, groups


def joined(text: str, *, letters: bool) -> str:
    """Return ``text`` with "four eight two", 四八二 and "4 8 2" as 482; with ``letters`` "A B 4" becomes AB4 too."""
    chains = Chains(lambda _: [])
    pieces = [piece for character in text for piece in chains.step(character)] + chains.flush()
    return "".join(piece if isinstance(piece, str) else _written(piece.chain, letters) for piece in pieces)


def _written(chain: Chain, letters: bool) -> str:
    written, rest = "", 0
    for run in groups(chain.tokens, set()):
        for together in _parts(run, letters):
            written += "".join(token.text for token in chain.tokens[rest : together[0].first])
            if len(together) > 1 or together[0].digits:
                written += "".join(group.value for group in together)
                rest = together[-1].end
            else:
                rest = together[0].first
    return written + "".join(token.text for token in chain.tokens[rest:])


def _parts(run: Sequence[Group], letters: bool) -> list[list[Group]]:
    """Return the groups of a run that are one number or code."""
    parts: list[list[Group]] = []
    for group in run:
        touches = bool(parts) and parts[-1][-1].end == group.first
        same = bool(parts) and group.digits == parts[-1][-1].digits
        if touches or (parts and (letters or (same and group.digits))):
            parts[-1].append(group)
        else:
            parts.append([group])
    return parts
