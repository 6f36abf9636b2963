from pathlib import Path

import pytest

from pipeline.cli.service import ServiceError, running


def test_a_service_that_does_not_start_is_told_with_the_end_of_its_log(tmp_path: Path) -> None:
    config = tmp_path / "settings.toml"
    config.write_text("[server]\nmax_calls = 0\n")
    with pytest.raises(ServiceError, match=r"server\.max_calls"), running(config=config, log=tmp_path / "a" / "log"):
        pass
