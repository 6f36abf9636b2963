"""Terms: what of a text is indexed and looked up. Index and question go through the same function. Pure.

Scripts with spaces give words, folded (case, width, accents) and, in the letters a-z, stemmed. Scripts without them
(Chinese, Japanese, Thai; Korean too, whose endings stick to the word) give each character and each pair of neighbours.
"""

import re
import unicodedata
from collections.abc import Iterator

from pipeline.dialog.knowledge.porter import stem

DENSE = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005\u3007\u3041-\u3096\u30a1-\u30fa\u30fc\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff"
    "\U00020000-\U0003ffff"
)
"""Characters, as in a class of a regular expression, of scripts that are cut into pairs."""
LONGEST_WORD = 64
"""Characters of a word that count; a longer one is an address or garbage."""

_LETTER = rf"(?:[^\W_{DENSE}]|[\u0900-\u0963\u0966-\u0dff])"
"""A letter or digit; the vowel signs of Indic scripts are no letters to the regular expressions."""
_PIECES = re.compile(rf"(?P<dense>[{DENSE}]+)|(?P<word>{_LETTER}+(?:['’]{_LETTER}+)*)")
_ENGLISH = re.compile(r"[a-z]+")
_NEGATED = re.compile(r"n['’]t\b|(?<=\bcan)not\b")
_POINTS = re.compile("[\u0300-\u036f\u0591-\u05c7\u064b-\u0652\u0670]")
"""Accents of alphabets, and the points of Hebrew and Arabic; the marks of other scripts are vowels and stay."""
_ELISION = re.compile(r"^(?:[cdjlmnst]|qu)['’](?=..)")
_SHORT = re.compile(r"['’](?:s|re|ve|ll|d|m)$")


def _words(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


_ASIDE = _words(
    """a an the this that these those there here i me my we us our you your he she it its they them their is am are be
    been being was were do does did have has had can could will would shall should may might must of to in on at by for
    with from about and or but if so as just also please thanks thank hello hi hey okay ok yes well um uh er ah oh like
    want know tell say let get got some any ca wo"""
)
_ASKING = _words("what when where which who whom whose why how")
_NEGATIONS = _words("not no nor never without")
_ASIDE_DENSE = frozenset("的了吗呢吧啊呀哦嗯是我你您他她它们这那个就都也很和与或请在有着么嘛要会能想还")
_ASKING_DENSE = frozenset("几何怎哪谁什多少")
_NEGATIONS_DENSE = re.compile("[不没無无未]")
_BOTH_WAYS = re.compile(r"(.)[不没]\1")
"""Is it or is it not: a question in Chinese, and no negation."""
_PHRASES_DENSE = re.compile("请问|你好|您好|麻烦|谢谢|一下|你们|我们|您们|咱们|我想(?:问|知道)?|想问|告诉我|可以")
"""Politeness and persons, taken out before pairs are made of their neighbours."""

_ALSO = (
    (re.compile(r"\b(?:how much|costs?|prices?|expensive|cheap\w*|charge|fee)\b"), ("price", "cost")),
    (re.compile(r"\b(?:where|address|directions)\b"), ("address", "street")),
    (re.compile(r"\b(?:what time|when|hours?)\b"), ("open", "close")),
    (re.compile("多少钱|价格|价钱|怎么卖|贵|便宜|费用|收费"), ("元", "费")),
    (re.compile("在哪|地址|怎么走"), ("地址", "路")),
    (re.compile("几点|什么时候|时间"), ("点", "上午", "下午")),
)
"""What a document says to questions of this kind, where it does not repeat their words."""


def terms(text: str) -> list[str]:
    """Return all terms of a text in their order, with repetitions: what is indexed."""
    return list(_terms(_folded(text)))


def asked(text: str) -> list[str]:
    """Return the terms of a question that are worth looking up, each once, in their order."""
    folded = _folded(text)
    found = dict.fromkeys(term for term in _terms(_PHRASES_DENSE.sub(" ", folded)) if not _is_idle(term))
    for pattern, other in _ALSO:
        if pattern.search(folded):
            found.update(dict.fromkeys(map(stem, other)))
    return list(found)


def meant(text: str) -> frozenset[str]:
    """Return the terms that make a question what it is: asking words and negations count, politeness does not."""
    found = frozenset(_terms(_PHRASES_DENSE.sub(" ", _folded(text))))
    return (
        frozenset(term for term in found if term not in _STEMMED_ASIDE and not _ASIDE_DENSE.issuperset(term)) or found
    )


def turned(text: str) -> frozenset[str]:
    """Return the words of a question that turn it into another one: what it asks for, and negations."""
    folded = _BOTH_WAYS.sub(r"\1", _folded(text))
    found = frozenset(match[0] for match in _PIECES.finditer(folded))
    return found & (_ASKING | _NEGATIONS) | frozenset(_NEGATIONS_DENSE.findall(folded))


def normalized(text: str) -> str:
    """Return the text folded, with its terms' order but without punctuation: equal for what sounds equal."""
    return " ".join(match[0] for match in _PIECES.finditer(_folded(text)))


def words(text: str) -> float:
    """Return how long a text is in words; two characters of a script without spaces count as one."""
    pieces = list(_PIECES.finditer(text))
    dense = sum(len(match[0]) for match in pieces if match["dense"])
    return len(pieces) - sum(1 for match in pieces if match["dense"]) + dense / 2


def language_of(text: str, otherwise: str) -> str:
    """Return the language that the script of a text shows, and ``otherwise`` where it shows none."""
    dense = "".join(match[0] for match in _PIECES.finditer(text) if match["dense"])
    if words(text) == 0 or len(dense) / 2 < words(text) / 3:
        return otherwise
    if re.search("[\uac00-\ud7a3]", dense):
        return "ko"
    if re.search("[\u3041-\u3096\u30a1-\u30fa]", dense):
        return "ja"
    return "zh" if re.search("[\u3400-\u9fff]", dense) else otherwise


def _folded(text: str) -> str:
    """Return the text in lower case, without the difference of widths and without the accents of letters."""
    spread = unicodedata.normalize("NFKD", _NEGATED.sub(" not", text.casefold()))
    return unicodedata.normalize("NFKC", _POINTS.sub("", spread)).casefold()


def _terms(folded: str) -> Iterator[str]:
    for match in _PIECES.finditer(folded):
        if match["word"]:
            word = _ELISION.sub("", _SHORT.sub("", match["word"])).replace("'", "").replace("’", "")[:LONGEST_WORD]
            if word:
                yield stem(word) if _ENGLISH.fullmatch(word) else word
            continue
        run = match["dense"]
        yield from run
        yield from (run[place : place + 2] for place in range(len(run) - 1))


def _is_idle(term: str) -> bool:
    """Return whether nothing is found by a term: it stands in every text."""
    idle = _ASIDE_DENSE | _ASKING_DENSE
    return term in _STEMMED or idle.issuperset(term)


_STEMMED = frozenset(map(stem, _ASIDE | _ASKING | _NEGATIONS)) | _ASIDE | _ASKING | _NEGATIONS
_STEMMED_ASIDE = frozenset(map(stem, _ASIDE)) | _ASIDE
