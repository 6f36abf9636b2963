"""Model files that something has happened to."""

import shutil
from pathlib import Path


def with_flipped_bit(folder: Path, to: Path, name: str, at: float) -> Path:
    """Return a copy of a model's folder in which one bit of file ``name`` is wrong, ``at`` (0 to 1) of its length."""
    copy = to / folder.name
    shutil.copytree(folder, copy)
    with (copy / name).open("r+b") as file:
        file.seek(int(at * ((copy / name).stat().st_size - 1)))
        byte = file.read(1)[0]
        file.seek(-1, 1)
        file.write(bytes([byte ^ 0x10]))
    return copy


def cut_short(folder: Path, to: Path, name: str) -> Path:
    """Return a copy of a model's folder in which file ``name`` ends half-way."""
    copy = to / folder.name
    shutil.copytree(folder, copy)
    with (copy / name).open("r+b") as file:
        file.truncate((copy / name).stat().st_size // 2)
    return copy
