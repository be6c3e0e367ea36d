"""What Prometheus is told: numbers only, no names of users or objects."""

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest


class Metrics:
    """The operator's own registry."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.failures = Counter(
            "curfew_reconcile_failures",
            "Looks at a request that failed and are tried again.",
            registry=self.registry,
        )
        self.outages = Counter(
            "curfew_cluster_outages", "Times the API server went away.", registry=self.registry
        )
        self.away = Gauge(
            "curfew_cluster_away",
            "1 while the API server cannot be reached.",
            registry=self.registry,
        )
        self.swept = Counter(
            "curfew_bindings_swept",
            "Bindings past their deadline that the sweep found and deleted.",
            registry=self.registry,
        )
        self.staying = Gauge(
            "curfew_bindings_staying",
            "Bindings that were deleted and are still there, and still grant.",
            registry=self.registry,
        )
        self.sweep_age = Gauge(
            "curfew_sweep_age_seconds", "Since the last whole sweep.", registry=self.registry
        )
        self.armed = Gauge(
            "curfew_webhook_armed",
            "1 where the guard's failure policy is Fail.",
            registry=self.registry,
        )

    def text(self) -> bytes:
        """The exposition format."""
        return generate_latest(self.registry)
