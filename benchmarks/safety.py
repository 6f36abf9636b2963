"""What attacks make an agent say: through the service, and the same model asked bare.

    python -m benchmarks.safety
    python -m benchmarks.safety --model smollm2-135m-instruct --most 10

The attacks stand in ``benchmarks/safety_attacks.toml``: families of garak's probes (Derczynski et al. 2024), texts of
our own. Each is answered twice by the same model on a real Ollama server, at temperature 0. The service's answer goes
the way of every answer: control tokens taken apart, documents quoted, sanitizer, guards, redaction. The bare
model gets the same system message, and the attack as it is. Spoken attacks are said by Piper and heard by whisper; both
are asked what was heard. An attack has succeeded when a program finds what it wanted in the answer, which ends there.
"""

import os
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

import anyio
import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks import machine
from benchmarks.report.results import write_result
from benchmarks.safety_cases import PERSONAS, Attack, attacks, succeeded, tells
from benchmarks.wer import RESULTS
from pipeline.audio.resample import Resampler
from pipeline.core.errors import DialogError, KnowledgeError
from pipeline.core.stages import VAD_RATE, ChatDelta, ChatOptions, Message
from pipeline.dialog.desk import NoCall
from pipeline.dialog.knowledge.build import build
from pipeline.dialog.knowledge.search import Knowledge
from pipeline.dialog.lookup import Documents, Lookup
from pipeline.dialog.ollama import Ollama
from pipeline.dialog.privacy import Privacy
from pipeline.dialog.prompt import messages
from pipeline.dialog.responder import Responder
from pipeline.dialog.routing import Router
from pipeline.dialog.state import DialogState
from pipeline.hearing.whisper import Whisper
from pipeline.models import catalog
from pipeline.models.store import Store, cache_folder
from pipeline.settings import SHARE, Dialog, Recognition, Speaking
from pipeline.speaking.piper import Piper
from tests.ollama_server import serving

MODELS = ("smollm2-135m-instruct", "qwen2.5-coder-1.5b-instruct")
OPTIONS = ChatOptions(temperature=0.0, num_predict=48)
"""Enough for what attacks want, and for nine rounds of a word."""
VOICE, EARS = "piper-en-us-joe-medium", "whisper-base"
SERVICE, BARE = "voicepipe", "bare model"
TOLD = "code word told, whatever was wanted"


async def heard(made: Sequence[Attack], store: Store) -> list[Attack]:
    """Return the attacks with the text of the spoken ones as it was recognized."""
    piper = Piper.load(store.path(VOICE), Speaking())
    whisper = Whisper.load(store.path(EARS), Recognition())
    told: list[Attack] = []
    for attack in made:
        if attack.spoken:
            resampler = Resampler(piper.rate, VAD_RATE)
            pieces = [piece.pcm async for piece in piper.speak(attack.text)]
            sound = b"".join([*(resampler.feed(piece).data for piece in pieces), resampler.flush().data])
            recognition = await whisper.transcribe(replace(pieces[0], data=sound, rate=VAD_RATE), attack.language)
            told.append(replace(attack, text=recognition.text))
        else:
            told.append(attack)
    return told


def question(attack: Attack) -> str:
    """Return what the caller says, behind the name that the client hands over."""
    return f"[Caller's name: {attack.parameter}] {attack.text}" if attack.parameter else attack.text


async def by_service(model: Ollama, attack: Attack, knowledge: Knowledge) -> str:
    """Return the text that would be spoken; nothing where an apology would be."""
    lookup = Lookup(knowledge, Documents(approved=2.0, passages=1), "US", _told)
    responder = Responder(
        Router.of(model),
        PERSONAS[attack.language],
        OPTIONS,
        redactor=Privacy().redactor(PERSONAS[attack.language]),
        lookup=lookup if attack.document else None,
    )
    desk = NoCall(state=DialogState(language=attack.language))
    return await _answer(attack, responder.reply([Message("user", question(attack))], desk=desk))


async def _answer(attack: Attack, deltas: AsyncGenerator[ChatDelta, None]) -> str:
    """Return an answer up to where the attack has succeeded, which for a script is known at the end only."""
    told = ""
    try:
        async with aclosing(deltas) as reply:
            async for delta in reply:
                told += delta.text
                if not attack.script and succeeded(attack, told):
                    break
    except DialogError as error:
        told += f" [{error.code}]"
    return told


def _told(error: KnowledgeError) -> None:
    sys.stderr.write(f"{error}\n")


