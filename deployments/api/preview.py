"""`?dry_run=true`: what a create or a change would become, with nothing stored."""

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib.auth.models import User

from deployments import models, selectors
from deployments.api.shapes import Preview
from deployments.errors import BeingDeleted, DuplicateName
from deployments.spec import parse_changes, parse_create
from k8s import manifests
from k8s.cluster import Manifest
from k8s.spec import Wish
from teams.models import Team
from teams.roles import Role

NOT_ASKED = "The cluster itself was not asked; it may still refuse this."


def of_create(team: Team, payload: Mapping[str, Any], *, by: User) -> Preview:
    """Raises: whatever a create raises."""
    selectors.require_role(by, team, Role.DEPLOYER)
    wanted = parse_create(team, payload)
    if models.Deployment.objects.filter(team=team, name=wanted.name, deleted_at=None).exists():
        raise DuplicateName(f"Team {team.name} has a deployment called {wanted.name!r} already.")
    wish = Wish(
        team=team.name,
        name=wanted.name,
        namespace=wanted.namespace,
        revision=1,
        replicas=wanted.replicas,
        spec=wanted.spec,
        change_cause=wanted.change_cause,
    )
    return _preview([], manifests.build(wish))


def of_changes(deployment: models.Deployment, payload: Mapping[str, Any], *, by: User) -> Preview:
    """Raises: whatever a change raises."""
    selectors.require_role(by, deployment.team, Role.DEPLOYER)
    if deployment.delete_requested_at:
        raise BeingDeleted(f"Deployment {deployment.name} is being deleted.")
    wanted = parse_changes(deployment, payload)
    now = selectors.wish_of(deployment)
    wish = Wish(
        team=now.team,
        name=now.name,
        namespace=now.namespace,
        revision=now.revision if wanted.spec == now.spec else now.revision + 1,
        replicas=now.replicas if wanted.replicas is None else wanted.replicas,
        spec=wanted.spec,
        restarted_at=now.restarted_at,
        change_cause=wanted.change_cause or now.change_cause,
    )
    return _preview(manifests.build(now), manifests.build(wish))


def _preview(before: Sequence[Manifest], after: Sequence[Manifest]) -> Preview:
    diff = difflib.unified_diff(_lines(before), _lines(after), "now", "then", lineterm="")
    return Preview(manifests=after, diff="\n".join(diff), warnings=[NOT_ASKED], preflight={})


def _lines(objects: Sequence[Manifest]) -> list[str]:
    return manifests.to_yaml(list(objects)).splitlines() if objects else []
