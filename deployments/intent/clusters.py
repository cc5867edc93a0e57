"""Connecting clusters, and giving teams a namespace in them. For admins of the installation.

A kubeconfig is sealed here and opened by workers and the observer only. Nothing is said to the
cluster: the observer finds the row, and what it makes of the connection is the cluster's state.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone

from deployments import queue
from deployments.errors import ClusterInUse, DuplicateName, FieldError, InvalidInput, NamespaceInUse
from deployments.intent.keeping import seal_text
from deployments.intent.platform import check_admin
from deployments.models import Cluster, ClusterState, Deployment, Namespace
from deployments.spec.clusters import ConnectionRequest, parse_connection, parse_isolation, parse_space
from teams import audit
from teams.models import Team


def connect_cluster(payload: Mapping[str, Any], *, by: User) -> Cluster:
    """A cluster that is not known yet.

    Raises:
        InvalidInput, DuplicateName, SecretsUnavailable, PermissionDenied.
    """
    check_admin(by, "connect cluster", str(payload.get("name", ""))[:40])
    request = parse_connection(payload)
    taken = f"There is a cluster {request.name!r} already."
    row = Cluster(name=request.name)
    _connect(row, request)
    try:
        with transaction.atomic():
            row.save()
            audit.record(by.username, "connect cluster", row.name, detail=_told(request))
    except IntegrityError as exc:
        raise DuplicateName(taken, errors=[FieldError("name", taken, "duplicate_name")]) from exc
    return row


def reconnect_cluster(cluster: Cluster, payload: Mapping[str, Any], *, by: User) -> Cluster:
    """Other credentials, or another address, for a cluster that is known: all it holds stays.

    Raises:
        InvalidInput, SecretsUnavailable, PermissionDenied.
    """
    check_admin(by, "reconnect cluster", cluster.name)
    request = parse_connection(payload, name=cluster.name)
    with transaction.atomic():
        row = Cluster.objects.select_for_update(no_key=True).get(pk=cluster.pk)
        _connect(row, request)
        row.save(update_fields=["credentials", "insecure_tls", "node_address", "state", "message"])
        audit.record(by.username, "reconnect cluster", row.name, detail=_told(request))
    return row


def disconnect_cluster(cluster: Cluster, *, confirm: str, by: User) -> Cluster:
    """Forgets the credentials. Workloads run on; what is known of them stays, and is marked as old.

    Raises:
        InvalidInput: `confirm` is not its name.
        PermissionDenied.
    """
    check_admin(by, "disconnect cluster", cluster.name)
    if confirm != cluster.name:
        raise InvalidInput([FieldError("confirm", f"Type {cluster.name} to confirm.", "not_confirmed")])
    with transaction.atomic():
        row = Cluster.objects.select_for_update(no_key=True).get(pk=cluster.pk)
        row.credentials, row.state = "", ClusterState.DISCONNECTED
        row.message = "An admin disconnected it; connect it again to go on."
        row.unreachable_since = row.unreachable_since or timezone.now()
        row.save(update_fields=["credentials", "state", "message", "unreachable_since"])
        audit.record(by.username, "disconnect cluster", row.name)
    return row


def forget_cluster(cluster: Cluster, *, by: User) -> None:
    """Removes a disconnected cluster in which nothing of ours is left.

    Raises:
        ClusterInUse, PermissionDenied.
    """
    check_admin(by, "forget cluster", cluster.name)
    with transaction.atomic():
        row = Cluster.objects.select_for_update().get(pk=cluster.pk)
        if row.credentials:
            raise ClusterInUse(f"Cluster {row.name} is connected. Disconnect it first.")
        left = Deployment.objects.filter(cluster=row, deleted_at=None).count()
        if left:
            text = f"Cluster {row.name} still has {left} deployments. Connect it again and delete them first."
            raise ClusterInUse(text)
        # What was deleted there is history of the cluster's, and goes with it.
        Deployment.objects.filter(cluster=row).delete()
        row.delete()
        audit.record(by.username, "forget cluster", cluster.name)


def give_namespace(cluster: Cluster, payload: Mapping[str, Any], *, by: User) -> Namespace:
    """Lets a team deploy to a cluster, in a namespace that nobody else has.

    Raises:
        InvalidInput, NamespaceInUse, PermissionDenied.
    """
    check_admin(by, "give namespace", cluster.name)
    request = parse_space(payload)
    team = Team.objects.filter(name=request.team).first()
    if team is None:
        raise InvalidInput([FieldError("team", f"There is no team {request.team!r}.", "unknown_team")])
    target = f"{cluster.name}/{request.namespace}"
    try:
        with transaction.atomic():
            row = Namespace.objects.create(cluster=cluster, team=team, name=request.namespace)
            audit.record(by.username, "give namespace", target, team=team.name)
    except IntegrityError as exc:
        own = Namespace.objects.filter(cluster=cluster, team=team).first()
        text = (
            f"Team {team.name} has namespace {own.name} there already."
            if own
            else f"Namespace {request.namespace} belongs to another team."
        )
        field = "team" if own else "namespace"
        raise NamespaceInUse(text, errors=[FieldError(field, text, "namespace_in_use")]) from exc
    return row


def isolate_namespace(space: Namespace, payload: Mapping[str, Any], *, by: User) -> Namespace:
    """Closes a namespace to others or opens it: a worker writes the NetworkPolicy that says so.

    Raises:
        InvalidInput, PermissionDenied.
    """
    target = f"{space.cluster.name}/{space.name}"
    check_admin(by, "isolate namespace", target)
    with transaction.atomic():
        rows = Namespace.objects.select_for_update(of=("self",), no_key=True)
        row = rows.select_related("cluster", "team").get(pk=space.pk)
        columns = asdict(parse_isolation(payload, row))
        before = {name: getattr(row, name) for name in columns}
        for name, value in columns.items():
            setattr(row, name, value)
        # What is new deserves a new try.
        row.apply_error, row.apply_attempts, row.retry_at = "", 0, None
        row.save(update_fields=[*columns, "apply_error", "apply_attempts", "retry_at"])
        if before != columns:
            audit.record(
                by.username, "isolate namespace", target, team=row.team.name, before=before, after=columns
            )
        # robust: it is stored; the sweep recovers a dead broker.
        transaction.on_commit(lambda: queue.enqueue_isolation(row.pk), robust=True)
    return row


def take_namespace(space: Namespace, *, by: User) -> None:
    """A team may deploy there no more. The namespace itself is left alone.

    Raises:
        NamespaceInUse: the team has deployments there.
        PermissionDenied.
    """
    target = f"{space.cluster.name}/{space.name}"
    check_admin(by, "take namespace", target)
    with transaction.atomic():
        row = Namespace.objects.select_for_update(of=("self",)).get(pk=space.pk)
        inside = Deployment.objects.filter(cluster=space.cluster, namespace=row.name, deleted_at=None)
        if inside.exists():
            raise NamespaceInUse(f"Namespace {row.name} has deployments. Delete those first.")
        row.delete()
        audit.record(by.username, "take namespace", target, team=space.team.name)


def _connect(row: Cluster, request: ConnectionRequest) -> None:
    row.credentials = seal_text(request.kubeconfig)
    row.insecure_tls = request.allow_insecure_tls
    row.node_address = request.node_address
    # Nothing is known of it until the observer has had word.
    row.state, row.message = ClusterState.UNKNOWN, ""


def _told(request: ConnectionRequest) -> dict[str, object]:
    """What the audit keeps: nothing of the kubeconfig."""
    return {"allow_insecure_tls": request.allow_insecure_tls, "node_address": request.node_address}
