"""How full the channels of calls are."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector


class QueueDepths(Collector):
    """Reads the depth of every live channel when metrics are scraped: the deepest of each name."""

    def __init__(self) -> None:
        """Begin with no channels."""
        self._channels: dict[object, tuple[str, Callable[[], int]]] = {}

    @contextmanager
    def watch(self, channel: str, depth: Callable[[], int]) -> Iterator[None]:
        """Report ``depth()`` under the channel's name while the context lasts."""
        key = object()
        self._channels[key] = (channel, depth)
        try:
            yield
        finally:
            del self._channels[key]

    def collect(self) -> Iterator[Metric]:
        """Yield one gauge with a label per channel name."""
        deepest: dict[str, int] = {}
        for channel, depth in list(self._channels.values()):
            deepest[channel] = max(deepest.get(channel, 0), depth())
        family = GaugeMetricFamily(
            "voicepipe_queue_depth", "Items in the fullest channel of this name over all calls.", labels=["channel"]
        )
        for channel, items in deepest.items():
            family.add_metric([channel], items)
        yield family
