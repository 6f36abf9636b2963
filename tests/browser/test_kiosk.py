"""The kiosk: its screens, its silence, and that it forgets who stood there."""

import pytest
from playwright.sync_api import expect

from tests.browser.house import GREETING, Stage, Visitor

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

QUESTION = "conf-invalidpin"
WORDS = "invalid for this"
"""What the visitor says, and nobody else."""
TRACES = """() => JSON.stringify([
    document.documentElement.outerHTML, Object.entries(localStorage), Object.entries(sessionStorage), document.cookie,
    location.href, history.state, [...document.querySelectorAll("input, textarea")].map((one) => one.value),
])"""


def screen(visitor: Visitor, name: str) -> None:
    """Wait for a screen."""
    expect(visitor.page.locator("body")).to_have_attribute("data-screen", name)


def traces(visitor: Visitor) -> str:
    """Return all that the page holds: what can be seen, what is stored, and every string in its memory."""
    session = visitor.context.new_cdp_session(visitor.page)
    pieces: list[str] = []
    session.on("HeapProfiler.addHeapSnapshotChunk", lambda event: pieces.append(event["chunk"]))
    session.send("HeapProfiler.enable")
    session.send("HeapProfiler.collectGarbage")
    session.send("HeapProfiler.takeHeapSnapshot", {"reportProgress": False})
    session.detach()
    return str(visitor.page.evaluate(TRACES)) + "".join(pieces)


def test_a_silent_visitor_is_warned_and_may_stay_or_is_forgotten(visitor: Visitor) -> None:
    page = visitor.page
    visitor.go("/kiosk?language=en&idle=2&warning=2")
    page.get_by_role("button", name="Touch to talk").click()
    screen(visitor, "talk")
    expect(page.locator("#captions")).to_contain_text(GREETING)
    warning = page.get_by_role("dialog", name="Are you still there?")
    expect(warning).to_be_visible()
    expect(page.locator("#warningEnds")).to_contain_text("This will end in 2 s")
    page.get_by_role("button", name="I am here").click()
    expect(warning).to_be_hidden()
    screen(visitor, "talk")
    expect(warning).to_be_visible()
    expect(page.locator("#warningEnds")).to_contain_text("This will end in 1 s")
    screen(visitor, "attract")
    expect(page.locator("#captions")).to_be_empty()


def test_what_a_visitor_said_is_nowhere_after_the_call(visitor: Visitor, stage: Stage) -> None:
    stage.says(4.0, QUESTION)
    page = visitor.page
    visitor.go("/kiosk?language=en")
    before = page.evaluate("() => history.length")
    page.get_by_role("button", name="Touch to talk").click()
    expect(page.locator("#captions .caller:not(.interim)")).to_contain_text(WORDS)
    expect(page.locator("#captions .agent").nth(1)).to_contain_text("We are open")
    found = traces(visitor)
    assert WORDS in found
    assert "from seven in the morning" in found
    page.get_by_role("button", name="Finish").click()
    screen(visitor, "attract")
    found = traces(visitor)
    assert WORDS not in found
    assert "from seven in the morning" not in found
    assert "blob:" not in found
    assert page.evaluate("() => history.length") == before


def test_nothing_of_a_kiosk_is_kept_by_the_browser(visitor: Visitor) -> None:
    with visitor.page.expect_response("**/v1/agents") as agents:
        visitor.go("/kiosk")
    assert agents.value.headers["cache-control"] == "no-store"
    page = visitor.page.request.get(visitor.page.url)
    assert page.headers["cache-control"] == "no-store"


def test_push_to_talk_opens_the_microphone_and_ends_the_turn(visitor: Visitor, stage: Stage) -> None:
    stage.says(*(part for _ in range(20) for part in (0.5, QUESTION)))
    page = visitor.page
    visitor.go("/kiosk?mode=push&language=en")
    page.get_by_role("button", name="Touch to talk").press("Enter")
    expect(page.locator("#captions")).to_contain_text(GREETING)
    push = page.locator("#push")
    expect(push).to_be_focused()
    expect(page.locator("#phase")).to_have_text("Speak now")
    expect(page.locator("#captions .caller")).to_have_count(0)  # the microphone has been talking all the time
    page.keyboard.down("Space")
    expect(push).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#phase")).to_have_text("Listening")
    expect(page.locator("#captions .caller:visible")).to_have_count(1)
    page.keyboard.up("Space")
    expect(page.locator("#captions .caller:not(.interim)")).to_have_count(1)
    expect(page.locator("#captions .agent").nth(1)).to_contain_text("We are open")
    expect(page.locator("#captions .caller")).to_have_count(1)
    page.get_by_role("button", name="Finish").press("Enter")
    screen(visitor, "attract")


def test_a_kiosk_begins_in_the_language_that_was_chosen(visitor: Visitor) -> None:
    page = visitor.page
    visitor.go("/kiosk")
    expect(page.locator("#starts button")).to_have_text(["English", "中文"])
    page.get_by_role("button", name="中文").click()
    expect(page.locator("#captions .agent")).to_contain_text("您好，这里是测试热线。")
    expect(page.get_by_role("button", name="结束")).to_be_visible()
    page.get_by_role("button", name="结束").click()
    screen(visitor, "attract")
    expect(page.locator("html")).to_have_attribute("lang", "en")


def test_every_button_of_a_kiosk_can_be_hit(visitor: Visitor) -> None:
    page = visitor.page
    visitor.go("/kiosk?mode=push")
    for name in ("English", "Finish"):
        button = page.get_by_role("button", name=name)
        expect(button).to_be_visible()
        for one in page.get_by_role("button").all():
            box = one.bounding_box()
            assert box is not None
            assert min(box["width"], box["height"]) >= 64
        button.click()
    screen(visitor, "attract")


def test_a_kiosk_whose_service_is_away_says_so_and_comes_back_by_itself(visitor: Visitor) -> None:
    visitor.expected.append("ERR_FAILED")
    page = visitor.page
    page.route("**/v1/agents", lambda route: route.abort())
    visitor.go("/kiosk?language=en")
    expect(page.locator("#out h1")).to_have_text("Out of order")
    expect(page.locator("#outAgain")).to_have_text("Trying again in 2 s")
    page.unroute("**/v1/agents")
    expect(page.get_by_role("button", name="Touch to talk")).to_be_focused()
