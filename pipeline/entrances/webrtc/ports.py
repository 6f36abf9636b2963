"""Ports: the range in which browsers' sound arrives, where a firewall or a container lets no other ports through."""

import errno
import socket
from collections.abc import Callable
from typing import Any

import uvloop


class PortLoop(uvloop.Loop):
    """An event loop whose UDP sockets without a port of their own get one of a range, each as late as possible again.

    aioice asks its loop for "any" port and offers no other way to choose.
    """

    def __init__(self, ports: range) -> None:
        """Choose among ``ports``; without any, as every loop does."""
        super().__init__()
        self._ports = ports
        self._next = 0

    async def create_datagram_endpoint(
        self,
        protocol_factory: Callable[[], Any],
        local_addr: Any = None,
        remote_addr: Any = None,
        **options: Any,
    ) -> Any:
        """Open a socket. Raises OSError where no port is free."""
        if not self._ports or local_addr is None or local_addr[1]:
            return await super().create_datagram_endpoint(protocol_factory, local_addr, remote_addr, **options)
        bound = self._bound(local_addr[0])
        try:
            return await super().create_datagram_endpoint(protocol_factory, sock=bound, **options)
        except BaseException:
            bound.close()
            raise

    def _bound(self, host: str) -> socket.socket:
        numeric = socket.AI_NUMERICHOST
        ((family, kind, protocol, _, address),) = socket.getaddrinfo(host, 0, type=socket.SOCK_DGRAM, flags=numeric)
        made = socket.socket(family, kind, protocol)
        made.setblocking(False)
        for _ in self._ports:
            port = self._ports[self._next]
            self._next = (self._next + 1) % len(self._ports)
            try:
                made.bind((address[0], port, *address[2:]))
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    made.close()
                    raise
            else:
                return made
        made.close()
        raise OSError(errno.EADDRINUSE, "no port of the range is free")
