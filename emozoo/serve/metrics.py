"""What the service counts, for Prometheus. Nothing that a client sends becomes a label."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
WINDOWS = (1, 2, 4, 8, 16, 32)
KIND = CONTENT_TYPE_PLAIN_0_0_4


class Metrics:
    """The counters of one service."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self.requests = Counter(
            "emozoo_requests", "Requests and streams that have ended.", ("route", "status"), registry=registry
        )
        self.seconds = Histogram(
            "emozoo_request_seconds", "Seconds from a request's head to its answer.", ("route",), buckets=SECONDS,
            registry=registry,
        )  # fmt: skip
        self.in_flight = Gauge("emozoo_requests_in_flight", "Requests that are being answered.", registry=registry)
        self.streams = Gauge("emozoo_streams_open", "WebSocket streams that are open.", registry=registry)
        self.files = Counter(
            "emozoo_files", "Files that were asked about; answered, failed.", ("model", "outcome"), registry=registry
        )
        self.windows = Counter("emozoo_windows", "Windows that a model answered.", ("model",), registry=registry)
        self.batch = Histogram(
            "emozoo_batch_windows", "Windows in a batch.", ("model",), buckets=WINDOWS, registry=registry
        )
        self.joined = Counter(
            "emozoo_batch_calls", "Calls whose windows were answered in batches.", ("model",), registry=registry
        )

    def batch_answered(self, model: str, windows: int, calls: int) -> None:
        self.windows.labels(model).inc(windows)
        self.batch.labels(model).observe(windows)
        self.joined.labels(model).inc(calls)

    def text(self) -> bytes:
        """In Prometheus' text format."""
        return generate_latest(self._registry)
