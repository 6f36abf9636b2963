"""A model hub on a loopback port: ranges, entity tags, and connections that break where a test says so."""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class HubServer:
    """What the hub has, how it misbehaves, and what it was asked."""

    def __init__(self) -> None:
        self.url = ""
        self.files: dict[str, bytes] = {}
        """Body by path, for example ``/owner/repo/resolve/main/model.bin``."""
        self.breaks: list[int] = []
        """The first answers each break off after so many bytes of the body."""
        self.asked: list[tuple[str, str]] = []
        """Path and Range of every request so far."""

    def put(self, path: str, body: bytes) -> None:
        self.files[f"/owner/repo/resolve/main/{path}"] = body


class _Handler(BaseHTTPRequestHandler):
    hub: HubServer

    def do_GET(self) -> None:
        wanted = self.headers.get("Range", "")
        self.hub.asked.append((self.path, wanted))
        body = self.hub.files.get(self.path)
        if body is None:
            self.send_error(404)
            return
        tag = f'"{hashlib.sha256(body).hexdigest()[:8]}"'
        part = bool(wanted) and self.headers.get("If-Range") == tag
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if part else 0
        self.send_response(206 if part else 200)
        self.send_header("ETag", tag)
        self.send_header("Content-Length", str(len(body) - start))
        if part:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        self.end_headers()
        limit = self.hub.breaks.pop(0) if self.hub.breaks else len(body)
        self.wfile.write(body[start : start + limit])
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def serving() -> Iterator[HubServer]:
    hub = HubServer()
    handler = type("Handler", (_Handler,), {"hub": hub})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
