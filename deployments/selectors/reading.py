"""Reads of deployments and what belongs to them."""

import copy
import uuid

import msgspec
from django.db.models import Count, QuerySet

from deployments.errors import NotFound
from deployments.models import (
    Deployment,
    Event,
    Operation,
    Pod,
    Revision,
    State,
    TimelineEntry,
)
from deployments.selectors.access import Person
from deployments.selectors.rows import DeploymentRow
from deployments.selectors.status import ShownDeployment, with_shown_state
from deployments.spec import autoscaling_of, spec_of
from k8s import manifests
from k8s.cluster import Manifest
from k8s.spec import Wish
from teams.access import Places, teams_of

_LOOK_BACK = 50
_SHOWN = ("team", "cluster", "version__model", "created_by")


def deployments_visible_to(user: Person, *, include_deleted: bool = False) -> "QuerySet[ShownDeployment]":
    """Deployments of the person's teams, with all that a list row shows and with `shown_state`."""
    rows = Deployment.objects.filter(team__in=teams_of(user)).select_related(*_SHOWN)
    if not include_deleted:
        rows = rows.filter(deleted_at=None)
    return with_shown_state(rows)


def deployments_in(places: Places) -> QuerySet[Deployment]:
    """All deployments of the person's teams, also deleted ones, as they are stored."""
    return places.within(Deployment.objects.all())


def get_deployment(
    user: Person | Places, team: str, name: str, *, deleted_id: int | None = None
) -> Deployment:
    """The live deployment of that name, or the deleted one with that id.

    Raises:
        NotFound: no such deployment, or `user` is a stranger to the team.
    """
    rows = Deployment.objects.filter(team__name=team, name=name).select_related(*_SHOWN)
    rows = user.within(rows) if isinstance(user, Places) else rows.filter(team__in=teams_of(user))
    found = (rows.filter(deleted_at=None) if deleted_id is None else rows.filter(pk=deleted_id)).first()
    if found is None:
        raise NotFound(f"There is no deployment {name!r} in team {team!r}.")
    return found


def operations_visible_to(user: Person) -> QuerySet[Operation]:
    return Operation.objects.filter(deployment__team__in=teams_of(user)).select_related(
        "deployment__team", "deployment__cluster", "deployment__version__model", "deployment__created_by"
    )


def get_operation(user: Person, operation_id: uuid.UUID | str) -> Operation:
    """Raises: NotFound."""
    try:
        key = operation_id if isinstance(operation_id, uuid.UUID) else uuid.UUID(str(operation_id))
    except ValueError as exc:
        raise NotFound("There is no such operation.") from exc
    found = operations_visible_to(user).filter(pk=key).first()
    if found is None:
        raise NotFound("There is no such operation.")
    return found


def pods_of(deployment: Deployment) -> QuerySet[Pod]:
    return Pod.objects.filter(deployment=deployment).order_by("created_at", "name")


def get_pod(deployment: Deployment, name: str) -> Pod:
    """Raises: NotFound: not a pod of this deployment, as far as was observed."""
    pod = pods_of(deployment).filter(name=name).first()
    if pod is None:
        raise NotFound(f"Deployment {deployment.name} has no pod {name!r}.")
    return pod


def events_of(deployment: Deployment) -> QuerySet[Event]:
    """Newest first."""
    return Event.objects.filter(deployment=deployment).order_by("-last_at", "-id")


def timeline_of(deployment: Deployment) -> QuerySet[TimelineEntry]:
    """Newest first."""
    return TimelineEntry.objects.filter(deployment=deployment).order_by("-at", "-id")


def revisions_of(deployment: Deployment) -> QuerySet[Revision]:
    """Newest first."""
    return Revision.objects.filter(deployment=deployment).select_related("version__model").order_by("-number")


