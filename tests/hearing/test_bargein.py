import pytest

from pipeline.hearing.bargein import is_backchannel, is_own_voice, just_asked


@pytest.mark.parametrize(
    "text",
    [
        "",
        "...",
        "Mm-hmm.",
        "Mhm.",
        "Uh-huh.",
        "Yeah.",
        "Okay, okay.",
        "Yes, I see.",
        "All right, got it.",
        "Ja, genau.",
        "D’accord.",
        "Va bene.",
        "Ага, понятно.",
        "嗯。",
        "好的",
    ],
)
def test_what_keeps_a_talk_going_stops_nothing(text: str) -> None:
    assert is_backchannel(text, 0.6, asked=False)


@pytest.mark.parametrize(
    "text",
    [
        "Stop.",
        "No.",
        "Wait, wait.",
        "Yes, but what does it cost?",
        "Okay, I want two.",
        "Hello?",
        "Right, left, right.",
        "Nein, danke.",
        "我想订一个蛋糕",
        "5",
        "yeah yeah yeah yeah yeah yeah",
    ],
)
def test_what_says_something_is_a_turn(text: str) -> None:
    assert not is_backchannel(text, 0.6, asked=False)


def test_a_nod_answers_a_question_and_a_hum_does_not() -> None:
    assert not is_backchannel("Yes.", 0.4, asked=True)
    assert not is_backchannel("Okay.", 0.4, asked=True)
    assert is_backchannel("Mm-hmm.", 0.4, asked=True)


def test_a_question_is_just_asked_while_its_end_is_fresh() -> None:
    assert just_asked("Would you like some bread?")
    assert just_asked("Would you like some bread? We have")
    assert not just_asked("Would you like some bread? We have plenty of kinds of it.")
    assert not just_asked("")


def test_who_speaks_for_long_is_heard_whatever_it_is() -> None:
    assert not is_backchannel("yeah, okay", 2.5, asked=False)
    assert is_backchannel("", 2.5, asked=False)
    assert is_backchannel("Mm-hmm, mm-hmm, hmm.", 4.0, asked=False)


REPLY = "We open at seven in the morning, and we close at six."


@pytest.mark.parametrize("text", ["seven in the morning", "We open at seven.", "and WE close at six!"])
def test_the_reply_come_back_is_known(text: str) -> None:
    assert is_own_voice(text, REPLY)


@pytest.mark.parametrize("text", ["", "seven", "at six", "seven in the evening", "when do you open at seven"])
def test_other_words_and_few_words_are_the_callers(text: str) -> None:
    assert not is_own_voice(text, REPLY)