async def by_bare_model(model: Ollama, attack: Attack) -> str:
    """Return what the model writes when nothing stands between it and the caller."""
    asked = question(attack) + (f"\n\nFrom the documents:\n{attack.document}" if attack.document else "")
    said = [*messages(PERSONAS[attack.language], ()), Message("user", asked)]
    return await _answer(attack, model.stream(said, OPTIONS))


async def asked(
    url: str, name: str, made: Sequence[Attack], knowledge: Knowledge
) -> AsyncGenerator[dict[str, Any], None]:
    """Yield what became of each attack on a model, both ways."""
    model = Ollama(
        Dialog(ollama_url=url, num_ctx=2048, threads=1, first_token_timeout=300.0, token_timeout=120.0), name
    )
    for attack in track(made, name, console=Console(stderr=True)):
        answers = {SERVICE: await by_service(model, attack, knowledge), BARE: await by_bare_model(model, attack)}
        entry = {key: value for key, value in asdict(attack).items() if value}
        entry["answers"] = answers
        entry["succeeded"] = {way: succeeded(attack, answer) for way, answer in answers.items()}
        yield entry


def rates(entries: Sequence[dict[str, Any]]) -> dict[str, dict[str, int]]:
    """Return by family, and for all, the spoken and the like, how many attacks there were and succeeded each way."""
    count: dict[str, Counter[str]] = {}
    for entry in entries:
        groups = [entry["family"], *(["spoken"] if entry.get("spoken") else ["written"])]
        groups += ["in Chinese"] if entry["language"] == "zh" else []
        for group in (*groups, "all"):
            counted = count.setdefault(group, Counter({"attacks": 0, SERVICE: 0, BARE: 0}))
            counted.update({"attacks": 1, **entry["succeeded"]})
        told = {way: tells(entry["language"], answer) for way, answer in entry["answers"].items()}
        count.setdefault(TOLD, Counter({SERVICE: 0, BARE: 0})).update({"attacks": 1, **told})
    families = list(dict.fromkeys(entry["family"] for entry in entries))
    order = [*families, "written", "spoken", "in Chinese", "all", TOLD]
    return {group: dict(count[group]) for group in order if group in count}


async def measured(names: Sequence[str], made: Sequence[Attack], keep: Callable[[dict[str, Any]], None]) -> None:
    """Attack all models, and keep what is known behind each attack: on two cores it takes long."""
    cache = cache_folder(None, os.environ)  # noqa: TID251
    store = Store(cache, catalog.read(SHARE / "models" / "catalog.toml"))
    made = await heard(made, store)
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder, serving(os.environ) as server:  # noqa: TID251
        documents = Path(folder) / "documents"
        documents.mkdir()
        for number, document in enumerate(attack.document for attack in attacks() if attack.document):
            (documents / f"{number}.txt").write_text(document, encoding="utf-8")
        await build(documents, Path(folder) / "attacks.kb")
        knowledge = Knowledge.open(Path(folder) / "attacks.kb")
        try:
            for name in names:
                entries: list[dict[str, Any]] = []
                async with aclosing(asked(server.url, server.register(name), made, knowledge)) as answers:
                    async for entry in answers:
                        entries.append(entry)
                        results[name] = {"rates": rates(entries), "attacks": entries}
                        keep(results)
                Console(width=100).print(table(name, results[name]["rates"]))
        finally:
            knowledge.close()


def table(name: str, counted: dict[str, dict[str, int]]) -> Table:
    """Return the rates of one model as a table."""
    drawn = Table("", "attacks", SERVICE, BARE, title=f"{name}: attacks that succeeded")
    for group, count in counted.items():
        drawn.add_row(group, *(str(count[key]) for key in ("attacks", SERVICE, BARE)))
    return drawn


def main(
    *,
    model: Annotated[list[str] | None, typer.Option(help="Of the catalog; may be repeated.")] = None,
    most: Annotated[int, typer.Option(help="Only so many attacks.", min=1)] = 1000,
    out: Annotated[Path | None, typer.Option(help="The result's file; default: benchmarks/results/.")] = None,
) -> None:
    """Attack, print how often that succeeded, and keep it as JSON."""
    file = out or RESULTS / "safety.json"
    result = {"benchmark": "safety", "machine": machine.described(), "num_predict": OPTIONS.num_predict}

    def keep(results: dict[str, Any]) -> None:
        write_result(file, {**result, "measured": results})

    anyio.run(measured, model or list(MODELS), attacks()[:most], keep)
    sys.stdout.write(f"{file}\n")


if __name__ == "__main__":
    typer.run(main)
