"""Kubernetes quantities: exact values and the canonical spelling that the API answers."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

_FORM: Final = re.compile(
    r"(?P<sign>[+-]?)(?P<number>[0-9]+\.?[0-9]*|\.[0-9]+)(?P<suffix>[eE][-+]?[0-9]+|[numkMGTPE]|[KMGTPE]i)?"
)
_DECIMAL: Final = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY: Final = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}


def amount(text: str) -> Decimal:
    """The exact value of a quantity: "250m" -> 0.25, "64Mi" -> 67108864.

    Raises:
        ValueError: not a quantity.
    Source: Kubernetes API reference, "Quantity".
    """
    return _parse(text)[0]


def canonical(text: str) -> str:
    """The spelling that the API server answers: "0.5" -> "500m", "1024Mi" -> "1Gi", "1000" -> "1k".

    Raises:
        ValueError: not a quantity.
    """
    value, suffix = _parse(text)
    if value == 0:
        return "0"
    if suffix in _BINARY and abs(value) >= 1024:
        return _binary(value)
    if suffix[:1] in ("e", "E") and suffix not in _DECIMAL:
        return _exponent(value)
    return _decimal(value)


def _parse(text: str) -> tuple[Decimal, str]:
    found = _FORM.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not a quantity")
    number = Decimal(found["sign"] + found["number"])
    suffix = found["suffix"] or ""
    if suffix in _DECIMAL:
        return number.scaleb(_DECIMAL[suffix]), suffix
    if suffix in _BINARY:
        return number * (1 << _BINARY[suffix]), suffix
    return number.scaleb(int(suffix[1:])), suffix


def _binary(value: Decimal) -> str:
    whole = value.to_integral_value()
    for suffix, bits in reversed(_BINARY.items()):
        if whole % (1 << bits) == 0:
            return f"{int(whole) >> bits}{suffix}"
    return str(int(whole))


def _decimal(value: Decimal) -> str:
    for suffix, power in reversed(_DECIMAL.items()):
        scaled = value.scaleb(-power)
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
