"""Fetches a model's files from a model hub over HTTP, going on where a broken download stopped."""

import urllib.parse
from collections.abc import Callable, Generator, Iterable
from pathlib import Path

import httpx

from pipeline.core.errors import ModelError
from pipeline.models.catalog import HubSource, ModelFile

ENDPOINT = "https://huggingface.co"
_UNREACHABLE = (httpx.ConnectError, httpx.ConnectTimeout)


def client() -> httpx.Client:
    """Return an HTTP client fit for large files: short patience for a connection, long for a slow body."""
    return httpx.Client(follow_redirects=True, timeout=httpx.Timeout(30.0, connect=5.0))


class Hub:
    """A model hub. Once it could not be reached, it is not asked again: a pull of many models waits once."""

    def __init__(self, http: httpx.Client, endpoint: str = ENDPOINT) -> None:
        self._http = http
        self._endpoint = endpoint.rstrip("/")
        self._unreachable = ""

    def deliver(
        self, source: HubSource, files: Iterable[ModelFile], workplace: Path, moved: Callable[[int], None]
    ) -> Generator[tuple[ModelFile, Path]]:
        """Yield each file with where it now lies below ``workplace``, unverified.

        What lies there from an earlier try is gone on with. ``moved`` is told the bytes of the present file. Raises
        ModelError if the hub does not give a file, OSError if it cannot be written.
        """
        for file in files:
            into = workplace / file.path
            into.parent.mkdir(parents=True, exist_ok=True)
            remote = urllib.parse.quote(source.remote(file.path))
            self._download(f"{self._endpoint}/{source.repo}/resolve/{source.revision}/{remote}", file, into, moved)
            yield file, into

    def _download(self, url: str, file: ModelFile, into: Path, moved: Callable[[int], None]) -> None:
        """Fetch ``url`` into ``into``; after a break it is asked again for as long as every try brings bytes."""
        if self._unreachable:
            raise ModelError("hub-unreachable", self._unreachable, retryable=True)
        while True:
            had = _size(into)
            try:
                self._stream(url, file, into, moved)
            except _UNREACHABLE as error:
                self._unreachable = f"{self._endpoint} does not answer: {error}"
                raise ModelError("hub-unreachable", self._unreachable, retryable=True) from error
            except httpx.HTTPError as error:
                if _size(into) <= had:
                    text = f"{file.path}: broke off at byte {had}: {str(error) or type(error).__name__}"
                    raise ModelError("download-broken", text, retryable=True) from error
            else:
                return

    def _stream(self, url: str, file: ModelFile, into: Path, moved: Callable[[int], None]) -> None:
        """Ask once for the bytes that are missing and append them."""
        tag = into.with_name(f"{into.name}.etag")
        start = self._resumable(file, into, tag)
        if file.size is not None and start == file.size:
            return
        headers = {"Accept-Encoding": "identity"}
        if start:
            headers |= {"Range": f"bytes={start}-", "If-Range": tag.read_text(encoding="utf-8")}
        with self._http.stream("GET", url, headers=headers) as answer:
            if answer.status_code not in {httpx.codes.OK, httpx.codes.PARTIAL_CONTENT}:
                raise ModelError("download-refused", f"{file.path}: HTTP {answer.status_code} {answer.reason_phrase}")
            if answer.status_code == httpx.codes.OK:
                start = 0
            _check_length(answer, file, start)
            tag.write_text(answer.headers.get("ETag", ""), encoding="utf-8")
            with into.open("ab" if start else "wb") as out:
                for chunk in answer.iter_raw():
                    out.write(chunk)
                    start += len(chunk)
                    moved(start)

    def _resumable(self, file: ModelFile, into: Path, tag: Path) -> int:
        """Return from which byte to go on: 0 where it is not sure that the rest belongs to what is there."""
        start = _size(into)
        known = tag.read_text(encoding="utf-8") if tag.exists() else ""
        too_long = file.size is not None and start > file.size
        # If-Range needs a strong validator (RFC 9110, 13.1.5): with a weak one the server would send all of it anyway.
        return 0 if too_long or not known or known.startswith("W/") else start


def _check_length(answer: httpx.Response, file: ModelFile, start: int) -> None:
    """Refuse a body of the wrong length before it is downloaded."""
    length = answer.headers.get("Content-Length", "")
    if file.size is not None and length.isdigit() and start + int(length) != file.size:
        text = f"{file.path}: the hub has {start + int(length)} bytes, the catalog says {file.size}"
        raise ModelError("wrong-size", text)


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0
