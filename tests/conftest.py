import pytest

from tests.recordings import Prompt, prompts

pytest_plugins = ["tests.servers"]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def human_prompts() -> tuple[Prompt, ...]:
    """English recordings of people; failing to get them fails the test."""
    return prompts("en")
