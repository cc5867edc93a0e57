"""What admins of the installation keep: sizes, and for each cluster its prices, GPUs and node presets."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from decimal import Decimal
from typing import Any

import msgspec
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from deployments.errors import Conflict, DuplicateName, FieldError, PermissionDenied
from deployments.intent.refusals import write_refusal
from deployments.models import Cluster, NodePreset, SizePreset
from deployments.spec.platform import parse_cluster, parse_node_preset, parse_size
from teams import audit

_SIZE = ("name", "description", "position", "cpu", "memory", "cpu_limit", "memory_limit", "gpu")


def save_size_preset(
    payload: Mapping[str, Any], *, by: User, current: SizePreset | None = None
) -> SizePreset:
    """A new size, or a change to `current`. Deployments keep the resources they have.

    Raises:
        InvalidInput, DuplicateName, PermissionDenied.
    """
    check_admin(by, "save size", current.name if current else str(payload.get("name", ""))[:40])
    request = parse_size(payload, current=current)
    before = _columns_of(current, _SIZE) if current else None
    row = current or SizePreset()
    row.name, row.description, row.position = request.name, request.description, request.position
    for field, value in msgspec.structs.asdict(request.resources).items():
        setattr(row, field, value)
    _save(row, f"There is a size {request.name!r} already.")
    audit.record(by.username, "save size", row.name, before=before, after=_columns_of(row, _SIZE))
    return row


def delete_size_preset(preset: SizePreset, *, by: User) -> None:
    """Deployments keep the resources they have.

    Raises:
        Conflict: it is the last one.
        PermissionDenied.
    """
    check_admin(by, "delete size", preset.name)
    with transaction.atomic():
        rows = list(SizePreset.objects.select_for_update())
        if len(rows) == 1 and rows[0].pk == preset.pk:
            raise Conflict("This is the last size: people need one to choose.")
        SizePreset.objects.filter(pk=preset.pk).delete()
        audit.record(by.username, "delete size", preset.name, before=_columns_of(preset, _SIZE))


def change_cluster(cluster: Cluster, payload: Mapping[str, Any], *, by: User) -> Cluster:
    """What its nodes call a GPU, what an hour of it costs, where its nodes and its Prometheus are.

    Raises:
        InvalidInput, PermissionDenied.
    """
    check_admin(by, "change cluster", cluster.name)
    with transaction.atomic():
        row = Cluster.objects.select_for_update(no_key=True).get(pk=cluster.pk)
        request = parse_cluster(payload, row)
        columns = asdict(request)
        before = _columns_of(row, columns)
        for field, value in columns.items():
            setattr(row, field, value)
        # Only these: the observer writes the others.
        row.save(update_fields=list(columns))
        after = _columns_of(row, columns)
        audit.record(by.username, "change cluster", row.name, before=before, after=after)
    return row


def save_node_preset(
    cluster: Cluster, payload: Mapping[str, Any], *, by: User, current: NodePreset | None = None
) -> NodePreset:
    """A new preset, or a change to `current`. Deployments keep what they copied of it.

    Raises:
        InvalidInput, DuplicateName, PermissionDenied.
    """
    name = current.name if current else str(payload.get("name", ""))[:40]
    check_admin(by, "save node preset", f"{cluster.name}/{name}")
    request = parse_node_preset(payload, current=current)
    row = current or NodePreset(cluster=cluster)
    columns = asdict(request)
    before = _columns_of(current, columns) if current else None
    for field, value in columns.items():
        setattr(row, field, value)
    _save(row, f"Cluster {cluster.name} has a node preset {request.name!r} already.")
    target = f"{cluster.name}/{row.name}"
    audit.record(by.username, "save node preset", target, before=before, after=_columns_of(row, columns))
    return row


def delete_node_preset(preset: NodePreset, *, by: User) -> None:
    """Deployments keep what they copied of it.

    Raises:
        PermissionDenied.
    """
    target = f"{preset.cluster.name}/{preset.name}"
    check_admin(by, "delete node preset", target)
    NodePreset.objects.filter(pk=preset.pk).delete()
    before = _columns_of(preset, ("name", "description", "node_selector", "tolerations"))
    audit.record(by.username, "delete node preset", target, before=before)


def _columns_of(row: SizePreset | NodePreset | Cluster, names: Iterable[str]) -> dict[str, Any]:
    """For the audit: JSON-ready, numbers with decimals as text."""
    values = {name: getattr(row, name) for name in names}
    return {name: str(value) if isinstance(value, Decimal) else value for name, value in values.items()}


def check_admin(by: User, action: str, target: str) -> None:
    """Raises: PermissionDenied; the refusal is in the audit."""
    if not (by.is_active and by.is_superuser):
        refusal = PermissionDenied("This is for admins of the installation.")
        write_refusal(refusal, by, action, target)
        raise refusal


def _save(row: SizePreset | NodePreset, taken: str) -> None:
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError as exc:
        raise DuplicateName(taken, errors=[FieldError("name", taken, "duplicate_name")]) from exc
