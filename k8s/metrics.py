"""What metrics.k8s.io says: how much pods and nodes used, over a window that has ended."""

import logging
import re
from datetime import datetime
from typing import Final

import msgspec

from k8s.quantities import amount
from k8s.raw import Raw
from k8s.refusals import not_json

log = logging.getLogger(__name__)

_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|h|m|s|us|µs|ns)", re.ASCII)
_SECONDS: Final = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """What a pod (its containers together) or a node used: millicores and bytes.

    `at` is the end of the window, by the clock of the cluster; it lags ours by up to a minute.
    `namespace` is "" for a node.
    """

    namespace: str
    name: str
    cpu: int
    memory: int
    at: datetime
    window_seconds: float


class _Usage(Raw):
    cpu: str = "0"
    memory: str = "0"


class _Container(Raw):
    usage: _Usage = msgspec.field(default_factory=_Usage)


class _Name(Raw):
    name: str
    namespace: str | None = None


class _Item(Raw):
    metadata: _Name
    timestamp: datetime
    window: str = ""
    usage: _Usage | None = None
    containers: list[_Container] | None = None


class _List(Raw):
    items: list[msgspec.Raw] | None = None


_LIST: Final = msgspec.json.Decoder(_List)
_ITEM: Final = msgspec.json.Decoder(_Item)


def decode_measured(body: bytes) -> list[Measured]:
    """A PodMetricsList or NodeMetricsList. One entry too odd to read does not hide the others.

    Raises:
        ClusterUnavailable: the body is no list of a Kubernetes API.
    """
    try:
        listed = _LIST.decode(body)
    except msgspec.DecodeError as exc:
        raise not_json(200, body) from exc
    found = []
    for item in listed.items or ():
        try:
            found.append(_measured(_ITEM.decode(item)))
        except (msgspec.DecodeError, ValueError) as exc:
            log.warning("a measurement that cannot be read was skipped: %s", exc)
    return found


def _measured(item: _Item) -> Measured:
    usages = [item.usage] if item.usage else [container.usage for container in item.containers or ()]
    # Added up before it is rounded, as kubectl does it.
    nanocores = sum(_in_units(usage.cpu, "n", 1, 10**9) for usage in usages)
    return Measured(
        namespace=item.metadata.namespace or "",
        name=item.metadata.name,
        cpu=-(-nanocores // 10**6),
        memory=sum(_in_units(usage.memory, "Ki", 1024, 1) for usage in usages),
        at=item.timestamp,
        window_seconds=duration_seconds(item.window),
    )


def _in_units(quantity: str, usual: str, worth: int, scale: int) -> int:
    """A quantity times `scale`, as a whole number. Nearly all have one unit: a short way for that."""
    digits = quantity.removesuffix(usual)
    if digits != quantity and digits.isascii() and digits.isdigit():
        return int(digits) * worth
    return int(amount(quantity) * scale)


def duration_seconds(text: str) -> float:
    """Seconds of a duration as Go writes it: "1m0.5s" -> 60.5, "" -> 0.

    Raises:
        ValueError: not a duration.
    """
    parts = _DURATION.findall(text)
    if "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f"{text!r} is not a duration")
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)
