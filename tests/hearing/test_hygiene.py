import pytest

from pipeline.core.stages import Recognition
from pipeline.hearing.hygiene import compression, disbelief


def heard(text: str, *, confidence: float = 0.9, no_speech: float = 0.02, language: str = "en") -> Recognition:
    return Recognition(text, language, confidence, no_speech)


@pytest.mark.parametrize(
    ("text", "confidence", "no_speech", "duration"),
    [
        ("What time do you close on Sunday?", 0.9, 0.02, 2.1),
        ("6.", 0.6, 0.27, 0.9),
        ("At.", 0.31, 0.16, 0.8),
        ("Removed", 0.4, 0.05, 0.9),
        ("Thank you.", 0.8, 0.05, 1.2),
        ("Thank you very much.", 0.85, 0.1, 2.5),
        ("Oh.", 0.7, 0.1, 0.9),
        ("No, no, no.", 0.8, 0.1, 1.5),
        ("01632 960 983", 0.8, 0.05, 4.0),
        ("ご注文の状況を教えてください", 0.8, 0.05, 2.5),
    ],
)
def test_what_people_say_is_believed(text: str, confidence: float, no_speech: float, duration: float) -> None:
    assert disbelief(heard(text, confidence=confidence, no_speech=no_speech), duration) is None


@pytest.mark.parametrize(
    ("text", "confidence", "no_speech", "duration", "reason"),
    [
        ("", 0.9, 0.02, 1.0, "no-words"),
        ("...", 0.2, 0.55, 4.0, "no-words"),
        ("you", 0.53, 0.99, 2.0, "no-speech"),
        ("I'm going to put the oil on the pan.", 0.19, 0.89, 4.0, "no-speech"),
        ("Beep Beep Beep Beep Beep", 0.6, 0.85, 1.0, "no-speech"),
        ("The car is loud", 0.1, 0.2, 2.0, "low-score"),
        ("Be " * 14, 0.68, 0.2, 4.0, "loop"),
        ("one two three four five six seven eight nine ten", 0.9, 0.02, 0.6, "too-fast"),
        ("Thank you.", 0.8, 0.4, 1.2, "phantom"),
        ("Thanks for watching!", 0.9, 0.1, 8.0, "phantom"),
    ],
)
def test_what_whisper_writes_for_nothing_is_not(
    text: str, confidence: float, no_speech: float, duration: float, reason: str
) -> None:
    assert disbelief(heard(text, confidence=confidence, no_speech=no_speech), duration) == reason


def test_compression_tells_a_loop_from_a_sentence() -> None:
    assert compression("") == 0.0
    assert compression("Please enter your agent number followed by the pound key.") < 1.5
    assert compression("and the " * 40) > 10
