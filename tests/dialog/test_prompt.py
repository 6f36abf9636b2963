from pipeline.core.stages import Message
from pipeline.dialog.agents import Agent, Writing
from pipeline.dialog.prompt import RULES_IN, VOICE_RULES, messages, room
from pipeline.settings import Dialog


def test_the_persona_comes_first_and_what_was_said_after_it() -> None:
    said = [Message("user", "when do you open")]
    system, *rest = messages("\n You keep a shop. \n", said)
    assert system == Message("system", f"You keep a shop.\n\n{VOICE_RULES}")
    assert rest == said


def test_what_is_quoted_with_a_message_is_read_as_part_of_it() -> None:
    said = [
        Message("user", "hello", above="Before."),
        Message("assistant", "Hi."),
        Message("user", "rye", below="Known."),
    ]
    assert messages("You keep a shop.", said)[1:] == [
        Message("user", "Before.\n\nhello"),
        Message("assistant", "Hi."),
        Message("user", "rye\n\nKnown."),
    ]


def test_the_prefix_is_the_same_whatever_was_said() -> None:
    assert messages("You keep a shop.", ()) == messages("You keep a shop.", [Message("user", "hello")])[:1]


def test_the_room_for_what_was_said_is_that_of_the_agents_own_context() -> None:
    shop = Agent(id="shop", name="Shop", persona="You keep a shop.", writing=Writing(num_ctx=1024))
    usual = shop.model_copy(update={"writing": Writing()})
    assert room(usual, Dialog(num_ctx=4096)) - room(shop, Dialog(num_ctx=4096)) == 3072


def test_a_persona_in_another_language_is_followed_by_rules_in_it() -> None:
    assert messages("你是客服。", (), "zh")[0].text == f"你是客服。\n\n{RULES_IN['zh']}"
    assert messages("Du bist da.", (), "de")[0].text == f"Du bist da.\n\n{VOICE_RULES}"
