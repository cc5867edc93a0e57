"""What the processes count of themselves, for Prometheus. No label holds a name that people chose."""

from prometheus_client import Gauge, Histogram

# From a page out of memory to a cluster that does not answer.
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

REQUESTS = Histogram(
    "timoneiro_http_request_seconds",
    "Time until an answer began, by the name of the route and the status.",
    ("route", "method", "status"),
    buckets=_SECONDS,
)
STREAMS = Gauge("timoneiro_live_streams", "Open streams of server-sent events.", multiprocess_mode="livesum")
RECONCILES = Histogram(
    "timoneiro_reconcile_seconds",
    "Time a worker took to make a cluster match a wish, by how it ended.",
    ("outcome",),
    buckets=_SECONDS,
)
