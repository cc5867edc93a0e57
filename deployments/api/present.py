"""Rows of the domain into the shapes of the contract, a page at a time."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from django.urls import reverse

from deployments import models, selectors
from deployments.api import shapes
from deployments.spec import spec_of
from k8s.facts import PodFacts
from k8s.spec import Service, Spec
from teams.models import ApiToken
from teams.roles import Role


def address(route: str, /, **parts: object) -> str:
    """The path of a route, with the trailing slash that is optional on every one."""
    return reverse(f"api:{route}", kwargs=parts) + "/"


def deployments(rows: Iterable[models.Deployment]) -> list[shapes.Deployment]:
    return [deployment(row) for row in rows]


def deployment(row: models.Deployment) -> shapes.Deployment:
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
        env=spec.env,
        autoscaling=None,
        rollout=spec.rollout,
        status=msgspec.convert(selectors.present_status(row), shapes.Status),
        endpoint=selectors.endpoint_of(row),
        generation=row.generation,
        applied_generation=row.applied_generation,
        revision=row.revision,
        created_at=row.created_at,
        created_by=row.created_by.get_username() if row.created_by else None,
        updated_at=row.updated_at,
        links=_links(row),
    )


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
        manifests=address("manifests", **parts),
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


def catalogue(rows: Sequence[models.Model]) -> list[shapes.Model]:
    """One query for where the versions of all rows are deployed."""
    used = _deployed(version.pk for row in rows for version in row.versions.all())
    return [
        shapes.Model(
            name=row.name,
            team=row.team.name,
            description=row.description,
            task=row.task,
            versions=[_version(version, used) for version in row.versions.all()],
            created_at=row.created_at,
            updated_at=row.updated_at,
        )
        for row in rows
    ]


def versions(rows: Sequence[models.ModelVersion]) -> list[shapes.Version]:
    used = _deployed(row.pk for row in rows)
    return [_version(row, used) for row in rows]


def _deployed(versions: Iterable[int]) -> dict[int, list[str]]:
    """Names of live deployments by version."""
    found: dict[int, list[str]] = {}
    live = models.Deployment.objects.filter(version__in=list(versions), deleted_at=None)
    for version, name in live.order_by("name").values_list("version_id", "name"):
        found.setdefault(version, []).append(name)
    return found


def _version(row: models.ModelVersion, used: Mapping[int, list[str]]) -> shapes.Version:
    return shapes.Version(
        version=row.version,
        image=row.image,
        digest=row.digest,
        framework=row.framework,
        description=row.description,
        port=row.port,
        health_path=row.health_path,
        resources=row.resources,
        sample_request=row.sample_request,
        deployments=used.get(row.pk, []),
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def revisions(rows: Iterable[models.Revision]) -> list[shapes.Revision]:
    return [
        shapes.Revision(
            number=row.number,
            summary=row.summary,
            change_cause=row.change_cause,
            author=row.author,
            created_at=row.created_at,
            spec=row.spec,
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


def timeline(rows: Iterable[models.TimelineEntry]) -> list[shapes.TimelineEntry]:
    return [shapes.TimelineEntry(at=row.at, kind=row.kind, text=row.text, actor=row.actor) for row in rows]


def clusters(rows: Iterable[models.Cluster]) -> list[shapes.Cluster]:
    return [shapes.Cluster(name=row.name, state=row.state, version=row.version) for row in rows]


def me(user: Any, token: ApiToken | None) -> shapes.Me:
    """`user` is who signed in; roles are told per team."""
    teams = selectors.teams_of(user)
    if token and token.team_id:
        teams = teams.filter(pk=token.team_id)
    return shapes.Me(
        username=user.get_username(),
        is_admin=user.is_superuser,
        teams=[
            shapes.TeamRole(
                name=team.name, title=team.title, role=selectors.role_of(user, team) or Role.VIEWER
            )
            for team in teams
        ],
        token=shapes.TokenInUse(name=token.name, scopes=token.scopes, expires_at=token.expires_at)
        if token
        else None,
    )
