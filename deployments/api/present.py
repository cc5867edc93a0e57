"""Rows of the domain into the shapes of the contract, a page at a time."""

from collections.abc import Iterable, Sequence

import msgspec
from django.urls import reverse
from msgspec import UNSET, UnsetType

from deployments import counts, models, selectors
from deployments.api import shapes
from deployments.spec import spec_of
from deployments.spec.schedules import describe_target
from k8s.facts import PodFacts
from k8s.spec import Service, Spec


def address(route: str, /, **parts: object) -> str:
    """The path of a route, with the trailing slash that is optional on every one."""
    return reverse(f"api:{route}", kwargs=parts) + "/"


def deployments(rows: Sequence[models.Deployment]) -> list[shapes.Deployment]:
    """One query for the next scheduled change of all rows."""
    changes = _next_changes(rows)
    return [_deployment(row, changes.get(row.pk)) for row in rows]


def deployment(row: models.Deployment) -> shapes.Deployment:
    return deployments([row])[0]


def _deployment(row: models.Deployment, next_change: shapes.NextChange | None) -> shapes.Deployment:
    spec = spec_of(row)
    return shapes.Deployment(
        name=row.name,
        team=row.team.name,
        cluster=row.cluster.name,
        namespace=row.namespace,
        model=spec.model,
        version=spec.version,
        image=spec.image,
        replicas=row.replicas,
        resources=spec.resources,
        port=spec.port,
        health_path=spec.health_path,
        service=_service(row, spec),
        env=_variables(spec),
        paused=row.paused_at is not None,
        autoscaling=counts.autoscaling_of(row),
        autoscaler=_autoscaler(row),
        rollout=spec.rollout,
        security=spec.security,
        start_seconds=spec.start_seconds,
        node_preset=spec.placement.preset if spec.placement else None,
        registry=spec.registry or None,
        status=msgspec.convert(selectors.present_status(row), shapes.Status),
        endpoint=selectors.endpoint_of(row),
        generation=row.generation,
        applied_generation=row.applied_generation,
        revision=row.revision,
        next_change=next_change,
        created_at=row.created_at,
        created_by=row.created_by.get_username() if row.created_by else None,
        updated_at=row.updated_at,
        links=_links(row),
    )


def _next_changes(rows: Sequence[models.Deployment]) -> dict[int, shapes.NextChange]:
    """By deployment, the schedule that comes first."""
    coming = models.ScalingSchedule.objects.filter(deployment__in=rows, enabled=True).exclude(next_at=None)
    found: dict[int, shapes.NextChange] = {}
    for schedule in coming.order_by("next_at", "pk"):
        if schedule.next_at is not None:
            change = shapes.NextChange(at=schedule.next_at, text=describe_target(schedule))
            found.setdefault(schedule.deployment_id, change)
    return found


def _variables(spec: Spec) -> list[shapes.Variable]:
    """A secret one by its name alone."""
    return [
        shapes.Variable(name=variable.name, secret=True)
        if variable.secret
        else shapes.Variable(name=variable.name, value=variable.value)
        for variable in spec.env
    ]


def _autoscaler(row: models.Deployment) -> shapes.Autoscaler | None:
    shown = selectors.present_autoscaler(row)
    return msgspec.convert(shown, shapes.Autoscaler, from_attributes=True) if shown else None


def _service(row: models.Deployment, spec: Spec) -> Service:
    """A node port that the cluster chose is told too."""
    if spec.service.type == "ClusterIP" or spec.service.node_port or not row.node_port:
        return spec.service
    return msgspec.structs.replace(spec.service, node_port=row.node_port)


def _links(row: models.Deployment) -> shapes.Links:
    parts = {"team": row.team.name, "name": row.name}
    return shapes.Links(
        self=address("deployment", **parts),
        pods=address("pods", **parts),
        logs=address("logs", **parts),
        events=address("events", **parts),
        revisions=address("revisions", **parts),
        schedules=address("schedules", **parts),
        manifests=address("manifests", **parts),
        metrics=address("metrics", **parts),
        predict=address("predict", **parts),
    )


def operations(rows: Iterable[models.Operation]) -> list[shapes.Operation]:
    return [operation(row) for row in rows]


