"""`?dry_run=true`: what a write would become, with nothing stored."""

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import User

from deployments import intent, models
from deployments.api.shapes import Preview
from deployments.intent import Draft
from deployments.preflight import preflight
from k8s import manifests
from teams.models import Team


def of_create(team: Team, payload: Mapping[str, Any], *, by: User) -> Preview:
    """Raises: whatever a create raises."""
    return _preview(intent.draft(team, payload, by=by))


def of_changes(deployment: models.Deployment, payload: Mapping[str, Any], *, by: User) -> Preview:
    """Raises: whatever a change raises."""
    return _preview(intent.draft_change(deployment, payload, by=by))


def of_rollback(
    deployment: models.Deployment, revision: object, *, confirm_archived: bool, by: User
) -> Preview:
    """Raises: whatever a rollback raises."""
    return _preview(intent.draft_rollback(deployment, revision, by=by, confirm_archived=confirm_archived))


def _preview(draft: Draft) -> Preview:
    gpu_resource = draft.row.cluster.gpu_resource
    after = manifests.build(draft.wish, gpu_resource=gpu_resource)
    before = manifests.build(draft.before, gpu_resource=gpu_resource) if draft.before else []
    found = preflight(draft, ask_cluster=True)
    return Preview(
        manifests=after,
        diff=manifests.diff(before, after),
        warnings=found.warnings,
        preflight=found,
        replaces_pods=draft.before is not None and manifests.replaces_pods(draft.before, draft.wish),
    )
