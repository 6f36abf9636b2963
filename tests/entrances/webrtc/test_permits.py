"""Who may call: tokens."""

import jwt
import pytest

from pipeline.core.errors import EntranceError
from pipeline.entrances.webrtc.permits import ALGORITHM, PREFIX, Permits, mint

KEY = "k" * 32


class Calendar:
    at = 1000.0

    def now(self) -> float:
        return self.at


@pytest.fixture
def calendar() -> Calendar:
    return Calendar()


@pytest.fixture
def permits(calendar: Calendar) -> Permits:
    return Permits(KEY, calendar.now, again=6.0)


def token(**claims: object) -> str:
    made, _ = mint(KEY, now=1000.0, **claims)  # type: ignore[arg-type]
    return f"Bearer {made}"


def refused(permits: Permits, authorization: str, origin: str = "") -> str:
    with pytest.raises(EntranceError) as caught:
        permits.admit(authorization, origin)
    assert caught.value.code == "no-permit"
    return str(caught.value)


def test_without_a_key_everybody_may_call(calendar: Calendar) -> None:
    assert Permits("", calendar.now, again=6.0).admit("", "").agent == ""


def test_a_token_holds_the_call_to_an_agent_and_the_browser_to_a_page(permits: Permits) -> None:
    made = token(agent="shop", origin="https://shop.example.com")
    assert permits.admit(made, "https://shop.example.com").agent == "shop"
    assert "origin" in refused(permits, made, "https://evil.example.com")
    assert "origin" in refused(permits, made)


@pytest.mark.parametrize(
    "authorization", ["", "Bearer", "Bearer x", "Basic ek_x", "Bearer ek_x", f"Bearer ek_{'x' * 5000}"]
)
def test_what_is_no_token_is_refused(permits: Permits, authorization: str) -> None:
    refused(permits, authorization)


def test_other_keys_other_algorithms_and_tokens_without_an_end_are_refused(permits: Permits) -> None:
    other, _ = mint("o" * 32, now=1000.0)
    unsigned = jwt.encode({"jti": "a", "exp": 2000}, "", algorithm="none")
    endless = jwt.encode({"jti": "a"}, KEY, algorithm=ALGORITHM)
    nameless = jwt.encode({"exp": 2000}, KEY, algorithm=ALGORITHM)
    for made in (other, *(PREFIX + one for one in (unsigned, endless, nameless))):
        refused(permits, f"Bearer {made}")


def test_a_token_is_over_after_its_time(permits: Permits, calendar: Calendar) -> None:
    made = token(seconds=60.0)
    calendar.at = 1060.5
    assert "expired" in refused(permits, made)


def test_a_token_opens_one_call(permits: Permits, calendar: Calendar) -> None:
    made = token(seconds=60.0)
    permit = permits.admit(made, "")
    permits.begun(permit)
    permits.over(permit, lost=False)
    assert "used" in refused(permits, made)
    calendar.at = 1059.0
    assert "used" in refused(permits, made)


def test_a_browser_that_was_lost_comes_back_with_the_same_token(permits: Permits, calendar: Calendar) -> None:
    made = token(seconds=60.0)
    permit = permits.admit(made, "")
    permits.begun(permit)
    calendar.at = 5000.0
    assert permits.admit(made, "") == permit
    permits.over(permit, lost=True)
    calendar.at = 5005.9
    assert permits.admit(made, "") == permit
    calendar.at = 5006.1
    refused(permits, made)
