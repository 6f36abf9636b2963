"""Whether a caller's words say yes or no to a question. Pure.

A wrong yes runs what the caller did not want, while a wrong doubt only asks once more: a yes is all of what was said.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from enum import Enum, auto

LONGEST = 200
"""Characters of an answer; who says more says more than yes or no."""
SHORT = 8
"""Words of which one may be a no that does not stand first."""


class _Kind(Enum):
    YES = auto()
    NO = auto()
    POLITE = auto()
    """Goes with either."""
    DOUBT = auto()
    OTHER = auto()


_ENGLISH = {
    _Kind.YES: (
        "yes|yeah|yep|yup|aye|sure|ok|okay|certainly|absolutely|definitely|of course|correct|exactly|affirmative|"
        "agreed|i agree|confirm|confirmed|i confirm|go ahead|go for it|do it|do that|do so|please do|that is right|"
        "thats right|that is correct|thats correct|that is fine|thats fine|that is okay|that is ok|sounds good|"
        "sounds right|all right|alright|fine|fine by me|by all means|i do|i want that|i would like that|"
        "id like that|i am sure|im sure|sure thing|lets do it|lets do that|that works|works for me|very well"
    ),
    _Kind.NO: (
        "no|nope|nah|nay|not|never|none|nothing|neither|nor|negative|never mind|nevermind|do not|dont|wont|cant|"
        "cannot|isnt|arent|wasnt|didnt|doesnt|havent|shouldnt|wouldnt|mustnt|aint|wrong|incorrect|stop|wait|"
        "hold on|hang on|forget it|forget that|forget about it|leave it|abort|no way|not at all|certainly not|"
        "absolutely not|of course not|definitely not|dont do it|dont do that|do not do it|do not do that|not that|"
        "not okay|not ok|not correct|not right|not fine|rather not|refuse|decline"
    ),
    _Kind.POLITE: (
        "please|thanks|thank you|very much|a lot|then|now|just|so|oh|well|uh|um|er|hm|hmm|mm|ah|huh|and|sir|madam|"
        "maam|it is|with that|for me|great|good|perfect|lovely|wonderful|excellent|cool|nice|right|sorry|"
        "i am sorry|im sorry|that would be great|that would be nice|that would be good|thatd be great|no problem|"
        "no worries|why not|the|my|that|it|to|me|i would|i want to|i am|you may|you can"
    ),
    _Kind.DOUBT: (
        "maybe|perhaps|possibly|i think|i guess|i suppose|if|but|unless|until|when|what|which|who|how|where|why|"
        "because|not sure|im not sure|i am not sure|dont know|do not know|no idea|dont mind|do not mind|dont care|"
        "do not care|dont understand|do not understand|didnt hear|did not hear|didnt understand|did not understand|"
        "didnt catch|did not catch|im good|im fine|i am good|i am fine|not bad|no doubt|or|except|only|instead|"
        "later|first|actually|almost|not only|sorry what|pardon|excuse me|or not|yes and no|did not say|didnt say"
    ),
}
_CHINESE = {
    _Kind.YES: (
        "是|是的|是啊|是呀|对|对的|对啊|对呀|好|好的|好啊|好呀|好吧|好嘞|行|行的|行啊|行吧|可以|可以的|可以啊|"
        "没问题|没有问题|没错|当然|当然可以|确认|确定|同意|要|要的|需要|办吧|做吧|来吧|就这样吧|那就这样吧|就这样|"
        "就这么办|就这么办吧|请便|我同意|我确认|我确定|那好|那好吧|那行|那行吧|那可以|那就好"
    ),
    _Kind.NO: (
        "不|别|没|未|无|勿|甭|否|没有|不用|不用了|不要|不要了|不是|不对|不行|不可以|不了|不必|不必了|不需要|不想|"
        "不同意|不确认|不好|先别|先不|先不要|先不用|算了|算了吧|等等|等一下|稍等|免了|拒绝|错了|错|停|没必要|"
        "不当然|不好吧|不行吧"
    ),
    _Kind.POLITE: (
        "哦|噢|啊|呃|呀|嗯|请|吧|谢谢|谢谢您|谢谢你|多谢|麻烦您|麻烦你|麻烦您了|麻烦你了|帮我|请帮我|给我|抱歉|"
        "对不起|不好意思|先生|女士"
    ),
    _Kind.DOUBT: (
        "不知道|不清楚|不确定|不太确定|不明白|不懂|没听清|没听懂|没听见|好不好|行不行|可不可以|对不对|是不是|"
        "要不要|能不能|不错|没关系|没事|随便|都行|都可以|可能|也许|大概|应该|好像|如果|但|但是|不过|除非|什么|怎么|"
        "为什么|多少|几|谁|哪|吗|么|呢|还是|或者|再说|考虑|想想|想一想|看看|无所谓|不反对|不介意|要是|是否|你好|"
        "您好|喂|对了|好了|行了|可以了|是吧|对吧|就是|只是|可是|那是|是我|好久|好多|好几"
    ),
}
_UNIT = re.compile(r"[\u3400-\u9fff]|[^\W\u3400-\u9fff]+")
_APOSTROPHE = re.compile(r"['’ʼ`´]")
_QUESTION = re.compile(r"[?？]")

_Table = Mapping[tuple[str, ...], _Kind]


def _table(*lists: Mapping[_Kind, str]) -> _Table:
    return {
        tuple(_UNIT.findall(phrase)): kind
        for words in lists
        for kind, phrases in words.items()
        for phrase in phrases.split("|")
    }


_TABLE = _table(_ENGLISH)
_CHINESE_TABLE = _table(_ENGLISH, _CHINESE)
_LONGEST_PHRASE = 5


def answer(text: str, language: str, question: str = "") -> bool | None:
    """Return True for yes, False for no, None for what is unclear, mixed, or about something else.

    ``language`` is a BCP 47 primary tag; English words are understood in every language, Chinese ones in Chinese. A yes
    may repeat words of the ``question`` ("yes, cancel order 12"), and nothing that is not in it.
    """
    units = _units(text)
    if not units or len(text) > LONGEST or _QUESTION.search(text):
        return None
    table = _CHINESE_TABLE if language in {"zh", "yue"} else _TABLE
    said = list(_phrases(units, table))
    first = next((at for at, (_, kind) in enumerate(said) if kind is _Kind.YES), len(said))
    others = [unit for unit, kind in said if kind is _Kind.OTHER]
    if all(kind is not _Kind.OTHER for _, kind in said[:first]) and _is_part(others, question, table):
        said = [(unit, kind) for unit, kind in said if kind is not _Kind.OTHER]
    meant = [kind for _, kind in said if kind is not _Kind.POLITE]
    if set(meant) == {_Kind.YES}:
        return True
    if _Kind.NO not in meant or {_Kind.YES, _Kind.DOUBT} & set(meant):
        return None
    return False if meant[0] is _Kind.NO or len(said) <= SHORT else None


def _units(text: str) -> list[str]:
    """Return the words of a text, and each Chinese character."""
    return _UNIT.findall(_APOSTROPHE.sub("", unicodedata.normalize("NFKC", text).casefold()))


def _is_part(words: list[str], question: str, table: _Table) -> bool:
    """Return whether these words stand side by side in the question, whatever goes with them: not "keep 12" of two."""
    asked = [unit for unit, kind in _phrases(_units(question), table) if kind is not _Kind.POLITE]
    return any(asked[at : at + len(words)] == words for at in range(len(asked)))


def _phrases(units: list[str], table: _Table) -> Iterator[tuple[str, _Kind]]:
    """Yield each phrase and what it is, the longest from where one stands."""
    at = 0
    while at < len(units):
        for length in range(min(_LONGEST_PHRASE, len(units) - at), 0, -1):
            kind = table.get(tuple(units[at : at + length]))
            if kind is not None:
                yield " ".join(units[at : at + length]), kind
                at += length
                break
        else:
            yield units[at], _Kind.OTHER
            at += 1
