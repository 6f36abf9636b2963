from random import Random

import phonenumbers
import pytest

from benchmarks.redaction import by_patterns, cost, is_found, measured, own, unequal
from benchmarks.redaction_cases import Turn, turns
from benchmarks.redaction_values import card, cn_id, iban, us_phone
from benchmarks.report.redaction import section
from benchmarks.report.results import Result
from pipeline.dialog.redact import Kind
from pipeline.dialog.redact_kinds import is_card, is_iban, is_id


def test_the_same_seed_makes_the_same_turns() -> None:
    assert turns(200, 1) == turns(200, 1) != turns(200, 2)


def test_turns_hold_every_kind_in_every_way() -> None:
    made = turns(400, 1)
    ways = {(turn.kind, turn.spoken, turn.chinese) for turn in made if turn.kind}
    assert ways == {(kind, said, chinese) for kind in Kind for said in (True, False) for chinese in (True, False)}
    assert sum(turn.kind is None for turn in made) == 200


@pytest.mark.parametrize("seed", range(20))
def test_values_are_such_as_are_given_out(seed: int) -> None:
    random = Random(seed)
    assert is_card(card(random))
    assert is_id(cn_id(random))
    assert is_iban(iban(random))
    assert phonenumbers.is_valid_number(phonenumbers.parse(us_phone(random), "US"))


def test_found_means_that_no_letter_or_digit_is_left() -> None:
    turn = Turn("it is (415) 555", Kind.PHONE, 6, 15)
    assert is_found(turn, [(7, 15)])
    assert not is_found(turn, [(7, 14)])
    assert not is_found(turn, [])


def test_recall_and_false_alarms_are_told_by_way_and_kind() -> None:
    made = [
        Turn("13800138000", Kind.PHONE, 0, 11),
        Turn("415-555-2671", Kind.PHONE, 0, 12),
        Turn("幺三八零零幺三八零零零", Kind.PHONE, 0, 11, spoken=True),
        Turn("order 123456789012", shape="order"),
        Turn("hello", shape="hello"),
    ]
    baseline = measured(made, by_patterns)
    assert baseline["typed_recall"] == {"phone": 0.5, "all": 0.5}
    assert baseline["spoken_recall"] == {"phone": 0.0, "all": 0.0}
    assert baseline["false_alarms"] == 0.5
    assert baseline["false_alarm_shapes"] == {"order": 1}
    assert measured(made, own)["typed_recall"]["all"] == measured(made, own)["spoken_recall"]["all"] == 1.0


def test_the_targets_hold_on_some_turns_of_another_seed() -> None:
    result = measured(turns(1200, 5), own)
    assert result["typed_recall"]["all"] >= 0.99
    assert result["spoken_recall"]["all"] >= 0.97
    assert result["false_alarms"] <= 0.005


def test_splits_are_compared_with_the_whole() -> None:
    assert unequal(turns(100, 1), 300, 1) == 0


def test_the_page_shows_recall_alarms_and_cost() -> None:
    made = turns(200, 1)
    tree = {
        "machine": {},
        "seed": 1,
        "measured": {"voicepipe": measured(made, own), "patterns": measured(made, by_patterns)},
        "presidio": "not installed",
        "cost": cost(made[:40]),
        "streaming": {"splits": 10, "unequal": 0},
    }
    shown = section(Result("redaction.json", tree))
    assert "| found | turns | phone | card | email | iban | cn_id | passport | all | false alarms |" in shown
    assert "| patterns, spoken | 200 |" in shown
    assert "Of 10 random splits 0 gave another text" in shown
