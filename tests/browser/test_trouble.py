"""What the page says when something is wrong, and the way out that it offers."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from pipeline.cli.service import Service
from tests.browser.house import INSECURE, Stage, Visitor

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

NO_MICROPHONE = """navigator.mediaDevices.getUserMedia =
    async () => { throw new DOMException("", "NotFoundError"); };"""


@pytest.fixture
def others(stage: Stage, service: Service) -> Iterator[list[Visitor]]:
    """Two who hold all the calls that the service takes."""

    def arrive() -> list[Visitor]:
        both = [Visitor.arrive(stage, service) for _ in range(2)]
        for one in both:
            one.go()
            one.call()
        return both

    both = stage.run(arrive)
    yield both
    assert [stage.run(one.leave) for one in both] == [[], []]


def test_a_refused_microphone_is_told_and_typing_needs_none(visitor: Visitor) -> None:
    page = visitor.page
    visitor.context.clear_permissions()
    visitor.context.grant_permissions(["camera"])  # and by that nothing else
    visitor.go()
    page.click("#call")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("The microphone is not allowed.")
    expect(alert.get_by_role("button", name="Try again")).to_be_visible()
    alert.get_by_role("button", name="Call without it, and type").click()
    expect(page.locator("#state")).to_have_text("The call is open.")
    expect(alert).to_be_hidden()
    visitor.type("When do you open?")


def test_a_missing_microphone_is_told(visitor: Visitor) -> None:
    visitor.page.add_init_script(NO_MICROPHONE)
    visitor.go()
    visitor.page.click("#call")
    expect(visitor.page.get_by_role("alert")).to_contain_text("No microphone was found.")


def test_an_insecure_page_is_told_before_anybody_calls(visitor: Visitor) -> None:
    visitor.go(host=INSECURE)
    expect(visitor.page.get_by_role("alert")).to_contain_text("Browsers give a microphone only to pages on https")


def test_a_full_service_is_called_again_by_itself_unless_nobody_wants_that(
    visitor: Visitor, others: list[Visitor]
) -> None:
    visitor.expected.append("503")
    visitor.go()
    visitor.page.click("#call")
    alert = visitor.page.get_by_role("alert")
    expect(alert).to_contain_text("All lines are busy.")
    alert.get_by_role("button", name="Do not call").click()
    expect(alert).to_be_hidden()
    visitor.page.click("#call")
    expect(alert).to_contain_text("Calling again in 5 s.")
    others[0].hang_up()
    expect(alert).to_contain_text("Calling again in 4 s.")
    expect(visitor.page.locator("#state")).to_have_text("The call is open.")
    expect(alert).to_be_hidden()


def test_a_service_that_is_away_is_told_and_called_again_on_demand(visitor: Visitor) -> None:
    visitor.expected.append("ERR_FAILED")
    page = visitor.page
    visitor.go()
    page.route("**/v1/rtc", lambda route: route.abort())
    page.click("#call")
    expect(page.get_by_role("alert")).to_contain_text("The service cannot be reached.")
    page.unroute("**/v1/rtc")
    page.get_by_role("button", name="Call again").click()
    expect(page.locator("#state")).to_have_text("The call is open.")


def test_a_call_that_is_hung_up_from_outside_is_told_as_lost(visitor: Visitor) -> None:
    page = visitor.page
    visitor.expected.append("404")  # of the page's own farewell
    visitor.go()
    with page.expect_response(lambda response: response.url.endswith("/v1/rtc") and response.status == 201) as answered:
        visitor.call()
    location = answered.value.headers["location"]
    assert page.evaluate("(path) => fetch(path, { method: 'DELETE' }).then(({ status }) => status)", location) == 200
    expect(page.get_by_role("alert")).to_contain_text("The connection was lost.")
    expect(page.get_by_role("button", name="Call again")).to_be_visible()


def test_a_token_in_the_address_goes_along_with_what_is_asked(visitor: Visitor) -> None:
    """The service of these tests asks for none; that it refuses others is shown in ``tests/entrances/webrtc``."""
    page, sent = visitor.page, list[tuple[str, str | None]]()
    page.on("request", lambda request: sent.append((request.method, request.headers.get("authorization"))))
    visitor.go("/#token=ek_visitor")
    visitor.call()
    assert ("POST", "Bearer ek_visitor") in sent
    assert ("GET", "Bearer ek_visitor") in sent
    assert not any("ek_visitor" in one for one in visitor.complaints)
    visitor.hang_up()


def test_a_page_that_may_not_call_says_so(visitor: Visitor) -> None:
    page = visitor.page
    visitor.expected.append("401")
    refusal = {"reason": "NO_PERMIT", "message": "the token has expired"}
    page.route("**/v1/rtc", lambda route: route.fulfill(status=401, json=refusal))
    visitor.go()
    page.click("#call")
    expect(page.get_by_role("alert")).to_contain_text("This page may not call")
