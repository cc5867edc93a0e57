"""Payloads about a cluster's connection: its kubeconfig, and the namespaces teams have in it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from deployments.models import Namespace
from deployments.spec.addresses import is_of_the_cloud, read_node_address
from deployments.spec.fields import is_slug, read_slug
from deployments.spec.labels import is_qualified, is_value
from deployments.spec.reader import MISSING, Reader
from k8s.connect import IN_CLUSTER, load_kubeconfig
from k8s.errors import UnusableCredentials
from k8s.manifests import is_network

LONGEST_KUBECONFIG = 200_000
MOST_SOURCES = 20
# The cluster's own: nobody's models belong there.
_RESERVED = ("kube-system", "kube-public", "kube-node-lease", "default")


@dataclass(frozen=True, slots=True)
class ConnectionRequest:
    """`kubeconfig` is one context's worth of it, or "in-cluster". Secret: stays out of the repr."""

    name: str
    node_address: str
    allow_insecure_tls: bool
    kubeconfig: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SpaceRequest:
    team: str
    namespace: str


@dataclass(frozen=True, slots=True)
class IsolationRequest:
    """Who may connect to the pods of a namespace; see `k8s.manifests.isolation`."""

    isolated: bool
    ingress_from: list[str]


def parse_isolation(payload: Mapping[str, Any], current: Namespace) -> IsolationRequest:
    """What is not named stays. Raises: InvalidInput."""
    reader = Reader(payload)
    reader.allow_only(("isolated", "ingress_from"), read_only=("team", "namespace", "message"))
    isolated = reader.boolean("isolated", current.isolated)
    request = IsolationRequest(isolated, _read_sources(reader, current.ingress_from))
    reader.finish()
    return request


def _read_sources(reader: Reader, default: list[str]) -> list[str]:
    given = reader.raw("ingress_from")
    if given is MISSING:
        return default
    if not isinstance(given, list) or len(given) > MOST_SOURCES:
        reader.wrong("ingress_from", f"This must be a list of at most {MOST_SOURCES}.", "not_a_list")
        return default
    for index, source in enumerate(given):
        if not isinstance(source, str) or not _is_source(source):
            text = (
                "Write a namespace such as monitoring, a label of namespaces such as team=platform, or a "
                "network such as 10.0.0.0/24."
            )
            reader.wrong(f"ingress_from[{index}]", text, "invalid_source")
    return list(dict.fromkeys(map(str, given)))


def _is_source(source: str) -> bool:
    if is_network(source):
        return True
    key, equals, value = source.partition("=")
    if equals:
        return is_qualified(key) and is_value(value)
    return len(source) <= 63 and is_slug(source)


def parse_connection(payload: Mapping[str, Any], *, name: str = "") -> ConnectionRequest:
    """A cluster to connect, or with `name` the new way to one that is known.

    Raises:
        InvalidInput: with JSON paths.
    """
    reader = Reader(payload)
    fields = ("kubeconfig", "context", "in_cluster", "allow_insecure_tls", "node_address")
    reader.allow_only(fields if name else ("name", *fields))
    request = ConnectionRequest(
        name=name or read_slug(reader, "name", longest=40),
        node_address=read_node_address(reader),
        allow_insecure_tls=reader.boolean("allow_insecure_tls", False),
        kubeconfig=_read_kubeconfig(reader),
    )
    reader.finish()
    return request


def parse_space(payload: Mapping[str, Any]) -> SpaceRequest:
    """Raises: InvalidInput."""
    reader = Reader(payload)
    reader.allow_only(("team", "namespace"))
    team = reader.text("team", required=True, longest=40)
    namespace = read_slug(reader, "namespace", team, longest=63)
    if namespace in _RESERVED or namespace.startswith("kube-"):
        text = f"{namespace} is the cluster's own: name another, which is made if it is not there."
        reader.wrong("namespace", text, "reserved")
    reader.finish()
    return SpaceRequest(team, namespace)


def _read_kubeconfig(reader: Reader) -> str:
    if reader.boolean("in_cluster", False):
        if reader.raw("kubeconfig") not in (None, "") and "kubeconfig" in reader:
            text = "Leave this empty for the cluster that Timoneiro runs in."
            reader.wrong("kubeconfig", text, "not_applicable")
        return IN_CLUSTER
    text = reader.text("kubeconfig", required=True, longest=LONGEST_KUBECONFIG)
    context = reader.text("context", longest=250)
    if not text.strip():
        return ""
    insecure = reader.boolean("allow_insecure_tls", False)
    try:
        access = load_kubeconfig(text, context=context, allow_insecure_tls=insecure)
    except UnusableCredentials as exc:
        reader.wrong("kubeconfig", f"{exc}."[:1].upper() + f"{exc}."[1:], "unusable_kubeconfig")
        return ""
    host = urlsplit(access.server).hostname or ""
    if is_of_the_cloud(host):
        why = f"{host} is link-local or a cloud's metadata service: no cluster is asked there."
        reader.wrong("kubeconfig", why, "unusable_kubeconfig")
    return access.as_kubeconfig()
