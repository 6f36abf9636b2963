import os
from collections.abc import Iterator

import pytest

from pipeline.cli.service import Service
from tests.browser.house import Stage, Visitor, chromium, serving, wanted


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a test that has a browser in the browser's thread."""
    stage = pyfuncitem.funcargs.get("stage")
    if not isinstance(stage, Stage):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    stage.run(pyfuncitem.obj, **arguments)
    return True


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A Chromium. Fails, and does not skip, where there is none, unless VOICEPIPE_NO_BROWSER says so."""
    if not wanted():
        pytest.skip("VOICEPIPE_NO_BROWSER is set")
    stage = Stage(tmp_path_factory.mktemp("browser"))
    stage.run(stage.open, chromium(os.environ))  # noqa: TID251
    yield stage
    stage.close()


@pytest.fixture(scope="session")
def service(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The service with whisper base, Piper, and a stub for a model; two calls at once. None without a browser."""
    with serving(tmp_path_factory.mktemp("service")) as service:
        yield service


@pytest.fixture
def visitor(stage: Stage, service: Service) -> Iterator[Visitor]:
    """Somebody before an empty page whose microphone is silent; in the end nothing has gone wrong there."""
    stage.says()
    visitor = stage.run(Visitor.arrive, stage, service)
    yield visitor
    assert stage.run(visitor.leave) == []
