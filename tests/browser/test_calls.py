"""Calls from the page in a real Chromium, with recordings of people for a microphone."""

import base64
import io
import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import anyio
import av
import pytest
from playwright.sync_api import FilePayload, Route, expect

from pipeline.core.pcm import Pcm
from pipeline.hearing.whisper import Whisper
from pipeline.settings import Recognition
from tests.browser.house import ANSWER, GREETING, Visitor, kept_calls
from tests.e2e.test_calls import talk
from tests.engine.words import word_errors

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

QUESTION, OBJECTION = "conf-invalidpin", "conf-onlyperson"
SAID = {
    QUESTION: "That pin is invalid for this conference.",
    OBJECTION: "You are currently the only person in this conference.",
}
RECORD = """() => {
    window.pieces = [];
    window.recorder = new MediaRecorder(document.getElementById("speaker").srcObject);
    recorder.ondataavailable = ({ data }) => pieces.push(data);
    recorder.start();
}"""
RECORDED = """async () => {
    await new Promise((done) => setTimeout(done, 600));  // the end of the reply is in the browser's jitter buffer
    await new Promise((done) => { recorder.onstop = done; recorder.stop(); });
    const bytes = new Uint8Array(await new Blob(pieces).arrayBuffer());
    return btoa(Array.from(bytes, (one) => String.fromCharCode(one)).join(""));
}"""
DROP = """(list, kind) => {
    const canvas = Object.assign(document.createElement("canvas"), { width: 3000, height: 1500 });
    canvas.getContext("2d").fillText("4.50", 20, 20);
    return new Promise((done) => canvas.toBlob((blob) => {
        const carried = new DataTransfer();
        carried.items.add(new File([blob], "receipt.png", { type: "image/png" }));
        const event = kind === "paste"
            ? new ClipboardEvent("paste", { clipboardData: carried, bubbles: true, cancelable: true })
            : new DragEvent("drop", { dataTransfer: carried, bubbles: true, cancelable: true });
        list.dispatchEvent(event);
        done();
    }));
}"""


def decoded(recording: str) -> Pcm:
    """Return what the browser recorded at 16 kHz."""
    resampler = av.AudioResampler(format="s16", layout="mono", rate=16_000)
    with av.open(io.BytesIO(base64.b64decode(recording)), "r") as file:
        frames = [piece for frame in file.decode(audio=0) for piece in resampler.resample(frame)]
    return Pcm(b"".join(frame.to_ndarray().tobytes() for frame in frames), 16_000)


def transcribed(sound: Pcm, model: Path) -> str:
    async def listen() -> str:
        whisper = Whisper.load(model, Recognition())
        return " ".join([(await whisper.transcribe(piece, "en")).text for piece in talk(sound, gap=2.0)])

    with ThreadPoolExecutor(1) as apart:  # from Playwright's loop
        return apart.submit(anyio.run, listen).result()


def test_a_caller_is_understood_and_answered_and_may_speak_over_the_answer(
    visitor: Visitor, model_path: Callable[[str], Path]
) -> None:
    page = visitor.page
    page.emulate_media(reduced_motion="no-preference")
    visitor.go()
    visitor.call()
    expect(page.locator("#captions > li").first.locator(".words")).to_have_text(GREETING)
    expect(page.locator("#phase")).to_have_text("Speak now")
    visitor.speak(QUESTION)
    expect(page.locator("#timeline > .heard")).to_have_count(1)
    visitor.speak(OBJECTION)

    first = page.locator("#captions .agent.interrupted")
    expect(first.locator("strong.cut")).to_have_text("you cut in here")
    page.evaluate(RECORD)
    heard, _, unheard = first.locator(".words").inner_text().partition("you cut in here")
    assert ANSWER.startswith(heard.strip())
    assert heard.strip()
    assert unheard
    expect(page.locator("#timeline .cut")).to_contain_text(re.compile(r"after \d\.\d s of the answer; it stopped"))

    expect(page.locator("#captions .agent").nth(2).locator(".thumb.up")).to_be_visible()
    asked = page.locator("#captions .caller .words").all_inner_texts()
    assert word_errors(SAID.values(), asked) < 0.3
    expect(page.locator("#captions .agent .words").nth(2)).to_have_text(ANSWER)
    understood = transcribed(decoded(page.evaluate(RECORDED)), model_path("whisper-base"))
    assert word_errors([ANSWER], [understood]) < 0.3

    turns = page.locator("#timeline > li.settled")
    expect(turns).to_have_count(2)
    expect(turns.locator(".gap").first).to_have_text(re.compile(r"^\d+ ms$"))
    assert turns.first.locator(".bar i").count() > 0
    assert "have you finished?" in turns.first.locator(".parts").inner_text()
    expect(page.locator("#gauges .network")).to_have_attribute("data-quality", re.compile("good|fair|poor"))
    visitor.hang_up()
    expect(page.locator("#trouble")).to_be_hidden()


