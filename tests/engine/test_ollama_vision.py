"""What a real Ollama server says of models that cannot look at pictures. None that can is to be had here."""

import pytest

from pipeline.core.errors import VisionError
from pipeline.settings import Dialog, Settings, VisionSettings
from pipeline.sight import looked_at, opened

pytestmark = [pytest.mark.engine, pytest.mark.anyio]


@pytest.mark.parametrize(
    ("model", "code"), [("no-such-model", "model-missing"), ("smollm2-135m-instruct", "model-blind")]
)
async def test_a_model_that_is_missing_or_blind_is_named(ollama_server: str, model: str, code: str) -> None:
    settings = Settings(vision=VisionSettings(engine="ollama", model=model), dialog=Dialog(ollama_url=ollama_server))
    for look in (looked_at, opened):
        with pytest.raises(VisionError) as caught:
            await look(settings)
        assert caught.value.code == code
        assert model in str(caught.value)
