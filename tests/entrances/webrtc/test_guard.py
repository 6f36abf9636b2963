"""Foreign datagrams: junk and ClientHellos from who has no call, during the set-up of calls."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import anyio
import pytest

from tests.entrances.webrtc.browser import SDP, Page, web

pytestmark = pytest.mark.anyio

CALLS = 6
CLIENT_HELLO = bytes.fromhex(
    "16fefd" + "0000" + "000000000000" + "0038"  # record: handshake, DTLS 1.2, its first, 56 bytes
    "01" + "00002c" + "0000" + "000000" + "00002c"  # ClientHello, 44 bytes in one fragment
    "fefd" + "00" * 32 + "00" + "00" + "00020001" + "0100" + "0000"
)
"""With TLS_RSA_WITH_NULL_MD5 alone, which no server takes: whoever reads it sends an alert and gives up."""
JUNK = (
    CLIENT_HELLO,
    b"\x16" * 60,
    b"\x80" * 172,
    b"\x00\x01\x00\x00\x21\x12\xa4\x42" + b"x" * 12 + b"rest",
    b"?",
    bytes(1200),
)


@contextmanager
def under_fire(ports: list[tuple[str, int]]) -> Iterator[None]:
    """Send junk to the ports that are listed, all the time, from a socket that belongs to no call."""
    over = threading.Event()

    def fire() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as foreign:
            while not over.wait(0.002):
                for port in list(ports):
                    for junk in JUNK:
                        foreign.sendto(junk, port)

    thread = threading.Thread(target=fire)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def addresses(sdp: str) -> list[tuple[str, int]]:
    """Return the IPv4 candidates of an answer."""
    found = [line.split() for line in sdp.splitlines() if line.startswith("a=candidate")]
    return [(parts[4], int(parts[5])) for parts in found if ":" not in parts[4]]


async def test_all_calls_connect_while_foreigners_send_junk_and_client_hellos() -> None:
    ports: list[tuple[str, int]] = []

    async def call(page: Page) -> None:
        answer = await page.web.post("/v1/rtc", content=await page.offer(), headers=SDP)
        ports[:] = addresses(answer.text)
        with anyio.move_on_after(0.2):  # the first shots come before the browser does
            await page.opened.wait()
        await page.answered(answer.text)
        page.send({"start": {}})
        await page.next("started")

    async with web() as service, service.page() as warm:
        await warm.call({})
        with under_fire(ports):
            for _ in range(CALLS):
                async with service.page() as page:
                    await call(page)
                    page.channel.close()
        warm.channel.close()
        assert service.metrics.datagrams_dropped._value.get() > CALLS * len(JUNK)
