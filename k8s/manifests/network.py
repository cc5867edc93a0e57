"""Who may connect to pods of a team's namespace: from outside of it only those that an admin names."""

from collections.abc import Iterable
from ipaddress import ip_network
from typing import Any, Final

from k8s.cluster import Manifest
from k8s.manifests.names import team_labels

POLICY_NAME: Final = "timoneiro"
# Every namespace carries its own name as a label, which nobody can change.
_NAME_LABEL: Final = "kubernetes.io/metadata.name"


def isolation(namespace: str, team: str, sources: Iterable[str]) -> Manifest:
    """A NetworkPolicy for every pod of the namespace: ingress from itself and from `sources`.

    A source is a network ("10.0.0.0/24"), a label of namespaces ("team=platform"), or the name of one.
    """
    peers = [{"podSelector": {}}, *(_peer(source) for source in sources)]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": POLICY_NAME, "namespace": namespace, "labels": team_labels(team)},
        "spec": {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{"from": peers}]},
    }


def _peer(source: str) -> dict[str, Any]:
    if is_network(source):
        return {"ipBlock": {"cidr": source}}
    key, equals, value = source.partition("=")
    labels = {key: value} if equals else {_NAME_LABEL: source}
    return {"namespaceSelector": {"matchLabels": labels}}


def is_network(source: str) -> bool:
    """Whether it is written as a network: an address, a slash, and how many bits of it count."""
    try:
        ip_network(source)
    except ValueError:
        return False
    return "/" in source
