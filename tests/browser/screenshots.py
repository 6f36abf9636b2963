"""Pictures of the page and the kiosk in each state, for the guide: python -m tests.browser.screenshots [FOLDER].

They show the real service with a stub of a language model; that it takes pictures is made up, see test_calls.
"""

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, ViewportSize, expect

from pipeline.cli.service import Service
from tests.browser.house import Stage, Visitor, chromium, serving
from tests.browser.test_calls import takes_pictures_of

DESKTOP: ViewportSize = {"width": 1180, "height": 720}
PHONE: ViewportSize = {"width": 390, "height": 800}
KIOSK: ViewportSize = {"width": 720, "height": 960}
OUT = Path("docs/images/page")
RECEIPT = """(list) => {
    const canvas = Object.assign(document.createElement("canvas"), { width: 420, height: 300 });
    const paper = canvas.getContext("2d");
    paper.fillStyle = "#fffdf5"; paper.fillRect(0, 0, 420, 300);
    paper.fillStyle = "#222"; paper.font = "26px monospace";
    ["HARBOUR BAKERY", "", "2 sourdough    9.00", "1 baguette     2.00", "", "total         11.00"]
        .forEach((line, at) => paper.fillText(line, 40, 50 + 42 * at));
    return new Promise((done) => canvas.toBlob((blob) => {
        const dataTransfer = new DataTransfer();
        dataTransfer.items.add(new File([blob], "receipt.png", { type: "image/png" }));
        list.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
        done();
    }));
}"""


class Studio:
    """Takes the pictures, one visitor each."""

    def __init__(self, stage: Stage, service: Service, folder: Path) -> None:
        self._stage = stage
        self._service = service
        self._folder = folder

    @contextmanager
    def visitor(self, size: ViewportSize, path: str = "/") -> Iterator[Visitor]:
        visitor = Visitor.arrive(self._stage, self._service, viewport=size)
        visitor.page.add_init_script(takes_pictures_of(10_000_000))
        visitor.page.route("**/media", lambda route: route.fulfill(status=201, json={"media_id": "m"}))
        visitor.go(path)
        yield visitor
        visitor.leave()

    def take(self, page: Page, name: str) -> None:
        page.screenshot(path=self._folder / f"{name}.png", animations="disabled")


def talking(studio: Studio, _: Stage) -> None:
    """A call that is spoken over, then with a picture, a rating and Chinese words, and on a phone."""
    with studio.visitor(DESKTOP) as visitor:
        page = visitor.page
        studio.take(page, "ready")
        visitor.call()
        expect(page.locator("#phase")).to_have_text("Speak now")
        visitor.type("When do you open?")
        expect(page.locator(".thumb").first).to_be_visible()
        visitor.speak("conf-invalidpin")
        expect(page.locator("#timeline > .heard")).to_have_count(2)
        studio.take(page, "call")
        visitor.speak("conf-onlyperson")
        expect(page.locator("strong.cut")).to_be_visible()
        expect(page.locator("#timeline > .heard")).to_have_count(3)
        studio.take(page, "barge-in")
        page.locator("#captions").evaluate(RECEIPT)
        expect(page.locator(".picture .note")).to_have_text("Sent")
        visitor.type("How much was the bread?")
        page.wait_for_timeout(500)
        studio.take(page, "picture")
        page.set_viewport_size(PHONE)
        page.locator("#captions").evaluate("(list) => { list.scrollTop = list.scrollHeight; scrollTo(0, 0); }")
        studio.take(page, "phone")
        page.set_viewport_size(DESKTOP)
        page.locator(".thumb.down").last.click()
        expect(page.locator(".told").last).to_have_text("Saved, thank you")
        page.wait_for_timeout(300)
        studio.take(page, "rating")
        page.get_by_role("button", name="Leave it at that").click()
        page.emulate_media(color_scheme="dark")
        page.click("#language")
        studio.take(page, "chinese-dark")


def refused(studio: Studio, _: Stage) -> None:
    with studio.visitor(DESKTOP) as visitor:
        visitor.context.clear_permissions()
        visitor.context.grant_permissions(["camera"])
        visitor.page.click("#call")
        expect(visitor.page.get_by_role("alert")).to_be_visible()
        studio.take(visitor.page, "microphone-refused")


def full(studio: Studio, _: Stage) -> None:
    with studio.visitor(DESKTOP) as first, studio.visitor(DESKTOP) as second, studio.visitor(DESKTOP) as third:
        first.call()
        second.call()
        third.page.click("#call")
        expect(third.page.get_by_role("alert")).to_be_visible()
        studio.take(third.page, "full")
        third.page.get_by_role("button", name="Do not call").click()


def kiosk(studio: Studio, stage: Stage) -> None:
    stage.says(4.0, "conf-invalidpin")
    with studio.visitor(KIOSK, "/kiosk?mode=push&idle=5") as visitor:
        page = visitor.page
        expect(page.locator("#starts button")).to_have_count(2)
        studio.take(page, "kiosk-attract")
        page.get_by_role("button", name="English").click()
        push = page.locator("#push")
        expect(push).to_be_visible()
        push.hover()
        page.mouse.down()
        expect(page.locator("#captions .caller:visible")).to_have_count(1)
        studio.take(page, "kiosk-talking")
        page.wait_for_timeout(1500)
        page.mouse.up()
        expect(page.locator("#captions .agent").last).to_contain_text("We are open")
        expect(page.locator("#warning")).to_be_visible()
        studio.take(page, "kiosk-warning")
        page.locator("#leave").click()
        expect(page.locator("#attract")).to_be_visible()
    with studio.visitor(KIOSK) as visitor:
        visitor.page.route("**/v1/agents", lambda route: route.abort())
        visitor.go("/kiosk")
        expect(visitor.page.locator("#out h1")).to_have_text("Out of order")
        studio.take(visitor.page, "kiosk-out-of-order")


def main(folder: Path = OUT) -> None:
    """Take all pictures into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        stage = Stage(Path(scratch))
        stage.run(stage.open, chromium(os.environ))  # noqa: TID251
        (Path(scratch) / "service").mkdir()
        try:
            with serving(Path(scratch) / "service") as service:
                scenes: tuple[Callable[[Studio, Stage], None], ...] = (talking, refused, full, kiosk)
                for scene in scenes:
                    stage.run(scene, Studio(stage, service, folder), stage)
        finally:
            stage.close()


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
