"""Kubernetes quantities to whole numbers and back to short text."""

import re
from decimal import ROUND_CEILING, Decimal
from typing import Final

_QUANTITY: Final = re.compile(
    r"([+-]?)(\d{1,30}\.?\d{0,30}|\.\d{1,30})(?:([eE][+-]?\d{1,2})|(Ki|Mi|Gi|Ti|Pi|Ei|n|u|m|k|M|G|T|P|E)?)",
    re.ASCII,
)
#: What a suffix multiplies by.
SCALES: Final[dict[str, Decimal]] = {
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "": Decimal(1),
    "k": Decimal(10**3),
    "M": Decimal(10**6),
    "G": Decimal(10**9),
    "T": Decimal(10**12),
    "P": Decimal(10**15),
    "E": Decimal(10**18),
    "Ki": Decimal(2**10),
    "Mi": Decimal(2**20),
    "Gi": Decimal(2**30),
    "Ti": Decimal(2**40),
    "Pi": Decimal(2**50),
    "Ei": Decimal(2**60),
}
# What a cluster keeps a quantity in; larger ones are capped there too.
_LARGEST: Final = 2**63 - 1


def amount(quantity: str) -> Decimal:
    """The exact value of a quantity in its base unit (cores, bytes, pieces): "1500m" -> 1.5, "1Ki" -> 1024.

    Raises:
        ValueError: not a Kubernetes quantity.
    Source: Kubernetes API reference, "Quantity".
    """
    match = _QUANTITY.fullmatch(quantity)
    if match is None:
        raise ValueError(f"{quantity!r} is not a Kubernetes quantity")
    sign, digits, exponent, suffix = match.groups()
    value = Decimal(digits) * (Decimal("1" + exponent) if exponent else SCALES[suffix or ""])
    return -value if sign == "-" else value


def millicores(quantity: str) -> int:
    """CPU in whole millicores, rounded up: "250m" -> 250, "1" -> 1000, "944508n" -> 1.

    Raises:
        ValueError: not a Kubernetes quantity.
    Source: Kubernetes API reference, "Quantity".
    """
    return _whole(amount(quantity) * 1000)


def bytes_(quantity: str) -> int:
    """Memory in whole bytes, rounded up: "128Mi" -> 134217728, "1k" -> 1000.

    Raises:
        ValueError: not a Kubernetes quantity.
    Source: Kubernetes API reference, "Quantity".
    """
    return _whole(amount(quantity))


def pieces(quantity: str) -> int:
    """A counted resource such as a GPU: "2" -> 2. Raises ValueError on what is no quantity."""
    return _whole(amount(quantity))


def format_millicores(value: int) -> str:
    """As people and Kubernetes write CPU: 250 -> "250m", 2000 -> "2"."""
    cores, rest = divmod(value, 1000)
    return f"{value}m" if rest else str(cores)


def format_bytes(value: int) -> str:
    """As people read memory, one decimal at most: 134217728 -> "128 MiB", 1610612736 -> "1.5 GiB"."""
    size, unit = Decimal(value), "B"
    for larger in ("KiB", "MiB", "GiB", "TiB", "PiB"):
        if abs(size) < 1024:
            break
        size, unit = size / 1024, larger
    return f"{size:.1f}".removesuffix(".0") + f" {unit}"


def memory_quantity(value: int) -> str:
    """Bytes as Kubernetes writes them, exactly: 4294967296 -> "4Gi", 1000 -> "1000"."""
    for suffix in ("Ti", "Gi", "Mi", "Ki"):
        if value and value % int(SCALES[suffix]) == 0:
            return f"{value // int(SCALES[suffix])}{suffix}"
    return str(value)


def _whole(value: Decimal) -> int:
    return min(int(value.to_integral_value(rounding=ROUND_CEILING)), _LARGEST)
