"""Redaction: takes personal data out of a text while it is being written, or said.

Telephones, bank cards, e-mail addresses, IBANs, Chinese identity cards and passports, typed or in words, in English and
Chinese. Every cut of the same input gives the same text, and nothing of a number or an address leaves before it is
decided what it is. Other text waits for the end of its word, and for two letters of the next: that one may be "at".

Not held back for, since every sentence would wait: the words before the last one of a name ("john doe at gmail dot com"
leaves "john"), and a single word before ", at" where no mail was spoken of. What follows a number tells what it is in
English only ("is my order").

What is taken for what:

- A telephone can be dialled (libphonenumber): with a country code, in the caller's region, in China or the US, and in
  Britain behind its 0. Seven digits and more count, valid or not, behind words such as "phone number is".
- A card has an issuer's prefix and length and Luhn's check digit, an IBAN its country's length and 1 modulo 97, an
  identity card a province, a day of birth and its check digit; of an identity card a wrong check digit counts too.
  Behind "card number" or 身份证 the number of digits is enough.
- Behind "order number", "tracking", 订单 and the like, and before "is my order" or what is counted ("bytes", 件),
  digits are no telephone and no card. IBANs and identity cards are still found there: their checks do not come true by
  chance.
- Digits at letters without a space ("SF1234567890123"), days, thousands, prices, network addresses and digits divided
  by a colon are no telephone and no card. Nothing is found inside digits that are written in one piece.
- "smith at example dot com" is an address, "look at example dot com" is not: a list holds words before "at" that are
  no names. An ``@``, a dot, an underscore or a digit in the name leaves no doubt.
- A passport is one or two letters with digits behind a word for passports; it passes unless the policy says otherwise.
"""

import hmac
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from types import MappingProxyType

from pipeline.dialog.redact_chain import LONGEST_HELD, Chain, Chains, Decided, Piece, Span
from pipeline.dialog.redact_find import find
from pipeline.dialog.redact_kinds import Finding, Kind, Treatment, dialled

__all__ = [
    "LONGEST_HELD",
    "MASKS",
    "POLICY",
    "Finding",
    "Kind",
    "Pseudonyms",
    "Redactor",
    "Treatment",
    "findings",
    "masked",
    "redacted",
    "restored",
    "values",
]

POLICY: Mapping[Kind, Treatment] = MappingProxyType(
    {kind: Treatment.PASS if kind is Kind.PASSPORT else Treatment.MASK for kind in Kind}
)
"""What becomes of each kind unless someone says otherwise."""

MASKS: Mapping[str, Mapping[Kind, tuple[str, str]]] = MappingProxyType(
    {
        "en": {
            Kind.PHONE: ("[phone number]", "a phone number"),
            Kind.CARD: ("[card number]", "a card number"),
            Kind.EMAIL: ("[email address]", "an email address"),
            Kind.IBAN: ("[bank account]", "a bank account"),
            Kind.CN_ID: ("[ID number]", "an ID number"),
            Kind.PASSPORT: ("[passport number]", "a passport number"),
        },
        "zh": {
            Kind.PHONE: ("[电话号码]", "一个电话号码"),
            Kind.CARD: ("[银行卡号]", "一个银行卡号"),
            Kind.EMAIL: ("[邮箱地址]", "一个邮箱地址"),
            Kind.IBAN: ("[银行账户]", "一个银行账户"),
            Kind.CN_ID: ("[身份证号]", "一个身份证号"),
            Kind.PASSPORT: ("[护照号]", "一个护照号"),
        },
    }
)
"""What stands for each kind, by language: in a text, and for a voice."""


_NAME = re.compile(rf"⟨({'|'.join(Kind)}):[a-p]{{16}}⟩")


class Pseudonyms:
    """Names for values, the same for the same key and value.

    A name is a keyed hash (HMAC-SHA256, 64 bits in letters), so that it cannot be found by trying all numbers without
    the key. With it, it can: there are not many telephone numbers.
    """

    def __init__(self, key: bytes, *, restorable: bool = False) -> None:
        """Name by this key; what is not ``restorable`` is not remembered."""
        if not key:
            raise ValueError("pseudonyms need a key")
        self._key = key
        self._restorable = restorable
        # The event loop and the thread that writes records put in and look up, and nobody walks through it.
        self._originals: dict[str, str] = {}

    def name(self, kind: Kind, value: str, original: str) -> str:
        """Return the name of ``value``; if it is restorable, remember what was written for it first."""
        digest = hmac.digest(self._key, f"{kind} {value}".encode(), "sha256")[:8]
        letters = "".join(chr(ord("a") + half) for byte in digest for half in divmod(byte, 16))
        name = f"⟨{kind}:{letters}⟩"
        if self._restorable:
            self._originals.setdefault(name, original)
        return name

    def originals(self, texts: Iterable[str]) -> dict[str, str]:
        """Return what is remembered of the names in these texts."""
        names = {match[0] for text in texts for match in _NAME.finditer(text)}
        return {name: self._originals[name] for name in names if name in self._originals}


