"""Worker side of a cluster's check: whether it answers, and which of our permissions it grants."""

from collections.abc import Callable
from typing import Any

import msgspec

from deployments import clients
from deployments.access import is_by_own_accounts
from deployments.inspection import Grant, Granted, Inspection
from deployments.models import Cluster, Namespace
from k8s.cluster import Cluster as ClusterClient
from k8s.cluster import Permission
from k8s.permissions import NEEDS, Need


def inspect(
    cluster_id: int, *, connect: Callable[[Cluster], ClusterClient] = clients.client_of
) -> dict[str, Any]:
    """Answers an `Inspection` in JSON.

    Raises:
        Cluster.DoesNotExist, ClusterUnavailable, Unauthorized, UnusableCredentials, ...
    """
    row = Cluster.objects.get(pk=cluster_id)
    cluster = connect(row)
    spaces = tuple(Namespace.objects.filter(cluster=row).order_by("name").values_list("name", flat=True))
    version = cluster.version()
    # Inside the cluster the observer has an account of its own, and the cluster answers about ours alone.
    alone = is_by_own_accounts(row)
    grants = tuple(
        grant
        for need in NEEDS
        for grant in (_unknown(need) if alone and need.who == "observer" else _grants(cluster, need, spaces))
    )
    built: dict[str, Any] = msgspec.to_builtins(Inspection(version=version, grants=grants))
    return built


def _unknown(need: Need) -> list[Grant]:
    return [Grant(verb=verb, granted="unknown") for verb in need.verbs]


def _grants(cluster: ClusterClient, need: Need, spaces: tuple[str, ...]) -> list[Grant]:
    return [Grant(verb=verb, granted=_granted(cluster, need, verb, spaces)) for verb in need.verbs]


def _granted(cluster: ClusterClient, need: Need, verb: str, spaces: tuple[str, ...]) -> Granted:
    """In the whole cluster, in each namespace of ours ("namespaces"), or "no"."""
    resource, _, subresource = need.resource.partition("/")
    asked = Permission(verb, resource, group=need.group, subresource=subresource)
    if cluster.can_i(asked):
        return "cluster"
    # A watch of one kind is one stream over all namespaces: a Role in each does not help the observer.
    if need.everywhere or need.who == "observer" or not spaces:
        return "no"
    within = (
        Permission(verb, resource, group=need.group, subresource=subresource, namespace=space)
        for space in spaces
    )
    return "namespaces" if all(cluster.can_i(one) for one in within) else "no"
