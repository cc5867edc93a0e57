"""What Kubernetes takes for a label."""

import re

_QUALIFIED = re.compile(
    r"([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
)
_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")


def is_qualified(key: str) -> bool:
    """Whether it can be the key of a label or of a taint: "gpu", "nvidia.com/gpu"."""
    return _QUALIFIED.fullmatch(key) is not None


def is_value(text: str) -> bool:
    """Whether it can be a label's value; "" is one."""
    return _VALUE.fullmatch(text) is not None
