"""What the process counts, for Prometheus. One value, given to those who count; no global registry."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)  # seconds


class Metrics:
    """Counters since the start, and gauges that are set when they are read."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.updates = Counter(
            "crowdloop_updates", "Updates that are done, by what became of them", ["outcome"], registry=self._registry
        )
        self.taps = Counter("crowdloop_taps", "Taps of buttons that are done", registry=self._registry)
        self.answers = Gauge("crowdloop_answers", "Answers that stand, in all campaigns", registry=self._registry)
        self.seconds = Histogram(
            "crowdloop_update_seconds",
            "From an update's arrival in this process to its commit",
            buckets=BUCKETS,
            registry=self._registry,
        )
        self.sends = Counter("crowdloop_sends", "Calls that carried a letter", ["outcome"], registry=self._registry)
        self.inbox = Gauge("crowdloop_inbox_depth", "Updates that wait for their work", registry=self._registry)
        self.outbox = Gauge("crowdloop_outbox_depth", "Letters that wait to be sent", registry=self._registry)

    def page(self) -> bytes:
        """All of it in Prometheus' text format."""
        return generate_latest(self._registry)
