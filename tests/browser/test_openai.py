"""A call of OpenAI's own browser client, unchanged as npm has it, in a real Chromium."""

import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from pipeline.cli.service import Service
from pipeline.settings import SHARE
from tests.browser.house import ANSWER, GREETING, Stage, Visitor
from tests.browser.test_calls import QUESTION, SAID
from tests.engine.words import word_errors

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

CONNECT = """async (calls) => {
    const { OpenAIRealtimeWebRTC, RealtimeAgent, RealtimeSession } = OpenAIAgentsRealtime;
    const transport = new OpenAIRealtimeWebRTC({ baseUrl: calls });
    window.session = new RealtimeSession(new RealtimeAgent({ name: "Line", instructions: "Be brief." }), { transport });
    window.events = [];
    window.errors = [];
    transport.on("*", (event) => events.push(event));
    session.on("error", (error) => errors.push(JSON.stringify(error)));
    await session.connect({ apiKey: "ek_nobody_asks_for_one" });
}"""
SAID_BY = """(role) => session.history.filter((item) => item.role === role && item.status === "completed")
    .map((item) => item.content.map((part) => part.transcript ?? part.text).join(" "))"""
ANSWERED = "(count) => events.filter((event) => event.type === 'response.done').length >= count"
TYPES = "() => events.map((event) => event.type)"


@pytest.fixture
def stranger(stage: Stage, service: Service) -> Iterator[Visitor]:
    """Somebody before a page of their own that has OpenAI's client in it."""
    found = subprocess.run([SHARE / "scripts" / "openai_client.sh"], capture_output=True, text=True, check=True)
    visitor = stage.run(Visitor.arrive, stage, service, locale="en-US", bypass_csp=True)
    stage.run(visitor.go)
    stage.run(visitor.page.add_script_tag, path=found.stdout.strip())
    yield visitor
    assert stage.run(visitor.leave) == []


def connect(visitor: Visitor) -> None:
    visitor.page.evaluate(CONNECT, f"http://{visitor.service.web}/v1/realtime/calls?agent=line")


def last(visitor: Visitor, kind: str) -> Any:
    return visitor.page.evaluate("(kind) => events.filter((event) => event.type === kind).at(-1)", kind)


def test_its_session_is_ours_and_each_turn_is_in_its_history(stranger: Visitor, stage: Stage) -> None:
    stage.says(5.0, QUESTION)
    page = stranger.page
    connect(stranger)
    assert last(stranger, "session.updated")["session"]["model"] == "line"
    page.wait_for_function(ANSWERED, arg=2)
    page.wait_for_function(f"() => ({SAID_BY})('user').length === 1 && ({SAID_BY})('assistant').length === 2")
    assert word_errors([SAID[QUESTION]], page.evaluate(SAID_BY, "user")) < 0.3
    assert page.evaluate(SAID_BY, "assistant") == [GREETING, ANSWER]
    told = page.evaluate(TYPES)
    assert told.index("input_audio_buffer.speech_started") < told.index("input_audio_buffer.committed")
    assert "output_audio_buffer.started" in told

    page.evaluate("session.sendMessage('When do you open?')")
    page.wait_for_function("() => events.filter((event) => event.type === 'output_audio_buffer.started').length >= 3")
    page.evaluate("session.interrupt()")
    page.wait_for_function(ANSWERED, arg=3)
    cut = last(stranger, "response.done")["response"]
    assert cut["status"] == "cancelled"
    assert ANSWER.startswith(cut["output"][0]["content"][0]["transcript"].strip())
    assert page.evaluate("session.history.filter((item) => item.role === 'user').length") == 2
    assert page.evaluate("session.usage.totalTokens") >= 0
    assert page.evaluate("errors") == []
    page.evaluate("session.close()")


def test_its_tools_are_taken(stranger: Visitor) -> None:
    """The model of these tests calls no tool: that they are asked for is shown by the tests of the events."""
    page = stranger.page
    page.evaluate(
        CONNECT.replace('instructions: "Be brief."', 'instructions: "Be brief.", tools: [weather]')
        .replace(
            "const transport", "const { tool } = OpenAIAgentsRealtime; const weather = tool(WEATHER); const transport"
        )
        .replace("WEATHER", WEATHER),
        f"http://{stranger.service.web}/v1/realtime/calls",
    )
    assert last(stranger, "session.updated")["session"]["tools"][0]["name"] == "weather"
    page.evaluate("session.close()")


WEATHER = """{ name: "weather", description: "Tell the weather.", strict: false, execute: async () => "grey",
    parameters: { type: "object", properties: {}, required: [], additionalProperties: true } }"""
