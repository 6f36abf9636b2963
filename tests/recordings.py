"""Recordings of people at a telephone, with what they say: Debian's asterisk-core-sounds, 8 kHz, CC BY-SA 3.0."""

import gzip
import re
import subprocess
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from pipeline.audio.level import first_audible, last_audible
from pipeline.audio.wav import read_wav
from pipeline.core.pcm import SAMPLE_BYTES, Pcm

_SCRIPT = Path(__file__).parent.parent / "scripts" / "recordings.sh"
_NOT_SAID = re.compile(r"[\[\](){}<>]")
"""Brackets in the texts hold remarks about the sound: tones, silence, what the speaker left out."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """One recording."""

    name: str
    """Its name in the package, such as ``vm-goodbye`` or ``digits/1``."""
    path: Path
    """A WAV file."""
    text: str
    """What is said."""

    @property
    def words(self) -> int:
        """Return the number of words said."""
        return len(self.text.split())


@lru_cache
def prompts(language: str = "en") -> tuple[Prompt, ...]:
    """Return all recordings of ``language`` (en, es, fr, it, ru) that hold speech and have a text, sorted by name.

    Fetches them the first time. Raises RuntimeError when they cannot be had.
    """
    fetched = subprocess.run([_SCRIPT, language], capture_output=True, text=True, check=False)
    if fetched.returncode:
        raise RuntimeError(fetched.stderr.strip())
    folder = Path(fetched.stdout.strip()) / "usr" / "share"
    voice = next((folder / "asterisk" / "sounds").iterdir())
    texts = folder / "doc" / f"asterisk-core-sounds-{language}" / f"core-sounds-{language}.txt.gz"
    found: dict[str, Prompt] = {}
    for line in gzip.decompress(texts.read_bytes()).decode("utf-8-sig").splitlines():
        name, colon, text = line.partition(":")
        path = voice / f"{name.strip()}.wav"
        if colon and text.strip() and not line.startswith(";") and not _NOT_SAID.search(text) and path.exists():
            found[name.strip()] = Prompt(name.strip(), path, " ".join(text.split()))
    return tuple(found[name] for name in sorted(found))


def read_speech(prompt: Prompt) -> Pcm:
    """Return a recording from its first to its last audible sample."""
    sound = read_wav(prompt.path)
    first, last = first_audible(sound) or 0, last_audible(sound)
    end = sound.samples if last is None else last + 1
    return Pcm(sound.data[SAMPLE_BYTES * first : SAMPLE_BYTES * end], sound.rate)