def test_a_typed_turn_is_answered_and_its_thumbs_are_kept(visitor: Visitor) -> None:
    page, keys = visitor.page, list[str]()
    visitor.expected.append("ERR_FAILED")

    def fails_once(route: Route) -> None:
        keys.append((route.request.post_data_json or {})["idempotencyKey"])
        if len(keys) == 1:
            route.abort()
        else:
            route.continue_()

    page.route("**/feedback", fails_once)
    visitor.go()
    visitor.call()
    visitor.type("When do you open?", "And when do you close?")
    rated = page.locator("#captions .agent", has=page.locator(".thumb")).first
    rated.locator(".up").click()
    rated.get_by_role("button", name="Try again").click()
    expect(rated.locator(".told")).to_have_text("Saved, thank you")
    assert keys[0] == keys[1]
    rated.locator(".down").click()
    expect(rated.locator(".told")).to_have_text("Saved, thank you")
    expect(rated.locator(".up")).to_have_attribute("aria-pressed", "false")
    rated.get_by_label("What should have been said?").fill("At seven, except on Mondays.")
    rated.get_by_role("button", name="Send").click()
    expect(rated.locator("form")).to_have_count(0)
    expect(rated.locator(".told")).to_have_text("Saved, thank you")
    expect(rated.locator(".down")).to_have_attribute("aria-pressed", "true")
    visitor.hang_up()
    kept = [one for call in json.loads(kept_calls(visitor.service)) for one in call["feedback"]]
    told = [(one["turn"], one["rating"], one["correction"]) for one in kept]
    assert told.count((1, "down", "At seven, except on Mondays.")) == 1


def test_pictures_are_made_small_and_sent_by_button_drop_paste_and_camera(visitor: Visitor, tmp_path: Path) -> None:
    """Shows the page's side alone: what the service answers, and that it takes pictures, is made up here."""
    page, sent = visitor.page, list[tuple[str, bytes]]()
    visitor.expected.append("415")

    def take(route: Route) -> None:
        sent.append((route.request.headers["content-type"], route.request.post_data_buffer or b""))
        if len(sent) == 4:
            route.fulfill(status=415, json={"reason": "UNSUPPORTED_TYPE", "message": "no picture"})
        else:
            route.fulfill(status=201, json={"media_id": f"m{len(sent)}", "size_bytes": len(sent[-1][1])})

    page.route("**/v1/conversations/*/media", take)
    page.add_init_script(takes_pictures_of(10_000_000))
    visitor.go()
    expect(page.get_by_role("button", name="Add a picture")).to_be_hidden()
    visitor.call()
    page.locator("#file").set_input_files(FilePayload(name="a.svg", mimeType="image/svg+xml", buffer=b"<svg/>"))
    expect(page.locator(".picture .note").last).to_have_text("Not sent: this is no picture that can be read.")
    page.locator("#captions").evaluate(DROP, "drop")
    page.locator("#typed").evaluate(DROP, "paste")
    expect(page.locator(".picture img")).to_have_count(2)
    page.get_by_role("button", name="Camera").click()
    page.get_by_role("button", name="Take the picture").click()
    expect(page.locator(".picture img")).to_have_count(3)
    expect(page.locator(".picture .note", has_text=re.compile("^Sent$"))).to_have_count(3)
    page.locator("#captions").evaluate(DROP, "drop")
    expect(page.locator(".picture .note").last).to_have_text("Not sent: this is no picture that can be read.")
    for kind, content in sent:
        with av.open(io.BytesIO(content), "r") as picture:
            frame = next(picture.decode(video=0))
        assert kind == "image/jpeg"
        assert content.startswith(b"\xff\xd8")
        assert max(frame.width, frame.height) <= 2000
    visitor.hang_up()
    expect(page.get_by_role("button", name="Add a picture")).to_be_hidden()


RECEIPT = """() => {
    const canvas = Object.assign(document.createElement("canvas"), { width: 900, height: 500 });
    const paper = canvas.getContext("2d");
    paper.fillStyle = "white";
    paper.fillRect(0, 0, 900, 500);
    paper.fillStyle = "black";
    paper.font = "64px sans-serif";
    paper.fillText("HARBOUR BAKERY", 60, 140);
    paper.fillText("TOTAL 23.40", 60, 280);
    return canvas.toDataURL("image/png").split(",")[1];
}"""


def test_a_picture_is_read_by_the_service_and_the_page_tells_what(visitor: Visitor) -> None:
    page = visitor.page
    visitor.go()
    visitor.call()
    receipt = base64.b64decode(page.evaluate(RECEIPT))
    page.locator("#file").set_input_files(FilePayload(name="receipt.png", mimeType="image/png", buffer=receipt))
    expect(page.locator(".picture .read").last).to_contain_text("23.40")
    expect(page.locator(".picture .read").last).to_contain_text("BAKERY")
    elsewhere = page.evaluate(
        """([id, receipt]) => fetch(`/v1/conversations/${id}/media`, {
            method: "POST",
            headers: { "Content-Type": "image/png" },
            body: Uint8Array.from(atob(receipt), (one) => one.charCodeAt(0)),
        }).then((answer) => answer.status)""",
        [live_call(visitor), base64.b64encode(receipt).decode()],
    )
    assert elsewhere == 201
    expect(page.locator(".picture .read")).to_have_count(2)
    visitor.hang_up()


def live_call(visitor: Visitor) -> str:
    """Return the id of the call that goes on, as its records have it."""
    (call,) = [call for call in json.loads(kept_calls(visitor.service)) if not call["reason"]]
    return str(call["conversation"])


def takes_pictures_of(most_bytes: int) -> str:
    """Return a script that lets the page believe that pictures of so many bytes are taken."""
    return f"""
        const parse = JSON.parse;
        JSON.parse = (text) => {{
            const message = parse(text);
            if (message?.started) message.started.limits.maxImageBytes = {most_bytes};
            return message;
        }};
    """


def test_without_pictures_nothing_is_shown_of_them(visitor: Visitor) -> None:
    visitor.page.add_init_script(takes_pictures_of(0))
    visitor.go()
    visitor.call()
    expect(visitor.page.locator(".pictures")).to_be_hidden()
    visitor.page.locator("#captions").evaluate(DROP, "drop")
    expect(visitor.page.locator(".picture")).to_have_count(0)
