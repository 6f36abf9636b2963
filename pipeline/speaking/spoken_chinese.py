"""Chinese as rules for SpokenForm."""

import re

from pipeline.speaking.spoken_chinese_figures import (
    CURRENCY_WORDS,
    FOLLOWERS,
    FRACTIONS,
    NUMBER_RULES,
    UNITS,
)
from pipeline.speaking.spoken_rules import (
    CURRENCY_SIGNS,
    Marks,
    Rule,
    Words,
    Written,
    address_marks,
    beginnings,
    in_address,
    rule,
)
from pipeline.speaking.words import is_east_asian

_RANGE_OPENING = re.compile(r"(?:[0-9%℃°Ff元块号日月年点分天岁度个层楼百千万亿]|[ap]m|°C)\s?\Z")
_BELOW_ZERO = re.compile(r"[-−–][0-9.]+ ?(?:℃|°)")


def _named(word: str, *, leaning: bool = False) -> Words:
    """Say a mark as a word; between two letters and in an address it stays. A leaning one goes with what follows."""

    def words(found: re.Match[str], before: str) -> str | None:
        last = before[-1:]
        following = found.string[found.end() : found.end() + 1]
        letters = last.isascii() and last.isalpha() and following.isascii() and following.isalpha()
        if letters or in_address(before) or (leaning and last.isascii() and last.isalnum()):
            return None
        return word

    return words


def _dash(found: re.Match[str], before: str) -> str | None:
    """Say a dash in front of a figure: 到 behind another figure, else 负, or 零下 for a temperature."""
    if in_address(before):
        return None
    spaced = found.group().endswith(" ")
    if _RANGE_OPENING.search(before) and spaced == before.endswith(" "):
        return "到"
    last = before[-1:]
    if spaced or (last.isalnum() and not is_east_asian(last)):
        return None
    return "零下" if _BELOW_ZERO.match(found.string) else "负"


def _weekdays(_found: re.Match[str], before: str) -> str | None:
    return "到" if re.search(r"(?:周|星期|礼拜)[一二三四五六日天]\Z", before) else None


def _number_sign(_found: re.Match[str], before: str) -> str | None:
    return "号" if before[-1:].isdigit() else None


def _per(found: re.Match[str], before: str) -> str | None:
    per_one = re.search(r"(?:[0-9元块人次天]|[A-Z]{3})\Z", before)
    return "每" if per_one and is_east_asian(found.string[1:2]) else None


_WORDS: list[Rule] = [
    rule(r"https?://", ""),
    rule(r"mailto:", ""),
    rule(r"www\.(?=[a-z0-9])", "www点"),
    rule(r"N[oO]\. ?(?=[0-9])", "第"),
    rule(r"Tel(?=[:：.])", "电话"),
    rule(r"(?:US|HK|NT|CA?|AU?|S|NZ)(?=\$ ?[0-9])", ""),
    rule(r"(?:USD|CNY|RMB|EUR) ?(?=[0-9])", ""),
]
_OPENINGS = [
    "https://", "http://", "mailto:", "www.", "No. ", "NO. ", "Tel", "USD ", "CNY ", "RMB ", "EUR ",
    *(f"{country}$ " for country in ("US", "HK", "NT", "C", "CA", "A", "AU", "S", "NZ")),
]  # fmt: skip
_DASH = rf" ?(?=[0-9.{CURRENCY_SIGNS}])"
_SYMBOLS: dict[str, list[Rule]] = {
    "&": [rule("&", _named("和"))],
    "+": [rule(r"\+(?=[0-9 ])", _named("加"))],
    "=": [rule("=+", _named("等于"))],
    "#": [rule("#", _number_sign), rule("#(?=[0-9])", _named("井号"))],
    "%": [rule("%", _named("百分号"))],
    "°": [rule("°", _named("度"))],
    "×": [rule("×", _named("乘"))],
    "÷": [rule("÷", _named("除以"))],
    "≈": [rule("≈", _named("约等于"))],
    "~": [rule(f"~{_DASH}", _dash), rule(f"~{_DASH}", _named("约", leaning=True))],
    "<": [rule(rf"<=? ?(?=[0-9{CURRENCY_SIGNS}])", _named("小于"))],
    ">": [rule(rf">=? ?(?=[0-9{CURRENCY_SIGNS}])", _named("大于"))],
    "≤": [rule("≤", _named("小于等于"))],
    "≥": [rule("≥", _named("大于等于"))],
    "-": [rule(f"-{_DASH}", _dash), rule("-(?=周|星期|礼拜)", _weekdays)],
    "–": [rule(f"–{_DASH}", _dash), rule("–(?=周|星期|礼拜)", _weekdays)],
    "−": [rule(f"−{_DASH}", _dash)],
    "～": [rule(f"～{_DASH}", _dash)],
    "/": [rule("/", _per)],
    "(": [rule(r"\((?=[0-9]{3,4}\) ?[0-9])", "")],
    "№": [rule("№ ?(?=[0-9])", "第")],
    **{sign: [rule(sign, words)] for sign, words in FRACTIONS.items()},
    **{sign: [rule(sign, words)] for sign, words in UNITS.items() if len(sign) == 1 and sign in "℃℉㎡"},
}
CHINESE = Written(
    marks=Marks(
        address_marks(
            "点", "艾特", "斜杠", "杠", "下划线", question="问号", equals="等号", ampersand="和", hash="井号",
            plus="加", colon="冒号", tilde="波浪号",
        ),
        spaced=False,
    ),
    rules={"a": _WORDS, "0": NUMBER_RULES}
    | _SYMBOLS
    | {sign: [*NUMBER_RULES, rule(re.escape(sign), CURRENCY_WORDS.get(sign, sign))] for sign in CURRENCY_SIGNS}
    | {".": NUMBER_RULES},
    openings=beginnings(_OPENINGS),
    followers=FOLLOWERS,
    waiting=re.compile(r"\([0-9]{0,4}\)? ?|[-–−][0-9]*\.?[0-9]* ?|[～~] ?|[<>]=?|[<>]=? |№ ?|[×÷≈≤≥°=+]|\+|=+"),
)  # fmt: skip
