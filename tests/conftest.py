from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import settings

from tests.real_time import REAL_TIME
from tests.recordings import Prompt, prompts

pytest_plugins = ["tests.servers"]

# What fails here fails everywhere: the same examples each time. `make soak` looks for new ones.
settings.register_profile("same", derandomize=True)
settings.load_profile("same")


@pytest.fixture
def anyio_backend() -> tuple[str, Mapping[str, Any]]:
    return REAL_TIME


@pytest.fixture(scope="session")
def human_prompts() -> tuple[Prompt, ...]:
    """English recordings of people; failing to get them fails the test."""
    return prompts("en")
