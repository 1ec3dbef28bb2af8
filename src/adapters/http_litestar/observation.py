"""What operators see of requests: a line each, and metrics."""

from typing import Any, Final

import attrs
import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


@attrs.define(eq=False)
class Metrics:
    """
    Requests by operation and status, and how long they took.

    Each has a registry of its own, so that several applications can live in one process.
    """

    registry: CollectorRegistry = attrs.field(factory=CollectorRegistry)
    _requests: Counter = attrs.field(init=False)
    _durations: Histogram = attrs.field(init=False)
    _children: dict[tuple[str, int], tuple[Any, Any]] = attrs.field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        self._requests = Counter(
            "clinic_http_requests",
            "Requests answered",
            ["operation", "status"],
            registry=self.registry,
        )
        self._durations = Histogram(
            "clinic_http_request_duration_seconds",
            "Time from the first byte of a request to the last of its answer",
            ["operation", "status"],
            buckets=_SECONDS,
            registry=self.registry,
        )

    def observe(self, operation: str, status: int, seconds: float) -> None:
        # Looking a child up by its labels costs more than all the rest.
        found = self._children.get((operation, status))
        if found is None:
            found = (
                self._requests.labels(operation, status),
                self._durations.labels(operation, status),
            )
            self._children[operation, status] = found
        found[0].inc()
        found[1].observe(seconds)

    def exposition(self) -> tuple[str, bytes]:
        """Return content type and text of all metrics, for a port of their own."""
        return CONTENT_TYPE_LATEST, generate_latest(self.registry)


_access: Final = structlog.get_logger("clinic.access")


def log_access(operation: str, status: int, seconds: float, request_id: str) -> None:
    """Write the line of one request; ids, tokens, queries and addresses stay out of it."""
    _access.info(
        "request",
        operation=operation,
        status=status,
        duration_ms=round(seconds * 1000, 2),
        request_id=request_id,
    )
