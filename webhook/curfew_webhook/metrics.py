"""What Prometheus is told: numbers only, no names of users or objects."""

import enum

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest


class Verdict(enum.Enum):
    """What became of a review."""

    ADMITTED = "admitted"
    REFUSED = "refused"
    UNDECIDED = "undecided"
    CRASHED = "crashed"


class Metrics:
    """The webhook's own registry, so that two in one process do not meet."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._reviews = Counter(
            "curfew_admission_reviews",
            "Admission reviews by what became of them.",
            ["verdict"],
            registry=self.registry,
        )
        for verdict in Verdict:
            self._reviews.labels(verdict.value)
        self.duration = Histogram(
            "curfew_admission_duration_seconds",
            "From the whole body read to the answer.",
            buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5),
            registry=self.registry,
        )
        self.synced = Gauge(
            "curfew_cache_synced",
            "1 while the watch of a kind is open and up to date.",
            ["resource"],
            registry=self.registry,
        )
        self.known = Gauge(
            "curfew_cache_objects", "Objects known, by kind.", ["resource"], registry=self.registry
        )
        self.outages = Counter(
            "curfew_cluster_outages", "Times the API server went away.", registry=self.registry
        )
        self.live_reads = Counter(
            "curfew_role_live_reads",
            "Roles read from the API server since the cache did not hold them.",
            registry=self.registry,
        )
        self.certificate_ends = Gauge(
            "curfew_certificate_not_after_seconds",
            "When the serving certificate ends (Unix time).",
            registry=self.registry,
        )

    def count(self, verdict: Verdict) -> None:
        """One review came to this."""
        self._reviews.labels(verdict.value).inc()

    def text(self) -> bytes:
        """The exposition format."""
        return generate_latest(self.registry)
