"""What pictures are counted by."""

from prometheus_client import CollectorRegistry, Counter, Histogram
from structlog.typing import FilteringBoundLogger

from pipeline.core.events import PictureNoted, PictureState

BUCKETS = (0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 7.5, 10.0, 15.0, 20.0)
"""Seconds."""


class PictureMetrics:
    """Pictures of all calls."""

    def __init__(self, own: CollectorRegistry) -> None:
        """Create every metric once, in this registry."""
        self.pictures = Counter("voicepipe_pictures", "Pictures by what became of them.", ["state"], registry=own)
        self.refused = Counter("voicepipe_pictures_refused", "Pictures not taken.", ["code"], registry=own)
        self.looked = Histogram(
            "voicepipe_picture_seconds", "From a picture's arrival to its note.", buckets=BUCKETS, registry=own
        )

    def note(self, event: PictureNoted, log: FilteringBoundLogger) -> None:
        """Count and log what became of a picture."""
        self.pictures.labels(event.state.value).inc()
        if event.state is PictureState.RECEIVED:
            return
        self.looked.observe(event.took)
        log.info(
            "picture",
            state=event.state.value,
            seconds=round(event.took, 3),
            characters=len(event.note),
            code=event.code,
            reason=event.message,
            pii_note=event.note,
        )