def operation(row: models.Operation) -> shapes.Operation:
    team, name = row.deployment.team.name, row.deployment.name
    return shapes.Operation(
        id=str(row.pk),
        action=row.action,
        state=row.state,
        team=team,
        deployment=name,
        generation=row.generation,
        steps=msgspec.convert(row.steps, list[shapes.Step]),
        error=row.error,
        created_by=row.created_by,
        created_at=row.created_at,
        finished_at=row.finished_at,
        links={
            "self": address("operation", operation=row.pk),
            "deployment": address("deployment", team=team, name=name),
        },
    )


def revisions(rows: Iterable[models.Revision]) -> list[shapes.Revision]:
    return [revision(row) for row in rows]


def revision(row: models.Revision, *, diff: str | UnsetType = UNSET) -> shapes.Revision:
    return shapes.Revision(
        number=row.number,
        summary=row.summary,
        change_cause=row.change_cause,
        author=row.author,
        restores=row.restores,
        served_at=row.served_at,
        created_at=row.created_at,
        milestones=[
            shapes.Milestone(name=step.name, at=step.at, seconds=step.seconds)
            for step in selectors.reached_steps(row)
        ],
        spec=_spec(spec_of(row)),
        diff=diff,
    )


def _spec(spec: Spec) -> shapes.RevisionSpec:
    return shapes.RevisionSpec(
        model=spec.model,
        version=spec.version,
        image=spec.image,
        port=spec.port,
        health_path=spec.health_path,
        start_seconds=spec.start_seconds,
        resources=spec.resources,
        service=spec.service,
        env=_variables(spec),
        rollout=spec.rollout,
        security=spec.security,
        node_preset=spec.placement.preset if spec.placement else None,
        registry=spec.registry or None,
    )


def schedules(rows: Iterable[models.ScalingSchedule]) -> list[shapes.Schedule]:
    return [
        shapes.Schedule(
            id=row.pk,
            cron=row.cron,
            time_zone=row.deployment.team.time_zone,
            replicas=row.replicas,
            min_replicas=row.min_replicas,
            max_replicas=row.max_replicas,
            enabled=row.enabled,
            next_at=row.next_at,
            last_at=row.last_at,
            last_outcome=row.last_outcome,
            created_by=row.created_by,
            created_at=row.created_at,
        )
        for row in rows
    ]


def pods(rows: Iterable[models.Pod]) -> list[shapes.Pod]:
    return [_pod(row) for row in rows]


def _pod(row: models.Pod) -> shapes.Pod:
    facts = msgspec.convert(row.facts, PodFacts)
    return shapes.Pod(
        name=row.name,
        phase=row.phase,
        ready=row.ready,
        restarts=row.restarts,
        reason=row.reason,
        node=row.node,
        revision=row.revision or None,
        deleting=row.deleting,
        created_at=row.created_at,
        containers=[
            shapes.Container(
                name=c.name,
                image=c.image,
                ready=c.ready,
                restarts=c.restarts,
                state=c.state,
                reason=c.reason,
                message=c.message,
                last_reason=c.last_reason,
                last_exit_code=c.last_exit_code,
            )
            for c in facts.containers
        ],
    )


def events(rows: Iterable[models.Event]) -> list[shapes.Event]:
    return [
        shapes.Event(
            type=row.type,
            reason=row.reason,
            message=row.message,
            object_kind=row.object_kind,
            object_name=row.object_name,
            count=row.count,
            first_at=row.first_at,
            last_at=row.last_at,
        )
        for row in rows
    ]


def captured_logs(rows: Iterable[models.CapturedLog], team: str, name: str) -> list[shapes.CapturedLog]:
    return [
        shapes.CapturedLog(
            id=row.pk,
            pod=row.pod,
            container=row.container,
            run=row.run,
            revision=row.revision,
            exit_code=row.exit_code,
            reason=row.reason,
            ended_at=row.ended_at,
            captured_at=row.captured_at,
            text=address("captured-log", team=team, name=name, captured=row.pk),
        )
        for row in rows
    ]


def timeline(rows: Iterable[models.TimelineEntry]) -> list[shapes.TimelineEntry]:
    return [shapes.TimelineEntry(at=row.at, kind=row.kind, text=row.text, actor=row.actor) for row in rows]
