"""A Prometheus counter at module level: importing this module twice would raise."""

from prometheus_client import Counter

REQUESTS = Counter("correct_corpus_requests", "Requests of the corpus", ["outcome"])


def handle(outcome: str) -> None:
    """Count one request."""
    REQUESTS.labels(outcome).inc()


def value(outcome: str) -> float:
    """How many were counted."""
    for metric in REQUESTS.collect():
        for sample in metric.samples:
            if sample.name.endswith("_total") and sample.labels == {"outcome": outcome}:
                return float(sample.value)
    return 0.0
