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


HUMS = frozenset(
    {
        "mm hm",
        "mm hmm",
        "mhm",
        "mmhm",
        "mm",
        "mmm",
        "hm",
        "hmm",
        "hmmm",
        "uh huh",
        "uhhuh",
        "uh",
        "um",
        "uhm",
        "ah",
        "aha",
        "oh",
        "er",
    }
    | {"äh", "ähm", "hä", "ach", "euh", "heu", "ajá", "eh", "ага", "угу", "м", "嗯", "嗯嗯", "哦", "噢", "啊", "呃"}
)
"""Sounds that keep a talk going and answer nothing, as whisper writes them."""

NODS = frozenset(
    {
        "yes",
        "yeah",
        "yep",
        "yup",
        "ok",
        "okay",
        "right",
        "all right",
        "alright",
        "sure",
        "i see",
        "got it",
        "good",
        "great",
    }
    | {"fine", "of course", "i understand", "understood", "perfect", "cool", "nice", "true", "exactly", "wow", "really"}
    | {"ja", "genau", "gut", "stimmt", "klar", "verstehe", "ach so", "aha", "in ordnung", "alles klar", "richtig"}
    | {"sí", "si", "vale", "claro", "ya", "bueno", "bien", "de acuerdo", "entiendo", "muy bien"}
    | {"oui", "ouais", "d'accord", "bien sûr", "très bien", "je vois", "voilà", "c'est ça"}
    | {"sì", "va bene", "certo", "capito", "d'accordo", "bene", "esatto"}
    | {"да", "хорошо", "понятно", "ясно", "конечно", "понял", "поняла", "так"}
    | {"好", "好的", "对", "是", "是的", "行", "可以", "没错", "对对", "明白", "知道了"}
)
"""Words that say no more than that one listens, unless they answer a question."""
