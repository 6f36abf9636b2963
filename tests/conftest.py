from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import settings

from tests.real_time import REAL_TIME
from tests.recordings import Prompt, prompts

pytest_plugins = ["tests.servers"]

# What fails here fails everywhere: the same examples each time, on a busy machine too. `make soak` looks for new ones.
settings.register_profile("same", derandomize=True, deadline=None)
settings.load_profile("same")


@pytest.fixture
def anyio_backend() -> tuple[str, Mapping[str, Any]]:
    return REAL_TIME


@pytest.fixture(scope="session")
def human_prompts() -> tuple[Prompt, ...]:
    """English recordings of people; failing to get them fails the test."""
    return prompts("en")
