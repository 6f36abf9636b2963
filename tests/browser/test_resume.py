"""A call whose connection breaks goes on, with what stands on the page."""

import pytest
from playwright.sync_api import expect

from tests.browser.house import ANSWER, Visitor

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

CAUGHT = """
    window.connections = [];
    window.RTCPeerConnection = class extends RTCPeerConnection {
        constructor(...given) { super(...given); connections.push(this); }
    };
"""


def test_a_call_whose_connection_broke_goes_on(visitor: Visitor) -> None:
    page = visitor.page
    page.add_init_script(CAUGHT)
    visitor.go()
    visitor.call()
    visitor.type("When do you open?")
    page.evaluate("() => connections[0].close()")  # neither side is told
    expect(page.locator("#state")).to_have_text("The connection broke. Reconnecting…")
    expect(page.locator("#typed")).to_be_disabled()
    expect(page.locator("#state")).to_have_text("The call is open.")
    visitor.type("And when do you close?")
    expect(page.locator("#captions .caller:visible .words")).to_have_text(
        ["When do you open?", "And when do you close?"]
    )
    expect(page.locator("#captions .agent .words").last).to_have_text(ANSWER)
    expect(page.get_by_role("alert")).to_be_hidden()
