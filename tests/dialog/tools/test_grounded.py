from typing import Any

import pytest

from pipeline.dialog.tools.grounded import unsaid


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"order": "48213"}, ["Where is my order 48213?"]),
        ({"order": 48213}, ["Where is order 482 13?"]),
        ({"order": "A-48213"}, ["It is four eight two one three."]),
        ({"order": "48213"}, ["订单号是四八二一三"]),
        ({"order": "\uff14\uff18\uff12\uff11\uff13"}, ["48213"]),
        ({"orders": [{"number": "48213"}]}, ["Hello.", "48213 and 7"]),
        ({"people": 4, "sure": True, "name": "Mueller"}, ["A table, please."]),
        ({"day": "12"}, ["tomorrow"]),
    ],
)
def test_what_was_said_and_what_is_no_number_may_be_used(arguments: dict[str, Any], said: list[str]) -> None:
    assert unsaid(arguments, said) == ""


@pytest.mark.parametrize(
    ("arguments", "said", "number"),
    [
        ({"order": "12345"}, ["When do you open on Monday?"], "12345"),
        ({"order": "48214"}, ["Where is my order 48213?"], "48214"),
        ({"deep": [{"number": "415-555-2671"}]}, ["Call me back."], "4155552671"),
        ({"order": "48213"}, [], "48213"),
    ],
)
def test_a_number_that_nobody_has_said_is_named(arguments: dict[str, Any], said: list[str], number: str) -> None:
    assert unsaid(arguments, said) == number
