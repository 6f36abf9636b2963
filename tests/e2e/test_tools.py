"""Tools in a real call: a real model asks, a real system answers over HTTP, and the client does its part."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import grpc.aio
import pytest
from google.protobuf.struct_pb2 import Struct

from pipeline.cli.service import Service
from pipeline.entrances.generated.voicepipe.v1 import config_pb2, input_pb2, output_pb2
from tests.e2e.conftest import CONFIG
from tests.e2e.service import calling, running
from tests.entrances.calls import Caller
from tests.ollama_server import OllamaServer

pytestmark = [pytest.mark.e2e, pytest.mark.anyio, pytest.mark.timeout(400)]

QWEN = "qwen2.5-coder-1.5b-instruct"
AGENT = """
name = "Orders"
persona = "You are the telephone of a shop. You look up orders, cancel orders and connect callers with people."

[control]
hang_up = true

[control.transfer]
billing = "sip:billing@shop"

[[tools]]
name = "order_status"
description = "Tells where an order is."
url = "{url}/orders/{{order}}"
parameters = {{type = "object", properties = {{order = {{type = "string"}}}}, required = ["order"]}}

[[tools]]
name = "cancel_order"
description = "Cancels an order."
url = "{url}/orders/{{order}}"
method = "DELETE"
idempotent = false
confirm = "Shall I cancel order {{order}}?"
parameters = {{type = "object", properties = {{order = {{type = "string"}}}}, required = ["order"]}}
"""


@dataclass
class Shop:
    """A system with orders, and what was asked of it."""

    url: str = ""
    asked: list[str] = field(default_factory=list)


@contextmanager
def shop() -> Iterator[Shop]:
    """Serve orders on a free port."""
    kept = Shop()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer({"order": self.path.rpartition("/")[2], "state": "will be delivered on Friday"})

        def do_DELETE(self) -> None:
            self._answer({"cancelled": True})

        def _answer(self, body: object) -> None:
            kept.asked.append(f"{self.command} {self.path}")
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    kept.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield kept
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def orders(ollama: OllamaServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Service, Shop]]:
    """The service with an agent that has tools, on Qwen2.5-Coder."""
    folder = tmp_path_factory.mktemp("orders")
    (folder / "agents").mkdir()
    config = CONFIG.format(agents=folder / "agents", ollama=ollama.url)
    config = config.replace("smollm2-135m-instruct", ollama.register(QWEN)).replace(
        "num_predict = 16", "num_predict = 60\ntemperature = 0.0"
    )
    # Nobody says that it takes too long: the machine may have other work.
    config += "\n[ladder]\nphrase_after = 0.0\n"
    with shop() as kept:
        (folder / "agents" / "line.toml").write_text(AGENT.format(url=kept.url))
        with running(config, folder) as service:
            yield service, kept


async def said(caller: Caller, text: str) -> str:
    """Ask in writing, and return what was answered."""
    await caller.send(text=input_pb2.TextInput(text=text, language="en"))
    return (await caller.next("response_done")).response_done.text


async def test_the_answer_holds_what_the_shops_system_said(orders: tuple[Service, Shop]) -> None:
    service, kept = orders
    async with calling(service) as caller:
        answer = await said(caller, "Where is my order 48213?")
    assert "GET /orders/48213" in kept.asked
    assert "Friday" in answer


async def test_an_order_is_cancelled_when_the_caller_has_said_yes(orders: tuple[Service, Shop]) -> None:
    service, kept = orders
    async with calling(service) as caller:
        assert await said(caller, "Please cancel my order 48213.") == "Shall I cancel order 48213?"
        assert "DELETE /orders/48213" not in kept.asked
        await said(caller, "Yes, please.")
    assert "DELETE /orders/48213" in kept.asked


async def test_the_client_is_asked_to_transfer_the_call(orders: tuple[Service, Shop]) -> None:
    service, _ = orders
    async with calling(service) as caller:
        await caller.send(text=input_pb2.TextInput(text="Connect me with billing, please.", language="en"))
        action = (await caller.next("action")).action
        done = (await caller.next("response_done")).response_done
    assert action.transfer.target == "sip:billing@shop"
    assert not action.immediate
    assert done.status == output_pb2.RESPONSE_STATUS_COMPLETED
    assert done.text


async def test_a_tool_of_the_client_is_run_by_the_client(orders: tuple[Service, Shop]) -> None:
    service, _ = orders
    number = Struct()
    number.update({"type": "object", "properties": {"customer": {"type": "string"}}, "required": ["customer"]})
    about = "Looks up a customer's balance. Use it whenever the caller asks for the balance and has said the number."
    balance = config_pb2.ToolDeclaration(name="customer_balance", description=about, parameters=number)
    question = "I am customer 77120. What is my balance?"
    async with calling(service, tools=[balance]) as caller:
        await caller.send(text=input_pb2.TextInput(text=question, language="en"))
        call = (await caller.next("tool_call")).tool_call
        result = Struct()
        result.update({"balance": "23 dollars"})
        await caller.send(tool_result=input_pb2.ToolResult(call_id=call.call_id, result=result))
        done = (await caller.next("response_done")).response_done
    assert call.name == "customer_balance"
    assert dict(call.arguments) == {"customer": "77120"}
    assert "23" in done.text


async def test_a_tool_with_the_name_of_the_agents_own_is_refused(orders: tuple[Service, Shop]) -> None:
    service, _ = orders
    async with grpc.aio.insecure_channel(service.grpc) as channel:
        caller = Caller(channel)
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await caller.start(tools=[config_pb2.ToolDeclaration(name="transfer_call", description="Mine.")])
    assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "start.tools[0].name" in (raised.value.details() or "")
