"""The calls of a service on scripted engines."""

import anyio
from prometheus_client import CollectorRegistry

from pipeline.calls import Calls, Shared
from pipeline.core.clock import LoopClock
from pipeline.dialog.agents import Agent
from pipeline.dialog.routing import Router
from pipeline.entrances.switchboard import (
    AudioForm,
    CallStart,
    CutOff,
    Encoding,
    Terms,
)
from pipeline.observe import Metrics
from pipeline.settings import Settings, Speaking
from pipeline.speaking.phrases import PhraseBook
from tests.fakes import RATE, FakeLine, FakeModel, FakeRecognizer, FakeSynthesizer, FakeVoice, recognitions
from tests.session.calls import ANSWER

FORM = AudioForm(Encoding.LINEAR16, RATE)
AGENTS = {
    "shop": Agent(id="shop", name="Shop", description="Sells bread.", persona="You keep a shop."),
    "desk": Agent(id="desk", name="Desk", persona="You watch.", language="de"),
}
BILINGUAL = Agent.model_validate(
    {
        "id": "both",
        "name": "Both",
        "persona": "You sell.",
        "greeting": "Hello!",
        "voice": "joe",
        "languages": {"zh": {"greeting": "您好！", "voice": "huayan"}},
    }
)


class Service:
    """All calls of a service on scripted engines."""

    def __init__(self, settings: Settings | None = None, *, model: FakeModel | None = None) -> None:
        self.metrics = Metrics()
        self.model = model or FakeModel(ANSWER)
        self.calls = Calls(settings or Settings(), AGENTS, self.metrics, LoopClock())
        recognizer = FakeRecognizer([(0.1, "when do you open")])
        self.shared = Shared(
            voice=FakeVoice(),
            recognitions=recognitions(recognizer),
            turn_model=None,
            router=lambda agent: Router.of(self.model),
            synthesizer=PhraseBook(FakeSynthesizer(), Speaking()),
        )

    async def terms(self, **wishes: object) -> Terms:
        self.calls.open(self.shared)
        return (await self.calls.prepare(start(**wishes))).terms

    async def place(
        self,
        line: FakeLine,
        *,
        cut_after: float | None = None,
        cut_off: CutOff = CutOff.VANISHED,
        **wishes: object,
    ) -> None:
        """Run a call to its end, or until it is cut off."""
        self.calls.open(self.shared)
        call = await self.calls.prepare(start(**wishes))
        try:
            with anyio.move_on_after(cut_after):
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(line.run)
                    await call.run(line, lambda: cut_off)
                    tasks.cancel_scope.cancel()
        finally:
            line.close()
            with anyio.CancelScope(shield=True):
                await call.release()

    def count(self, metric: str, **labels: str) -> float:
        return counted(self.metrics.registry, metric, **labels)


def counted(registry: CollectorRegistry, metric: str, **labels: str) -> float:
    return registry.get_sample_value(f"voicepipe_{metric}", labels) or 0.0


def start(**wishes: object) -> CallStart:
    return CallStart(**{"conversation": "c1", "input": FORM, "output": FORM, **wishes})  # type: ignore[arg-type]
