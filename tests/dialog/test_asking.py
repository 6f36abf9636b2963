from pipeline.core.stages import Message
from pipeline.dialog.asking import asking_for, told

SAID = [Message("user", "Hello."), Message("assistant", "Hello!"), Message("user", "几点开门？")]


def test_an_instruction_stands_behind_the_question_and_changes_nothing_before_it() -> None:
    asked = told(SAID, "请用中文回答。")
    assert list(asked[:-1]) == SAID[:-1]
    assert asked[-1].text == "几点开门？\n请用中文回答。"


def test_nothing_is_told_where_there_is_no_instruction_or_no_question() -> None:
    assert told(SAID, "") == SAID
    assert told(SAID[:2], "请用中文回答。") == SAID[:2]
    assert told([], "x") == []


def test_a_language_without_a_line_of_its_own_is_named_by_its_tag() -> None:
    assert asking_for("zh") == "请用中文回答。"
    assert "'cy'" in asking_for("cy")
