import runpy
from pathlib import Path

from pipeline.settings import Settings

ROOT = Path(__file__).parent.parent
SCRIPT = "scripts/settings_reference.py"


def test_the_settings_reference_is_current() -> None:
    written = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert runpy.run_path(str(ROOT / SCRIPT))["reference"]() == written, f"run {SCRIPT} and commit the result"


def test_every_section_has_its_place_in_the_reference() -> None:
    written = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert {
        name for name in Settings.model_fields if f"## {name}\n" not in written and f"| `{name}` |" not in written
    } == set()
