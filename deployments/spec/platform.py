"""Payloads about what teams and admins keep: registry logins, sizes, clusters' prices, node presets."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from deployments.models import Cluster, CostBasis, NodePreset, RegistryCredential, SizePreset
from deployments.spec import fields
from deployments.spec.addresses import read_node_address, read_prometheus_url
from deployments.spec.images import DOCKER_HUB
from deployments.spec.labels import is_qualified, is_value
from deployments.spec.reader import MISSING, Reader
from deployments.spec.sizes import default_size, resources_of
from k8s.spec import Resources

PRICES = ("price_cpu_hour", "price_memory_gib_hour", "price_gpu_hour")
_HOST = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*(:[0-9]{1,5})?")
_HUB_HOSTS = ("index.docker.io", "registry-1.docker.io", "hub.docker.com")
_CURRENCY = re.compile(r"[A-Z]{3}")
_MOST_PRICE = Decimal(1_000_000)
_PRICE_PLACES = Decimal("0.00001")
_MOST_ENTRIES = 20
_EFFECTS = ("", "NoSchedule", "PreferNoSchedule", "NoExecute")


@dataclass(frozen=True, slots=True)
class LoginRequest:
    """A login to a registry. `password` None keeps the one that is stored."""

    registry: str
    username: str
    password: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class SizeRequest:
    name: str
    description: str
    resources: Resources
    position: int


@dataclass(frozen=True, slots=True)
class ClusterRequest:
    """Prices are for an hour of one core, one GiB, one GPU; None is not known.

    `node_address` and `prometheus_url` are "" where there is none.
    """

    gpu_resource: str
    price_cpu_hour: Decimal | None
    price_memory_gib_hour: Decimal | None
    price_gpu_hour: Decimal | None
    currency: str
    cost_basis: str
    node_address: str
    prometheus_url: str


@dataclass(frozen=True, slots=True)
class NodePresetRequest:
    """`tolerations` are `k8s.spec.Toleration` in JSON."""

    name: str
    description: str
    node_selector: dict[str, str]
    tolerations: list[dict[str, str]]


def parse_login(
    payload: Mapping[str, Any], *, current: Mapping[str, RegistryCredential] | None = None
) -> LoginRequest:
    """`current` are the team's logins by registry: those may keep their password.

    Raises:
        InvalidInput: with JSON paths.
    """
    reader = Reader(payload)
    reader.allow_only(("registry", "username", "password"), read_only=("updated_by", "updated_at", "links"))
    registry = reader.text("registry", required=True, longest=200).strip().lower()
    if registry and not _HOST.fullmatch(registry):
        reader.wrong("registry", "Write the host alone, such as ghcr.io or registry:5000.", "invalid_host")
    registry = DOCKER_HUB if registry in _HUB_HOSTS else registry
    known = (current or {}).get(registry)
    username = reader.text("username", known.username if known else "", required=known is None, longest=200)
    password: str | None = None
    if reader.raw("password") in (MISSING, None, "") and known is not None:
        password = None
    else:
        password = reader.text("password", required=True, longest=10_000)
    reader.finish()
    return LoginRequest(registry, username, password)


def parse_size(payload: Mapping[str, Any], *, current: SizePreset | None = None) -> SizeRequest:
    """A new size, or a change to `current`.

    Raises:
        InvalidInput: with JSON paths.
    """
    reader = Reader(payload)
    reader.allow_only(("name", "description", *fields.RESOURCE_FIELDS, "position"))
    request = SizeRequest(
        name=fields.read_slug(reader, "name", current.name if current else "", longest=40),
        description=reader.text("description", current.description if current else "", longest=200),
        resources=fields.read_quantities(reader, resources_of(current) if current else default_size()),
        position=reader.integer("position", current.position if current else 100, least=0, most=10_000),
    )
    reader.finish()
    return request


def parse_cluster(payload: Mapping[str, Any], current: Cluster) -> ClusterRequest:
    """What an admin says about a cluster.

    Raises:
        InvalidInput: with JSON paths.
    """
    reader = Reader(payload)
    known = ("gpu_resource", *PRICES, "currency", "cost_basis", "node_address", "prometheus_url")
    reader.allow_only(known, read_only=("name", "state", "version", "links"))
    gpu = reader.text("gpu_resource", current.gpu_resource, longest=100)
    if "/" not in gpu or not is_qualified(gpu):
        reader.wrong("gpu_resource", "Write it as the nodes do, for instance nvidia.com/gpu.", "invalid_name")
    currency = reader.text("currency", current.currency, longest=3)
    if not _CURRENCY.fullmatch(currency):
        reader.wrong("currency", "Write three capital letters, such as USD.", "invalid_currency")
    request = ClusterRequest(
        gpu_resource=gpu,
        currency=currency,
        cost_basis=reader.choice("cost_basis", current.cost_basis, CostBasis.values),
        node_address=read_node_address(reader, current.node_address),
        prometheus_url=read_prometheus_url(reader, current.prometheus_url),
        **{name: _read_price(reader, name, getattr(current, name)) for name in PRICES},
    )
    reader.finish()
    return request


def parse_node_preset(payload: Mapping[str, Any], *, current: NodePreset | None = None) -> NodePresetRequest:
    """A new preset of nodes, or a change to `current`.

    Raises:
        InvalidInput: with JSON paths.
    """
    reader = Reader(payload)
    reader.allow_only(("name", "description", "node_selector", "tolerations"), read_only=("cluster",))
    request = NodePresetRequest(
        name=fields.read_slug(reader, "name", current.name if current else "", longest=40),
        description=reader.text("description", current.description if current else "", longest=200),
        node_selector=_read_selector(reader, current.node_selector if current else {}),
        tolerations=_read_tolerations(reader, current.tolerations if current else []),
    )
    if not request.node_selector and not request.tolerations and not reader.errors:
        reader.wrong("node_selector", "Name at least one label of the nodes, or a toleration.", "required")
    reader.finish()
    return request


def _read_price(reader: Reader, name: str, default: Decimal | None) -> Decimal | None:
    given = reader.raw(name)
    if given is MISSING:
        return default
    if given in (None, ""):
        return None
    try:
        price = Decimal(str(given)) if isinstance(given, int | float | str) else None
    except InvalidOperation:
        price = None
    if price is None or isinstance(given, bool) or not price.is_finite():
        reader.wrong(name, "A price must be a number.", "not_a_number")
        return default
    if not 0 <= price < _MOST_PRICE:
        reader.wrong(name, "A price must be from 0 to below 1000000.", "out_of_range")
        return default
    return price.quantize(_PRICE_PLACES)


def _read_selector(reader: Reader, default: dict[str, str]) -> dict[str, str]:
    given = reader.raw("node_selector")
    if given is MISSING:
        return default
    if not isinstance(given, dict) or len(given) > _MOST_ENTRIES:
        reader.wrong("node_selector", "This must be an object of labels and their values.", "not_an_object")
        return default
    for key, value in given.items():
        if not is_qualified(str(key)):
            reader.wrong("node_selector", f"{key!r} is not a label.", "invalid_label")
        elif not isinstance(value, str) or not is_value(value):
            reader.wrong(f"node_selector.{key}", "This is not a label's value.", "invalid_label")
    return dict(given)


def _read_tolerations(reader: Reader, default: list[dict[str, str]]) -> list[dict[str, str]]:
    given = reader.raw("tolerations")
    if given is MISSING:
        return default
    if not isinstance(given, list) or len(given) > _MOST_ENTRIES:
        reader.wrong("tolerations", f"This must be a list of at most {_MOST_ENTRIES}.", "not_a_list")
        return default
    return [
        _read_toleration(Reader(item, path=f"tolerations[{index}]", errors=reader.errors))
        for index, item in enumerate(given)
    ]


def _read_toleration(section: Reader) -> dict[str, str]:
    section.allow_only(("key", "operator", "value", "effect"))
    key = section.text("key", required=True, longest=317)
    if key and not is_qualified(key):
        section.wrong("key", "This is not the key of a taint, such as nvidia.com/gpu.", "invalid_label")
    operator = section.choice("operator", "Exists", ("Equal", "Exists"))
    value = section.text("value", longest=63)
    if operator == "Exists" and value:
        section.wrong("value", "Only the operator Equal has a value.", "not_applicable")
    elif not is_value(value):
        section.wrong("value", "This is not a taint's value.", "invalid_label")
    return {
        "key": key,
        "operator": operator,
        "value": value,
        "effect": section.choice("effect", "", _EFFECTS),
    }