def get_revision(deployment: Deployment, number: int) -> Revision:
    """Raises: NotFound."""
    found = revisions_of(deployment).filter(number=number).first()
    if found is None:
        raise NotFound(f"Deployment {deployment.name} has no revision {number}.")
    return found


def rollback_target(deployment: Deployment) -> Revision | None:
    """The newest older revision that has served and says something else; None when there is none."""
    older = revisions_of(deployment).filter(number__lt=deployment.revision).exclude(served_at=None)
    now = spec_of(deployment)
    return next((row for row in older[:_LOOK_BACK] if spec_of(row) != now), None)


def diff_revisions(a: Revision, b: Revision) -> str:
    """What differs between the objects of two revisions of one deployment: a unified diff, "" for nothing.

    Count, autoscaler and pause are no part of revisions: both are shown with the present ones.
    """
    return manifests.diff(
        _objects_of(a), _objects_of(b), names=(f"revision {a.number}", f"revision {b.number}")
    )


def _objects_of(revision: Revision) -> list[Manifest]:
    then = copy.copy(revision.deployment)
    then.revision, then.spec = revision.number, revision.spec
    wish = wish_of(then, change_cause=revision.change_cause or revision.summary)
    return manifests.build(wish, gpu_resource=then.cluster.gpu_resource)


def endpoint_of(deployment: Deployment | DeploymentRow) -> str | None:
    """The address people reach from outside the cluster; None without a node port."""
    if deployment.node_port is None or not deployment.cluster.node_address or deployment.deleted_at:
        return None
    host = deployment.cluster.node_address
    return (
        f"http://[{host}]:{deployment.node_port}" if ":" in host else f"http://{host}:{deployment.node_port}"
    )


def address_in_cluster(deployment: Deployment) -> str:
    """The address other workloads of the cluster reach, for instance "http://house.pricing.svc:5001"."""
    return f"http://{deployment.name}.{deployment.namespace}.svc:{spec_of(deployment).service.port}"


def wish_of(deployment: Deployment, *, change_cause: str | None = None) -> Wish:
    """All that shapes the cluster's objects, from the row alone.

    Paused, it has no replicas and no autoscaler; with an autoscaler, no count of ours.
    A node port that the cluster chose once is asked for again: the address stays,
    even when the Service has to be made anew. `change_cause` None is the newest revision's.
    """
    spec = spec_of(deployment)
    if spec.service.type == "NodePort" and spec.service.node_port is None:
        service = msgspec.structs.replace(spec.service, node_port=deployment.node_port)
        spec = msgspec.structs.replace(spec, service=service)
    paused = deployment.paused_at is not None
    autoscaling = None if paused else autoscaling_of(deployment)
    replicas = None if autoscaling else deployment.replicas
    return Wish(
        team=deployment.team.name,
        name=deployment.name,
        namespace=deployment.namespace,
        revision=deployment.revision,
        replicas=0 if paused else replicas,
        spec=spec,
        restarted_at=deployment.restarted_at.isoformat() if deployment.restarted_at else None,
        change_cause=_change_cause(deployment) if change_cause is None else change_cause,
        autoscaling=autoscaling,
    )


def _change_cause(deployment: Deployment) -> str:
    newest = Revision.objects.filter(deployment=deployment, number=deployment.revision)
    row = newest.values_list("change_cause", "summary").first()
    return (row[0] or row[1]) if row else ""


def manifests_of(deployment: Deployment) -> list[Manifest]:
    """The objects a worker writes for the stored wish; asks no cluster."""
    return manifests.build(wish_of(deployment), gpu_resource=deployment.cluster.gpu_resource)


def counts_by_state(user: Person) -> dict[str, int]:
    """How many live deployments are in each shown state; all states are present."""
    rows = with_shown_state(Deployment.objects.filter(team__in=teams_of(user), deleted_at=None)).order_by()
    counted = dict(rows.values_list("shown_state").annotate(number=Count("pk")))
    return {state.value: counted.get(state.value, 0) for state in State if state is not State.DELETED}
