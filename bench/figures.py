"""How figures are told."""

from statistics import quantiles

MEBIBYTE = 1024 * 1024


def spread(seconds: list[float]) -> str:
    """Median and tail of durations, in milliseconds."""
    cuts = quantiles(seconds, n=100)
    return f"p50 {cuts[49] * 1000:.1f} ms  p95 {cuts[94] * 1000:.1f} ms  p99 {cuts[98] * 1000:.1f} ms"
