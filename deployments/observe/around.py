"""Events and nodes: what is seen around deployments."""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial

import msgspec

from deployments import odd
from deployments.models import Deployment, Event, Node
from deployments.nudges import Nudge
from deployments.observe.batches import chunks
from k8s.facts import EventFacts, NodeFacts

_EVENT_COLUMNS = ("type", "reason", "message", "count", "first_at", "last_at")
# As many as the column holds.
_MOST_GPUS = 2**31 - 1
_NODE_COLUMNS = ("name", "ready", "cpu_allocatable", "memory_allocatable", "gpu_allocatable", "facts")
_CHUNK = 500


def record_events(cluster_id: int, events: Sequence[EventFacts]) -> dict[int, Nudge]:
    """Keeps events about objects of our deployments; says which deployments they are about.

    Events carry no labels: they are matched by the names Kubernetes gives to what
    a Deployment makes. Those the cluster forgets stay here, for the history.
    """
    candidates = {event.uid: names_of_owner(event) for event in events}
    spaces = {event.namespace for event in events}
    names = {name for found in candidates.values() for name in found}
    rows = (
        Deployment.objects.filter(cluster_id=cluster_id, deleted_at=None, namespace__in=spaces)
        .select_related("team")
        .defer("facts", "spec")
    )
    by_key = {(row.namespace, row.name): row for row in rows if row.name in names}
    kept: list[Event] = []
    nudges: dict[int, Nudge] = {}
    for event in events:
        row = next(
            (
                by_key[event.namespace, name]
                for name in candidates[event.uid]
                if (event.namespace, name) in by_key
            ),
            None,
        )
        if row is None or _is_of_an_earlier_one(event, row):
            continue
        kept.append(_event_row(cluster_id, row, event))
        nudges[row.pk] = Nudge(team=row.team.name, deployment=row.name)
    write = partial(
        Event.objects.bulk_create,
        update_conflicts=True,
        unique_fields=("cluster", "uid"),
        update_fields=_EVENT_COLUMNS,
    )
    for part in chunks(kept, _CHUNK):
        odd.store(part, write, name="event {0.reason} of {0.object_name}")
    return nudges


def _is_of_an_earlier_one(event: EventFacts, row: Deployment) -> bool:
    """Events of a deleted one of the same name stay listed for an hour. Their times are whole seconds."""
    return event.last_at is not None and event.last_at < row.created_at - timedelta(seconds=1)


def names_of_owner(event: EventFacts) -> list[str]:
    """Names a deployment may have whose object the event is about, the likeliest first.

    A ReplicaSet is called "<deployment>-<hash>", its pods "<deployment>-<hash>-<random>".
    """
    name = event.object_name
    if event.object_kind in ("Deployment", "Service", "HorizontalPodAutoscaler"):
        return [name]
    parts = {"ReplicaSet": 1, "Pod": 2}.get(event.object_kind, 0)
    return [name.rsplit("-", parts)[0]] if parts and name.count("-") >= parts else []


def _event_row(cluster_id: int, row: Deployment, event: EventFacts) -> Event:
    return Event(
        cluster_id=cluster_id,
        deployment=row,
        uid=event.uid,
        type=event.type[:20],
        reason=event.reason[:100],
        message=event.message,
        object_kind=event.object_kind[:60],
        object_name=event.object_name[:253],
        count=max(1, event.count),
        first_at=event.first_at or event.last_at or event.created_at,
        last_at=event.last_at or event.first_at or event.created_at,
    )


def record_nodes(cluster_id: int, nodes: Sequence[NodeFacts], gone: set[str], *, complete: bool) -> None:
    """`complete` says that `nodes` are all there are."""
    write = partial(
        Node.objects.bulk_create,
        update_conflicts=True,
        unique_fields=("cluster", "uid"),
        update_fields=_NODE_COLUMNS,
    )
    odd.store([_node_row(cluster_id, node) for node in nodes], write, name="node {0.name}")
    known = Node.objects.filter(cluster_id=cluster_id)
    if complete:
        known.exclude(uid__in=[node.uid for node in nodes]).delete()
    elif gone:
        known.filter(uid__in=gone).delete()


def _node_row(cluster_id: int, node: NodeFacts) -> Node:
    return Node(
        cluster_id=cluster_id,
        uid=node.uid,
        name=node.name,
        ready=node.ready,
        cpu_allocatable=node.cpu_allocatable,
        memory_allocatable=node.memory_allocatable,
        gpu_allocatable=min(sum(node.gpu_allocatable.values()), _MOST_GPUS),
        facts=msgspec.to_builtins(node),
    )
