from pathlib import Path

import pytest

from pipeline.cli.screen import records_file


@pytest.mark.parametrize(
    ("given", "environment", "found"),
    [
        (None, {"HOME": "/home/v"}, "/home/v/.local/share/voicepipe/records.sqlite"),
        (None, {"HOME": "/home/v", "XDG_DATA_HOME": "/data"}, "/data/voicepipe/records.sqlite"),
        (None, {"HOME": "/home/v", "XDG_DATA_HOME": "data"}, "/home/v/.local/share/voicepipe/records.sqlite"),
        (Path("/var/r.sqlite"), {"HOME": "/home/v", "XDG_DATA_HOME": "/data"}, "/var/r.sqlite"),
    ],
)
def test_records_lie_where_the_settings_or_the_environment_say(
    given: Path | None, environment: dict[str, str], found: str
) -> None:
    assert records_file(given, environment) == Path(found)
