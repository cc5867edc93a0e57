"""Rows that deployments are made from, in the shapes of the contract: models, sizes, clusters, teams."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec
from django.contrib.auth.models import User

from deployments import models, selectors
from deployments.api import catalogue_shapes as shapes
from deployments.selectors.usage.quotas import quota_lines
from deployments.selectors.usage.shapes import QuotaLine
from deployments.spec.quotas import as_text
from teams.models import ApiToken, Membership, Team
from teams.roles import Role


def models_with_versions(rows: Sequence[models.Model]) -> list[shapes.Model]:
    """One query for where the versions of all rows are deployed."""
    used = _deployed(version.pk for row in rows for version in row.versions.all())
    return [
        shapes.Model(
            name=row.name,
            team=row.team.name,
            description=row.description,
            task=row.task,
            archived=row.archived_at is not None,
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
        env_schema=msgspec.convert(row.env_schema, list[shapes.SchemaVariable]),
        links=msgspec.convert(row.links, list[shapes.Link]),
        run_as_user=row.run_as_user,
        archived=row.archived_at is not None,
        deployments=used.get(row.pk, []),
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def clusters(rows: Iterable[models.Cluster], *, to_admin: bool) -> list[shapes.Cluster]:
    """Where a cluster's Prometheus is, which answers whoever reaches it, is told `to_admin` alone."""
    return [
        shapes.Cluster(
            name=row.name,
            state=row.state,
            version=row.version,
            gpu_resource=row.gpu_resource,
            price_cpu_hour=row.price_cpu_hour,
            price_memory_gib_hour=row.price_memory_gib_hour,
            price_gpu_hour=row.price_gpu_hour,
            currency=row.currency,
            cost_basis=row.cost_basis,
            node_address=row.node_address,
            prometheus_url=row.prometheus_url if to_admin else "",
        )
        for row in rows
    ]


def namespaces(rows: Iterable[models.Namespace]) -> list[shapes.ClusterNamespace]:
    return [
        shapes.ClusterNamespace(
            team=row.team.name,
            namespace=row.name,
            isolated=row.isolated,
            ingress_from=row.ingress_from,
            message=row.apply_error,
        )
        for row in rows
    ]


def node_presets(rows: Iterable[models.NodePreset]) -> list[shapes.NodePreset]:
    return [
        shapes.NodePreset(
            name=row.name,
            description=row.description,
            node_selector=row.node_selector,
            tolerations=msgspec.convert(row.tolerations, list[shapes.NodeToleration]),
        )
        for row in rows
    ]


def sizes(rows: Iterable[models.SizePreset]) -> list[shapes.Size]:
    return [
        shapes.Size(
            name=row.name,
            description=row.description,
            position=row.position,
            cpu=row.cpu,
            memory=row.memory,
            cpu_limit=row.cpu_limit,
            memory_limit=row.memory_limit,
            gpu=row.gpu,
        )
        for row in rows
    ]


def registries(rows: Iterable[models.RegistryCredential]) -> list[shapes.Registry]:
    return [
        shapes.Registry(
            registry=row.registry,
            username=row.username,
            updated_by=row.updated_by,
            updated_at=row.updated_at,
        )
        for row in rows
    ]


def team(row: Team, user: User) -> shapes.Team:
    archived = row.archived_at is not None
    # Only those are shown an archived one who lead every other.
    role = Role.LEAD if archived else selectors.role_of(user, row) or Role.VIEWER
    return shapes.Team(name=row.name, title=row.title, time_zone=row.time_zone, role=role, archived=archived)


def teams(rows: Sequence[Team], user: User) -> list[shapes.Team]:
    """One query for the roles of all."""
    roles = dict(Membership.objects.filter(user=user, team__in=rows).values_list("team_id", "role"))
    return [
        shapes.Team(
            name=row.name,
            title=row.title,
            time_zone=row.time_zone,
            role=Role.LEAD if user.is_superuser else roles.get(row.pk, Role.VIEWER),
            archived=row.archived_at is not None,
        )
        for row in rows
    ]


def me(user: User, token: ApiToken | None) -> shapes.Me:
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


def quota(space: models.Namespace) -> shapes.Quota:
    """Of the team and the cluster of a namespace."""
    row = models.Quota.objects.filter(team=space.team_id, cluster=space.cluster_id).first()
    lines = {line.resource: line for line in quota_lines(space.team, space.cluster)}
    return shapes.Quota(
        team=space.team.name,
        cluster=space.cluster.name,
        cpu=_amount(lines["cpu"]),
        memory=_amount(lines["memory"]),
        gpu=_count(lines["gpu"]),
        replicas=_count(lines["replicas"]),
        deployments=_count(lines["deployments"]),
        message=row.apply_error if row else "",
    )


def _amount(line: QuotaLine) -> shapes.QuotaAmount:
    def said(value: int | None) -> str | None:
        return None if value is None else as_text(line.resource, value)

    return shapes.QuotaAmount(
        limit=said(line.limit),
        ceiling=said(line.ceiling),
        requested=as_text(line.resource, line.requested),
        used=as_text(line.resource, line.used),
        left=said(line.left),
    )


def _count(line: QuotaLine) -> shapes.QuotaCount:
    return shapes.QuotaCount(
        limit=line.limit,
        ceiling=line.ceiling,
        requested=line.requested,
        used=line.used,
        left=line.left,
    )
