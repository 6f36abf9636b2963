"""The range of ports for sound, on the event loop that the service runs on."""

import re
import socket
from collections.abc import Awaitable, Callable
from contextlib import ExitStack, suppress

import pytest
import uvloop
from pydantic import ValidationError

from pipeline.entrances.webrtc.ports import PortLoop
from pipeline.settings import Rtc
from tests.entrances.webrtc.browser import SDP, web


def on(ports: range, test: Callable[[], Awaitable[None]]) -> None:
    async def run() -> None:
        await test()

    uvloop.run(run(), loop_factory=lambda: PortLoop(ports))


def told(sdp: str) -> list[int]:
    """Return the ports of an answer's candidates, each once: they stand below the sound and below the data channel."""
    found = re.findall(r"^a=candidate:\S+ \d+ udp \d+ \S+ (\d+) typ host", sdp, re.MULTILINE)
    return [int(port) for port in dict.fromkeys(found)]


def taken(held: ExitStack) -> int:
    """Return a port that is taken on all addresses of the machine until ``held`` closes."""
    old = held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    old.bind(("0.0.0.0", 0))
    port = int(old.getsockname()[1])
    with suppress(OSError):  # a machine without IPv6 has no such addresses
        new = held.enter_context(socket.socket(socket.AF_INET6, socket.SOCK_DGRAM))
        new.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        new.bind(("::", port))
    return port


def test_sound_arrives_in_the_range_and_each_port_is_used_again_as_late_as_possible() -> None:
    ports = range(23_400, 23_500)
    seen: list[int] = []

    async def test() -> None:
        async with web() as service:
            for _ in range(2):
                async with service.page() as page:
                    answer = await service.client.post("/v1/rtc", content=await page.offer(), headers=SDP)
                    seen.extend(told(answer.text))
                    await page.answered(answer.text)
                    page.send({"start": {}})
                    await page.next("started")
                    page.channel.close()

    on(ports, test)
    assert seen == sorted(set(seen)) != []
    assert set(seen) <= set(ports)


def test_where_no_port_is_free_the_offer_is_refused_and_may_come_again() -> None:
    with ExitStack() as held:
        port = taken(held)

        async def test() -> None:
            async with web() as service, service.page() as page:
                answer = await service.client.post("/v1/rtc", content=await page.offer(), headers=SDP)
                assert (answer.status_code, answer.json()["reason"]) == (503, "NO_PORT")
                assert int(answer.headers["Retry-After"]) > 0

        on(range(port, port + 1), test)


def test_without_a_range_any_port_will_do() -> None:
    async def test() -> None:
        async with web() as service, service.page() as page:
            answer = await service.client.post("/v1/rtc", content=await page.offer(), headers=SDP)
            assert told(answer.text)

    on(range(0), test)


@pytest.mark.parametrize("ports", ["40000", "40099-40000", "80-90", "60000-70000", "a-b", "1-2-3", "-1-5"])
def test_a_range_that_is_none_is_refused(ports: str) -> None:
    with pytest.raises(ValidationError, match="ports"):
        Rtc(ports=ports)


def test_a_range_includes_its_last_port() -> None:
    assert Rtc(ports="40000-40099").port_range == range(40_000, 40_100)
