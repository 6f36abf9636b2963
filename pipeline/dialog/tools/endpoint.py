"""Endpoints: tools that are requests to a business system over HTTP."""

import json
import re
import ssl
from collections.abc import Mapping
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any
from urllib.parse import quote

import anyio
import httpx

from pipeline.core.errors import ToolError
from pipeline.dialog.tools.declared import PLACEHOLDER, DeclaredTool
from pipeline.dialog.tools.results import written
from pipeline.settings import SettingsError

ANSWER_BYTES = 256 << 10
"""No answer is longer: a model is shown a few thousand characters, and 256 KiB of JSON are read in 3 ms."""
PAUSES = (0.1, 0.3)
"""Seconds before each further attempt."""
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_HEADER_VALUE = re.compile(r"[!-~]([ -~]*[!-~])?")
_NO_SEGMENTS = {"", ".", ".."}


def opened() -> httpx.AsyncClient:
    """Return a client for all endpoints of a toolbox. It trusts the machine's certificates, and no proxy.

    Redirects are not followed, and cookies not kept: one caller's session would be another's.
    """
    return httpx.AsyncClient(
        verify=ssl.create_default_context(),
        trust_env=False,
        follow_redirects=False,
        timeout=None,  # noqa: S113  a run as a whole has a deadline
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
    )


class Endpoint:
    """Sends a tool's arguments where its declaration says, and reads JSON."""

    def __init__(self, client: httpx.AsyncClient, tool: DeclaredTool, names: Mapping[str, str]) -> None:
        """Take the variables of ``headers`` from ``names``. Raises SettingsError for one that is not there."""
        self._client = client
        self._tool = tool
        self._headers = {key: _resolved(tool.name, key, value, names) for key, value in tool.headers.items()}
        # A few compressed bytes can be as long as one likes.
        self._headers |= {"Accept": "application/json", "Accept-Encoding": "identity"}

    async def __call__(self, arguments: Mapping[str, Any]) -> Any:
        """Return the answer's JSON, or "done" where it is empty. Raises ToolError.

        What may be repeated is tried up to three times; an attempt that is not the last has half of the tool's timeout.
        """
        request = self._request(arguments)
        for pause in PAUSES if self._tool.repeatable else ():
            with anyio.move_on_after(self._tool.timeout / 2):
                try:
                    return await self._attempt(request)
                except ToolError as error:
                    if not error.retryable:
                        raise
            await anyio.sleep(pause)
        return await self._attempt(request)

    def _request(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Return what httpx is asked for."""
        left = dict(arguments)

        def segment(match: re.Match[str]) -> str:
            text = written(left.pop(match[1]))
            if text in _NO_SEGMENTS:
                raise ToolError("tool-arguments", f"{self._tool.name} was not run: {match[1]} is nothing to ask for")
            return quote(text, safe="")

        # Each stands once, so that none is taken twice.
        url = httpx.URL(PLACEHOLDER.sub(segment, self._tool.url))
        if self._tool.sends == "json":
            return {"method": self._tool.verb, "url": url, "json": left}
        return {
            "method": self._tool.verb,
            "url": url.copy_merge_params({key: written(value) for key, value in left.items()}),
        }

    async def _attempt(self, request: dict[str, Any]) -> Any:
        name = self._tool.name
        try:
            async with self._client.stream(**request, headers=self._headers) as response:
                self._check(response)
                return self._parsed(await self._read(response))
        except httpx.ConnectError as error:
            what = f"the system behind {name} cannot be reached"
            raise ToolError("tool-unreachable", what, retryable=True) from error
        except httpx.HTTPError as error:
            what = f"the system behind {name} broke off" + self._tool.doubt
            raise ToolError("tool-unreachable", what, retryable=True) from error

    def _check(self, response: httpx.Response) -> None:
        name, status = self._tool.name, response.status_code
        if status >= httpx.codes.INTERNAL_SERVER_ERROR:
            what = f"the system behind {name} has trouble (HTTP status {status})" + self._tool.doubt
            raise ToolError("tool-failed", what, retryable=True)
        if status in {httpx.codes.NOT_FOUND, httpx.codes.GONE}:
            raise ToolError("tool-refused", f"{name} finds nothing like that (HTTP status {status})")
        if not response.is_success:
            raise ToolError("tool-refused", f"the system behind {name} refuses that (HTTP status {status})")
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise self._garbage("compressed, which was not asked for")

    async def _read(self, response: httpx.Response) -> bytes:
        received = bytearray()
        async for piece in response.aiter_raw():
            received += piece
            if len(received) > ANSWER_BYTES:
                raise self._garbage("too long")
        return bytes(received)

    def _parsed(self, body: bytes) -> Any:
        if not body.strip():
            return "done"
        try:
            return json.loads(body)
        except (ValueError, RecursionError) as error:
            raise self._garbage("no JSON") from error

    def _garbage(self, what: str) -> ToolError:
        return ToolError("tool-garbage", f"what the system behind {self._tool.name} answers is {what}")


def _resolved(tool: str, key: str, value: str, names: Mapping[str, str]) -> str:
    """Return a header's value with variables in it replaced. What is wrong is said without any value."""
    where = f"tools.{tool}.headers.{key}"
    missing = [name for name in _VARIABLE.findall(value) if not names.get(name)]
    if missing:
        raise SettingsError("wrong-tool", f"{where}: the environment has no {' and no '.join(missing)}")
    resolved = _VARIABLE.sub(lambda match: names[match[1]], value)
    if not _HEADER_VALUE.fullmatch(resolved):
        raise SettingsError("wrong-tool", f"{where}: a header has visible ASCII characters and spaces only")
    return resolved
