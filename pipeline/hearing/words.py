"""Small words of the languages that callers speak: those that ask for another, digits, and what is no turn at all."""

OPEN = {
    "en": "a an the my your our their its of to for from with without at by into onto between and or but nor because "
    "if while which whose whether than as every each um uh er",
    "de": "der die das ein eine einen einem einer und oder aber weil dass wenn ob von zu mit für bei nach aus auf äh",
    "es": "el los las un una unos unas y o pero porque que de del con para por sin en eh",
    "fr": "le les une des du et ou mais parce dans sur avec pour sans chez euh",
    "it": "il lo gli e ma perché che di dal della nel con per su senza",
    "ru": "и или но а что если когда потому в на с к от для из у по",
}
"""Words behind which a sentence goes on, by language."""

OPEN_ENDS = ("的", "和", "跟", "或者", "但是", "因为", "如果", "然后", "还有", "那个", "就是", "嗯", "呃")
"""The same in Chinese, where words are not set apart."""

DIGITS = {
    "en": "zero oh one two three four five six seven eight nine double triple",
    "de": "null eins zwei zwo drei vier fünf sechs sieben acht neun",
    "es": "cero uno dos tres cuatro cinco seis siete ocho nueve",
    "fr": "zéro un deux trois quatre cinq six sept huit neuf",
    "it": "zero uno due tre quattro cinque sei sette otto nove",
    "ru": "ноль один два три четыре пять шесть семь восемь девять",
}
"""Digits as they are spoken, by language."""

DIGIT_SIGNS = frozenset("零〇一二三四五六七八九幺两")
"""The same in Chinese."""


def of_all(words: dict[str, str]) -> frozenset[str]:
    """Return the words of all languages together."""
    return frozenset(word for line in words.values() for word in line.split())
