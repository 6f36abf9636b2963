from hypothesis import given
from hypothesis import strategies as st

from pipeline.dialog.agents import Agent
from pipeline.dialog.prompt import room
from pipeline.dialog.state import SHOWN
from pipeline.dialog.tokens import ending, tokens
from pipeline.dialog.tools.declared import DeclaredTool
from pipeline.settings import Dialog


def test_words_figures_and_other_scripts_count() -> None:
    assert tokens("") == 0
    assert tokens("We open at nine.") == 1 + 2 + 1 + 2 + 1
    assert tokens("international") == 5
    assert tokens("at 9:30") == 1 + 1 + 4
    assert tokens("555-0123") == 8
    assert tokens("您好") == 4


@given(st.text(max_size=60), st.integers(0, 40))
def test_an_ending_is_an_ending_and_fits(text: str, most: int) -> None:
    end = ending(text, most)
    assert text.endswith(end)
    assert tokens(end) <= most


def test_the_persona_takes_its_part_of_the_context() -> None:
    settings = Dialog(num_ctx=2048, num_predict=100)
    assert room(agent("You keep a shop."), settings) - room(agent("You keep a shop. " * 11), settings) == 70
    assert 1700 < room(agent("You keep a shop."), settings) < 1900
    assert room(agent("shop " * 3000), settings) < 0


def test_tools_take_their_part_of_the_context() -> None:
    settings = Dialog(num_ctx=2048, num_predict=100)
    status = DeclaredTool(name="status", description="Where an order is.", url="https://shop.test/orders")
    shop = agent("You keep a shop.")
    own = shop.model_copy(update={"tools": (status,)})
    assert room(shop, settings) - room(own, settings) == 180 + 25 + SHOWN + tokens(
        'status Where an order is. {"type": "object", "properties": {}}'
    )
    assert room(own, settings) == room(shop, settings, [status.spec])


def agent(persona: str) -> Agent:
    return Agent(id="shop", name="Shop", persona=persona)
