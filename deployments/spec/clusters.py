"""Payloads about a cluster's connection: its kubeconfig, and the namespaces teams have in it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from deployments.spec.addresses import read_node_address
from deployments.spec.reader import Reader
from k8s.connect import IN_CLUSTER, load_kubeconfig
from k8s.errors import UnusableCredentials

_SLUG = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
LONGEST_KUBECONFIG = 200_000
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


def parse_connection(payload: Mapping[str, Any], *, name: str = "") -> ConnectionRequest:
    """A cluster to connect, or with `name` the new way to one that is known.

    Raises:
        InvalidInput: with JSON paths.
    """
    reader = Reader(payload)
    fields = ("kubeconfig", "context", "in_cluster", "allow_insecure_tls", "node_address")
    reader.allow_only(fields if name else ("name", *fields))
    request = ConnectionRequest(
        name=name or _read_slug(reader, "name", longest=40),
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
    namespace = _read_slug(reader, "namespace", longest=63, default=team)
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
        return load_kubeconfig(text, context=context, allow_insecure_tls=insecure).as_kubeconfig()
    except UnusableCredentials as exc:
        reader.wrong("kubeconfig", f"{exc}."[:1].upper() + f"{exc}."[1:], "unusable_kubeconfig")
        return ""


def _read_slug(reader: Reader, field_name: str, *, longest: int, default: str = "") -> str:
    name = reader.text(field_name, default, required=not default, longest=longest)
    if name and not _SLUG.fullmatch(name):
        reader.wrong(field_name, "Use lower-case letters, digits and hyphens only.", "invalid_name")
    return name
