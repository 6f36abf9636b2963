"""Sampling: how a reply is written, from what the caller of a model asks and what the settings say."""

from dataclasses import dataclass

from pipeline.core.stages import ChatOptions
from pipeline.settings import Dialog


@dataclass(frozen=True, slots=True)
class Sampling:
    """ChatOptions with nothing left open."""

    temperature: float
    top_p: float
    num_predict: int
    stop: tuple[str, ...]
    num_ctx: int


def completed(options: ChatOptions, settings: Dialog) -> Sampling:
    """Return ``options`` with the settings in every gap."""
    return Sampling(
        temperature=settings.temperature if options.temperature is None else options.temperature,
        top_p=settings.top_p if options.top_p is None else options.top_p,
        num_predict=settings.num_predict if options.num_predict is None else options.num_predict,
        stop=options.stop or settings.stop,
        num_ctx=options.num_ctx or settings.num_ctx,
    )
