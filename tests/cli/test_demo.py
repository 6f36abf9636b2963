"""When the demo says that a question was not answered."""

from pipeline.caller.report import CallReport, Recording
from pipeline.cli.demo import unanswered
from pipeline.core.pcm import Pcm
from tests.cli.test_call import turn

SILENCE = Recording(caller=Pcm(b"", 8000), service=Pcm(b"", 8000))


def of(*turns: tuple[str, str]) -> CallReport:
    reports = tuple(
        turn(turn=number, utterance=utterance, status=status) for number, (utterance, status) in enumerate(turns, 1)
    )
    return CallReport(call_id="c1", turns=reports, prompts=(), notices=(), ended=None, recording=SILENCE)


def test_a_question_that_was_answered_in_one_is_answered() -> None:
    assert unanswered(["a", "b"], of(("a", "completed"), ("b", "completed"))) == []


def test_a_question_cut_in_two_and_answered_as_a_whole_is_answered() -> None:
    assert unanswered(["a", "b"], of(("a", "completed"), ("b", "cancelled"), ("b", "completed"))) == []


def test_a_question_whose_last_turn_was_not_answered_is_named() -> None:
    assert unanswered(["a", "b"], of(("a", "completed"), ("a", "barge_in"), ("b", "degraded"))) == ["a", "b"]


def test_a_question_that_was_never_heard_is_named() -> None:
    assert unanswered(["a", "b"], of(("a", "completed"))) == ["b"]


def test_a_question_asked_twice_wants_two_answers() -> None:
    assert unanswered(["a", "a"], of(("a", "completed"))) == ["a"]
    assert unanswered(["a", "a"], of(("a", "completed"), ("a", "completed"))) == []