def restored(text: str, originals: Mapping[str, str]) -> str:
    """Return ``text`` with the originals of the names that there are some for."""
    return _NAME.sub(lambda match: originals.get(match[0], match[0]), text)


def masked(text: str) -> str:
    """Return ``text`` with a mask for each name, in the language of the words before it, or of all where none are."""

    def mask(match: re.Match[str]) -> str:
        return MASKS[_language(text[: match.start()].strip() or text)][Kind(match[1])][0]

    return _NAME.sub(mask, text)


class Redactor:
    """Redacts one input; at most ``LONGEST_HELD`` characters are held back.

    With ``spoken`` the masks are those for a voice. Raises ValueError when the policy asks for
    pseudonyms and none are given.
    """

    def __init__(
        self,
        policy: Mapping[Kind, Treatment] = POLICY,
        region: str = "US",
        *,
        pseudonyms: Pseudonyms | None = None,
        spoken: bool = False,
        public: Collection[str] = (),
    ) -> None:
        self._policy = {**POLICY, **policy}
        if pseudonyms is None and Treatment.PSEUDONYM in self._policy.values():
            raise ValueError("the policy asks for pseudonyms: give them")
        self._pseudonyms = pseudonyms
        self._spoken = spoken
        self._public = public
        """Values that are not personal; see ``values``."""
        self._region = region
        self._chains = Chains(self._find)
        self._findings: list[Finding] = []
        self._values: set[str] = set()

    @property
    def findings(self) -> Sequence[Finding]:
        """Return what was found so far, in order, with the kinds that pass."""
        return tuple(self._findings)

    @property
    def values(self) -> frozenset[str]:
        """Return what was found so far, each in the one form that all ways of writing it have."""
        return frozenset(self._values)

    @property
    def private(self) -> frozenset[str]:
        """Return what was found so far and is not public, whatever became of it."""
        return self.values.difference(self._public)

    @property
    def held(self) -> int:
        """Return how many characters of the input are held back."""
        return self._chains.held

    def feed(self, delta: str) -> str:
        """Return the redacted text that ``delta`` completes, to be appended."""
        return "".join([self._told(piece) for character in delta for piece in self._chains.step(character)])

    def flush(self) -> str:
        """Return what was held back; the input is over."""
        return "".join(map(self._told, self._chains.flush()))

    def give_up(self) -> str:
        """Return what was held back, as far as it cannot be the beginning of personal data; the input broke off."""
        return self._chains.give_up()

    def _find(self, chain: Chain) -> list[Span]:
        return find(chain, self._region)

    def _told(self, piece: Piece) -> str:
        if isinstance(piece, str):
            return piece
        if not piece.spans:
            return piece.chain.text
        return "".join(self._parts(piece))

    def _parts(self, decided: Decided) -> list[str]:
        chain = decided.chain
        texts = [token.text for token in chain.tokens]
        parts: list[str] = []
        at = 0
        for span in decided.spans:
            original = "".join(texts[span.first : span.end])
            start = chain.start + len("".join(texts[: span.first]))
            said = any(token.said for token in chain.tokens[span.first : span.end])
            self._findings.append(Finding(span.kind, start, start + len(original), said))
            parts += ["".join(texts[at : span.first]), self._treated(span, original, chain)]
            at = span.end
        return [*parts, "".join(texts[at:])]

    def _treated(self, span: Span, original: str, chain: Chain) -> str:
        self._values.add(span.value)
        if span.value in self._public:
            return original
        match self._policy[span.kind]:
            case Treatment.PSEUDONYM if self._pseudonyms is not None:
                return self._pseudonyms.name(span.kind, self._same(span, chain), original)
            case Treatment.PASS:
                return original
        return MASKS[_language(chain.before + chain.text)][span.kind][self._spoken]

    def _same(self, span: Span, chain: Chain) -> str:
        """Return the value of a span, the same whether a telephone has its country code or not."""
        if span.kind is not Kind.PHONE:
            return span.value
        plus = any(token.value == "+" for token in chain.tokens[span.first : span.end])
        return dialled(span.value, self._region, international=plus) or span.value


def _language(text: str) -> str:
    """Return the language of a text's words: Chinese as soon as it has one of its signs."""
    return "zh" if any("\u3400" <= sign <= "\u9fff" for sign in text) else "en"


def redacted(
    text: str,
    policy: Mapping[Kind, Treatment] = POLICY,
    region: str = "US",
    *,
    pseudonyms: Pseudonyms | None = None,
    spoken: bool = False,
) -> str:
    """Return the whole of ``text``, redacted."""
    redactor = Redactor(policy, region, pseudonyms=pseudonyms, spoken=spoken)
    return redactor.feed(text) + redactor.flush()


def values(text: str, region: str = "US") -> frozenset[str]:
    """Return the personal data of ``text``, each in the one form that all ways of writing it have."""
    return _done(text, region).values


def findings(text: str, region: str = "US") -> list[Finding]:
    """Return the personal data of ``text``."""
    return list(_done(text, region).findings)


def _done(text: str, region: str) -> Redactor:
    """Return a redactor that has seen all of ``text``, for what it has found."""
    redactor = Redactor(region=region)
    redactor.feed(text)
    redactor.flush()
    return redactor
