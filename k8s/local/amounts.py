"""The spelling of Kubernetes quantities that the API answers; `amount` is that of k8s.quantities."""

from __future__ import annotations

from decimal import Decimal

from k8s.quantities import SCALES, amount

__all__ = ["amount", "canonical"]


def canonical(text: str) -> str:
    """The spelling that the API server answers: "0.5" -> "500m", "1024Mi" -> "1Gi", "1000" -> "1k".

    Raises:
        ValueError: not a quantity.
    """
    value = amount(text)
    suffix = text.lstrip("+-.0123456789")
    if value == 0:
        return "0"
    if suffix.endswith("i") and abs(value) >= 1024:
        return _binary(int(value.to_integral_value()))
    # "1E" is an exa, "1E3" a thousand.
    if len(suffix) > 1 and suffix[0] in "eE":
        return _exponent(value)
    return _decimal(value)


def _binary(value: int) -> str:
    for suffix in ("Ei", "Pi", "Ti", "Gi", "Mi", "Ki"):
        many, rest = divmod(value, int(SCALES[suffix]))
        if not rest:
            return f"{many}{suffix}"
    return str(value)


def _decimal(value: Decimal) -> str:
    for suffix in ("E", "P", "T", "G", "M", "k", "", "m", "u", "n"):
        scaled = value / SCALES[suffix]
        if scaled == scaled.to_integral_value():
            return f"{int(scaled)}{suffix}"
    # Finer than a nano: rounded up, as the API server does.
    return f"{int(value.scaleb(9)) + 1}n"


def _exponent(value: Decimal) -> str:
    for power in range(18, -10, -3):
        scaled = value.scaleb(-power)
        if scaled == scaled.to_integral_value():
            return f"{int(scaled)}e{power}" if power else str(int(scaled))
    return _decimal(value)
