"""The page for who has no mouse, sees little or nothing, or reads Chinese."""

import re
from typing import Literal

import pytest
from playwright.sync_api import Page, expect

from tests.browser.house import GREETING, Visitor

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

SCHEMES: tuple[Literal["dark", "light"], ...] = ("dark", "light")
CONTROL = re.compile(r"^\s*- (?:button|textbox|combobox|checkbox|dialog|link|meter)\b(?! \")", re.MULTILINE)
"""A control in Playwright's picture of what screen readers are told, without a name."""
CONTRASTS = """() => {
    const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    const light = (colour) => {
        canvas.clearRect(0, 0, 1, 1);
        canvas.fillStyle = colour;
        canvas.fillRect(0, 0, 1, 1);
        const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
        const part = (one) => { const c = one / 255; return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; };
        return [0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b), a];
    };
    const behind = (element) => {
        for (let one = element; one; one = one.parentElement) {
            const [value, alpha] = light(getComputedStyle(one).backgroundColor);
            if (alpha) return value;
        }
        return 1;
    };
    const faint = [];
    for (const one of document.querySelectorAll("body *")) {
        const words = [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
        if (!words || !one.checkVisibility() || one.closest(":disabled, .aside, option")) continue;
        const [a, b] = [light(getComputedStyle(one).color)[0], behind(one)].sort((x, y) => y - x);
        const ratio = (a + 0.05) / (b + 0.05);
        if (ratio < 4.5) faint.push(`${one.tagName} ${one.id} ${one.className}: ${ratio.toFixed(2)}`);
    }
    return faint;
}"""


def focused(page: Page) -> str:
    """Return the id of what has the focus, or its class."""
    return str(page.evaluate("() => document.activeElement.id || document.activeElement.className"))


def tab_to(page: Page, place: str, key: str = "Tab") -> None:
    """Press a key until something has the focus."""
    for _ in range(25):
        if place in focused(page).split():
            return
        page.keyboard.press(key)
    raise AssertionError(f"{place} cannot be reached by {key}")


def test_a_whole_call_needs_no_mouse(visitor: Visitor) -> None:
    page = visitor.page
    visitor.go()
    order = []
    for _ in range(4):
        page.keyboard.press("Tab")
        order.append(focused(page))
    assert order == ["language", "agent", "microphone", "call"]
    page.keyboard.press("Enter")
    expect(page.locator("#state")).to_have_text("The call is open.")
    expect(page.locator("#captions")).to_contain_text(GREETING)
    assert focused(page) == "call"
    tab_to(page, "typed")
    for text in ("When do you open?", "And when do you close?"):
        page.keyboard.type(text)
        page.keyboard.press("Enter")
        expect(page.locator("#captions .caller").last).to_contain_text(text)
        expect(page.locator("#captions .agent:visible").last).to_contain_text("We are open")
    expect(page.locator(".thumb.down")).to_be_visible()
    tab_to(page, "down", "Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.locator(".feedback textarea").first).to_be_focused()
    page.keyboard.type("At seven.")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator(".told").first).to_have_text("Saved, thank you")
    assert focused(page) == "thumb down"
    tab_to(page, "call", "Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#state")).to_have_text("The call is over.")


def test_every_control_has_a_name_and_every_word_can_be_read(visitor: Visitor) -> None:
    page = visitor.page

    def look() -> None:
        assert CONTROL.findall(page.locator("body").aria_snapshot()) == []
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            assert page.evaluate(CONTRASTS) == [], scheme

    for path in ("/kiosk", "/"):
        visitor.go(path)
        expect(page.get_by_role("button").first).to_be_visible()
        look()
    visitor.call()
    visitor.type("When do you open?", "And when do you close?")
    page.locator(".thumb.down").first.click()
    expect(page.locator(".told").first).to_have_text("Saved, thank you")
    look()


def test_captions_are_read_out_only_to_who_wants_it(visitor: Visitor) -> None:
    visitor.go()
    log = visitor.page.get_by_role("log", name="What is said")
    expect(log).to_have_attribute("aria-live", "off")  # a screen reader would talk over the agent
    visitor.page.get_by_label("Let my screen reader read it").check()
    expect(log).to_have_attribute("aria-live", "polite")


def test_all_words_change_with_the_language(visitor: Visitor) -> None:
    page = visitor.page
    visitor.go()
    visitor.call()
    visitor.type("When do you open?", "And when do you close?")
    page.click("#language")
    expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")
    expect(page.locator("#call")).to_have_text("结束通话")
    expect(page.locator("#timeline strong").last).to_have_text("第 1 轮")
    expect(page.locator(".thumb.up").first).to_have_attribute("aria-label", "回答得好")
    own = page.evaluate("() => [...document.querySelectorAll('[data-text]')].map((one) => one.textContent).join(' ')")
    assert re.findall(r"[A-Za-z]{3,}", own.replace("English", "")) == []
    page.click("#language")
    expect(page.locator("#call")).to_have_text("End call")


def test_a_phone_shows_everything_without_scrolling_sideways(visitor: Visitor) -> None:
    page = visitor.page
    page.set_viewport_size({"width": 360, "height": 740})
    visitor.go()
    visitor.call()
    visitor.type("When do you open?", "And when do you close?")
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 360
    for name in ("End call", "Send"):
        box = page.get_by_role("button", name=name).bounding_box()
        assert box is not None
        assert box["height"] >= 44
