"""What caches have counted, as metrics."""

from collections.abc import Iterator

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from pipeline.core.cache import Tally


class CacheTallies(Collector):
    """Reads what the caches have counted when metrics are scraped."""

    def __init__(self) -> None:
        """Begin with no caches."""
        self._tallies: dict[str, Tally] = {}

    def watch(self, cache: str, tally: Tally) -> None:
        """Report the tally under the cache's name."""
        self._tallies[cache] = tally

    def collect(self) -> Iterator[Metric]:
        """Yield one metric for each figure, with a label per cache."""
        for figure, meaning in (
            ("hits", "Times that what was wanted was remembered."),
            ("misses", "Times that it was not."),
            ("stored", "What was remembered anew."),
            ("saved_seconds", "Time that the hits had taken when they were made: of answers, to their first words."),
        ):
            counter = CounterMetricFamily(f"voicepipe_cache_{figure}", meaning, labels=["cache"])
            for cache, tally in self._tallies.items():
                counter.add_metric([cache], getattr(tally, figure))
            yield counter
        held = GaugeMetricFamily("voicepipe_cache_bytes", "Memory that a cache holds.", labels=["cache"])
        for cache, tally in self._tallies.items():
            held.add_metric([cache], tally.bytes)
        yield held
