"""What an API process counts, in a registry of its own."""

from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


@dataclass(frozen=True, slots=True)
class Metrics:
    """Labels are of closed sets: no tenant, no principal, no path that a caller made up."""

    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    requests: Counter = field(init=False)
    seconds: Histogram = field(init=False)
    subscriptions: Gauge = field(init=False)
    listening: Gauge = field(init=False)
    unlimited: Counter = field(init=False)

    def __post_init__(self) -> None:
        made = {
            "requests": Counter(
                "atlas_http_requests",
                "HTTP requests and WebSocket connections that ended.",
                ("route", "method", "status"),
                registry=self.registry,
            ),
            "seconds": Histogram(
                "atlas_http_request_seconds",
                "How long HTTP requests took, streams left out.",
                ("route",),
                buckets=_SECONDS,
                registry=self.registry,
            ),
            "subscriptions": Gauge("atlas_subscriptions", "Subscriptions that wait for news.", registry=self.registry),
            "listening": Gauge(
                "atlas_listening",
                "1 while the process listens to the database's notifications.",
                registry=self.registry,
            ),
            "unlimited": Counter(
                "atlas_requests_unlimited",
                "Requests that passed without a rate limit, because Valkey did not answer.",
                registry=self.registry,
            ),
        }
        for name, metric in made.items():
            object.__setattr__(self, name, metric)

    def text(self) -> bytes:
        """The Prometheus text exposition."""
        return generate_latest(self.registry)
