"""A folder of wheels that pip takes instead of an index."""

import zipfile
from collections.abc import Mapping
from pathlib import Path


def put_wheel(shelf: Path, distribution: str, version: str, members: Mapping[str, bytes]) -> Path:
    """Write a wheel that carries ``members`` as data."""
    name = distribution.replace("-", "_")
    notes = f"{name}-{version}.dist-info"
    wheel = shelf / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, body in members.items():
            archive.writestr(path, body)
        archive.writestr(f"{notes}/METADATA", f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
        archive.writestr(
            f"{notes}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{notes}/RECORD", "")
    return wheel
