"""What is counted of calls whose connection broke."""

from prometheus_client import CollectorRegistry, Counter, Gauge


class ResumeMetrics:
    """What calls are counted by whose connection broke."""

    def __init__(self, own: CollectorRegistry) -> None:
        """Create every metric once, in this registry."""
        self.waiting = Gauge("voicepipe_calls_waiting", "Calls that wait for a client that was lost.", registry=own)
        self.resumed = Counter("voicepipe_calls_resumed", "Calls that went on over another connection.", registry=own)
        self.expired = Counter(
            "voicepipe_calls_not_resumed", "Calls that waited for their client in vain.", ["reason"], registry=own
        )
