"""What the tests in a browser share: one service, one Chromium whose microphone says a file, and visitors."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Playwright, expect, sync_playwright

from benchmarks.peers.language import Choice, language_model
from pipeline.audio.resample import resampled
from pipeline.audio.wav import read_wav, write_wav
from pipeline.cli.service import Service
from pipeline.core.pcm import Pcm, joined, silence
from pipeline.settings import SHARE
from tests.e2e.service import running
from tests.recordings import prompts

P = ParamSpec("P")
T = TypeVar("T")

FINDER = SHARE / "scripts" / "chromium.sh"
PATIENCE = 30_000
"""Milliseconds that a page has for anything: the models share two cores with the browser."""
RATE = 48_000
"""Of a file that Chromium takes for a microphone, in hertz."""
INSECURE = "page.test"
"""A host name that leads to this machine and that browsers do not trust."""
ANSWER = "We are open from seven in the morning until six in the evening on every weekday."
"""What the stub of a language model always says."""
GREETING = "Hello, this is the test line."
AGENT = f"""
name = "Test line"
greeting = "{GREETING}"
persona = "You are a friendly assistant on the telephone."
[cache]
answers = false
[languages.zh]
greeting = "您好，这里是测试热线。"
voice = "none"
"""
CONFIG = """
agent = "line"
agents = "{folder}/agents"
[server]
web = "127.0.0.1:0"
max_calls = 2
[rtc]
offers_burst = 1000
[dialog]
engine = "ollama"
ollama_url = "{model}"
models = ["stub"]
num_predict = 60
[recognition]
models = ["whisper-base"]
[ladder]
filler_after = 0.0
phrase_after = 0.0
[call]
no_input = 60.0
[records]
file = "{folder}/records.sqlite"
"""
TELL_VIOLATIONS = """addEventListener("securitypolicyviolation",
    (event) => console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`));"""


def chromium(environment: Mapping[str, str]) -> str:
    """Return the path of a Chromium. Raises RuntimeError that says how to get one."""
    found = subprocess.run([str(FINDER), "--find"], env=dict(environment), capture_output=True, text=True, check=False)
    if found.returncode:
        raise RuntimeError(f"{found.stderr.strip()}; VOICEPIPE_NO_BROWSER=1 skips these tests")
    return found.stdout.splitlines()[-1]


@contextmanager
def serving(folder: Path) -> Iterator[Service]:
    """Run the service with a stub of a language model, which always answers ANSWER, and all else real."""
    (folder / "agents").mkdir()
    (folder / "agents" / "line.toml").write_text(AGENT, encoding="utf-8")
    with (
        language_model(Choice.STUB, ANSWER) as model,
        running(CONFIG.format(folder=folder, model=model.url), folder) as service,
    ):
        yield service


class Stage:
    """A thread with a browser in it: Playwright's loop is not to meet those of other tests."""

    def __init__(self, folder: Path) -> None:
        self._thread = ThreadPoolExecutor(1, "browser")
        self._driver: Playwright | None = None
        self.microphone = folder / "microphone.wav"
        """What is said: Chromium reads it anew whenever a page opens the microphone."""
        self.browser: Browser

    def run(self, act: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Act in the thread. All that comes from Playwright is used there only."""
        return self._thread.submit(act, *args, **kwargs).result()

    def open(self, path: str) -> None:
        """Start the browser."""
        self.says()
        self._driver = sync_playwright().start()
        expect.set_options(timeout=PATIENCE)
        self.browser = self._driver.chromium.launch(
            executable_path=path,
            args=[
                "--no-sandbox",  # CI is root in a container
                "--use-fake-device-for-media-stream",
                f"--use-file-for-fake-audio-capture={self.microphone}%noloop",
                "--autoplay-policy=no-user-gesture-required",
                f"--host-resolver-rules=MAP {INSECURE} 127.0.0.1",
            ],
        )

    def close(self) -> None:
        """Stop the browser."""
        self.run(self._stop)
        self._thread.shutdown()

    def _stop(self) -> None:
        if self._driver is not None:
            self.browser.close()
            self._driver.stop()

    def says(self, *parts: float | str) -> None:
        """Let the microphone say recordings of people by name, and silences in seconds; then nothing more."""
        pieces = [silence(part, RATE) if isinstance(part, float) else _recording(part) for part in parts]
        write_wav(self.microphone, joined([*pieces, silence(90.0, RATE)]))


def _recording(name: str) -> Pcm:
    sound = next(read_wav(prompt.path) for prompt in prompts() if prompt.name == name)
    return resampled(sound, RATE)


@dataclass
class Visitor:
    """Somebody before a page, and what the page did wrong."""

    stage: Stage
    service: Service
    context: BrowserContext
    page: Page
    complaints: list[str] = field(default_factory=list)
    """Errors on the console, errors of scripts, violations of the policy."""
    expected: list[str] = field(default_factory=list)
    """Parts of complaints that belong to the test."""
    hosts: set[str] = field(default_factory=set)
    """Whom the page asked for anything."""

    @classmethod
    def arrive(cls, stage: Stage, service: Service, **context: Any) -> "Visitor":
        """Open an empty page that may use microphone and camera; ``context`` is Playwright's.

        Nothing moves in it: drawing without a graphics card would take the models' time.
        """
        still = {"permissions": ["microphone", "camera"], "reduced_motion": "reduce", "locale": "en-US"}
        opened = stage.browser.new_context(**{**still, **context})
        visitor = cls(stage, service, opened, opened.new_page())
        page = visitor.page
        page.set_default_timeout(PATIENCE)
        page.add_init_script(TELL_VIOLATIONS)
        page.on("console", visitor._hear)
        page.on("pageerror", lambda error: visitor.complaints.append(str(error)))
        page.on("request", lambda request: visitor.hosts.update(re.findall(r"//([^/]+)", request.url)[:1]))
        return visitor

    def go(self, path: str = "/", host: str = "") -> None:
        """Open a page of the service, in English or as its address says."""
        port = self.service.web.rpartition(":")[2]
        self.page.goto(f"http://{host or '127.0.0.1'}:{port}{path}")
        if not path.startswith("/kiosk"):
            expect(self.page.locator("#agent option")).to_have_text("Test line")

    def call(self) -> None:
        """Start a call and wait until it is open."""
        self.page.click("#call")
        expect(self.page.locator("#state")).to_have_text("The call is open.")
        expect(self.page.locator("#captions .agent").first).to_be_visible()

    def hang_up(self) -> None:
        """End the call and wait until it is over."""
        self.page.click("#call")
        expect(self.page.locator("#state[data-text=over]")).to_be_visible()

    def speak(self, name: str) -> None:
        """Say a recording now: a microphone that is chosen anew reads its file from the beginning. Twice at most."""
        self.stage.says(0.2, name)
        microphone = self.page.locator("#microphone")
        microphone.select_option(index=1 + int(microphone.evaluate("(one) => one.selectedIndex")))

    def type(self, *texts: str) -> None:
        """Send texts; each stops the answer to the one before once that is heard."""
        for text in texts:
            heard = self.page.locator("#timeline > .heard")
            before = heard.count()
            self.page.fill("#typed", text)
            self.page.keyboard.press("Enter")
            expect(heard).to_have_count(before + 1)

    def leave(self) -> list[str]:
        """Close the page; return what nobody expected of it."""
        if self.page.locator("body.calling").count():
            self.hang_up()  # the next visitor needs the seat
        self.context.close()
        wrong = [one for one in self.complaints if not any(part in one for part in self.expected)]
        allowed = {self.service.web, self.service.web.replace("127.0.0.1", INSECURE)}
        return wrong + [f"asked {host}" for host in self.hosts - allowed]

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(message.text)


def kept_calls(service: Service) -> str:
    """Return what the command line tells of the calls, as an operator would see it."""
    command = [sys.executable, "-m", "pipeline", "calls", "export", "--json", "--config"]
    settings = service.log.with_name("settings.toml")
    return subprocess.run([*command, str(settings)], capture_output=True, text=True, check=True, timeout=60).stdout


def wanted(environment: Mapping[str, str] = os.environ) -> bool:  # noqa: TID251
    """Return whether these tests are to run at all."""
    return not environment.get("VOICEPIPE_NO_BROWSER")
