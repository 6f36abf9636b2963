import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.dialog.tools.yes_no import answer

CANCEL = "Shall I cancel order 12 for you?"
CANCEL_ZH = "要为您取消订单吗？"

YES = """Yes. | yes please | Yeah. | Yep! | Sure. | Sure, go ahead. | OK. | Okay, thanks. | Of course.
Go ahead, please. | Yes, go ahead. | Please do. | Do it. | That's right.
That’s correct, thank you. | Uh, yes. | Um, yeah, sure. | Yes, yes. | Sure thing. | Yes, I would.
Yes, you can. | Fine by me. | Absolutely. | Yes, I do. | Yes, that's fine. | Alright then.
I confirm. | Sounds good. | Yes, please do so now. | Yes it is. | YES
Yes, of course, thank you very much. | Yes, no problem. | Sure, why not. | Yes, you may. | Exactly
Correct. | Yes, I'm sure. | Yes, cancel it. | Yes, please cancel my order. | Yes, cancel order 12.
Okay, cancel that order for me please."""
NO = """No. | no thanks | No, thank you. | Nope. | Nah. | Never mind. | Don't. | Don’t do it.
Please don't. | Do not do that. | Not now. | Not really. | Not yet, please. | Absolutely not.
Certainly not! | Of course not. | No, no, no. | Oh no, please don't. | I don't want that.
I would rather not. | No, I want to keep it. | No, leave it as it is. | Stop. | Wait. | Forget it.
No way. | That's wrong. | That is not right. | No, don't cancel it. | Sorry, no. | Negative.
It isn't my order. | I didn't order that. | No, cancel order 13."""
UNCLEAR = """... | Hello? | Yes? | Yes and no. | Yes, but not today. | No, yes. | Yes, no, wait. | Maybe.
I don't know. | I'm not sure. | I think so. | What? | What did you say? | Sorry? | Who are you?
Mm-hm. | Uh-huh. | Hm. | Right. | Thanks. | Please. | Yes, if it is free. | Yes, but later.
Yes, I have a question. | Yes, I'd like to change the address. | Okay so what does it cost
Yes, cancel order 13. | Yes, and the other one too. | Okay, wait. | Sure, but how much is it
No problem. | I'm good. | I'm fine. | Cancel it. | It is raining. | Yes, order 12 and 13.
I don't mind. | I don't understand. | Yesterday. | Not bad. | Yes or no | Yes, don't do it.
Don't stop, go ahead. | I do not know | Surely you are joking
okay then tell me a joke | I would like to know the price | Can you repeat that | The yes men
Yes Prime Minister | he said yes | say yes | 好的 | You sure | I would | I want to | I am | You can
Hello yes | I would like | to do that one | Is that okay | it's okay or not"""
YES_ZH = """好的 | 好 | 是的 | 对 | 对的，谢谢 | 可以 | 可以的 | 行 | 行吧 | 没问题 | 没错 | 当然可以 | 嗯，好的
好的好的 | 确认 | 我确认 | 我同意 | 要 | 需要，谢谢您 | 好，麻烦您了 | OK | Yes | 好的，OK
那就这样吧 | 是的，取消吧 | 好的，请帮我取消订单 | 好 的 | 好。"""
NO_ZH = """不用了 | 不用了，谢谢 | 不要 | 别 | 别，先别 | 不是 | 不对 | 不行 | 不可以 | 不，不要 | 算了
算了吧 | 不需要 | 不想 | 不好意思，不用了 | 抱歉，不要了 | 没有 | 等一下 | 别取消 | 不要取消订单
我不想取消 | 错了 | 不同意 | No | No，不用 | 先不要 | 不必了"""
UNCLEAR_ZH = """嗯 | 哦 | 谢谢 | 不知道 | 我不确定 | 好不好 | 可以吗 | 是什么 | 是的，但是不要今天 | 好的，不用了
不错 | 没关系 | 随便 | 都可以 | 我要投诉 | 好像是 | 要是可以的话 | 你是谁 | 对方是谁 | 行李 | 好多钱
没听清 | 取消 | 取消订单 | 你好 | 可以再说一遍吗 | 为什么 | 好的，多少钱 | 我要 | 做好了 | 现在好了
对了 | 好了 | 是吧 | 就是 | 那是 | 喂，您好 | 是我 | 是否取消 | 还是不要了吧好的"""


TWO = "Shall I cancel order 12 and keep order 13?"


def parts(texts: str) -> list[str]:
    return [text.strip() for line in texts.split("\n") for text in line.split("|")]


@pytest.mark.parametrize("text", parts(YES))
def test_a_yes_is_a_yes(text: str) -> None:
    assert answer(text, "en", CANCEL) is True


@pytest.mark.parametrize("text", parts(NO))
def test_a_no_is_a_no(text: str) -> None:
    assert answer(text, "en", CANCEL) is False


@pytest.mark.parametrize("text", parts(UNCLEAR))
def test_what_is_unclear_is_neither(text: str) -> None:
    assert answer(text, "en", CANCEL) is None


@pytest.mark.parametrize("text", parts(YES_ZH))
def test_a_chinese_yes_is_a_yes(text: str) -> None:
    assert answer(text, "zh", CANCEL_ZH) is True


@pytest.mark.parametrize("text", parts(NO_ZH))
def test_a_chinese_no_is_a_no(text: str) -> None:
    assert answer(text, "zh", CANCEL_ZH) is False


@pytest.mark.parametrize("text", parts(UNCLEAR_ZH))
def test_what_is_unclear_in_chinese_is_neither(text: str) -> None:
    assert answer(text, "zh", CANCEL_ZH) is None


@pytest.mark.parametrize("text", ["Yes, cancel it.", "Yes, order 12."])
def test_without_the_question_its_words_are_about_something_else(text: str) -> None:
    assert answer(text, "en") is None


@pytest.mark.parametrize("text", ["Yes, keep 12.", "Yes, keep the 12.", "Yes, cancel order 13.", "Yes, keep order 12."])
def test_words_of_the_question_in_another_order_are_about_something_else(text: str) -> None:
    assert answer(text, "en", TWO) is None


@pytest.mark.parametrize("text", ["要三十二个", "好的，三十二个蛋糕"])
def test_characters_of_the_question_in_another_order_are_about_something_else(text: str) -> None:
    assert answer(text, "zh", "要为您预订二十三个蛋糕吗？") is None


@pytest.mark.parametrize("language", ["de", "es", "fr", ""])
def test_english_is_understood_in_every_language(language: str) -> None:
    assert (answer("Yes, please.", language), answer("No.", language)) == (True, False)


def test_who_says_more_says_more_than_yes_or_no() -> None:
    assert answer("yes " * 100, "en") is None


@given(st.sampled_from(parts(YES)), st.sampled_from(["no", "don't", "not", "but", "if", "wait", "never mind", "maybe"]))
def test_a_yes_with_a_doubt_in_it_is_none(yes: str, doubt: str) -> None:
    assert answer(f"{yes} {doubt}", "en", CANCEL) is not True
    assert answer(f"{doubt}, {yes}", "en", CANCEL) is not True


@given(st.text(), st.sampled_from(["en", "zh"]))
def test_any_text_has_an_answer_or_none(text: str, language: str) -> None:
    assert answer(text, language) in {True, False, None}
