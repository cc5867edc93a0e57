"""Reads. Every queryset has the person's permission inside: a stranger finds nothing."""

from deployments.selectors.access import Person, clusters_visible_to, get_team, require_role
from deployments.selectors.autoscaler import ShownAutoscaler, present_autoscaler
from deployments.selectors.catalogue import (
    deployments_of_version,
    get_model,
    get_version,
    models_visible_to,
    versions_visible_to,
)
from deployments.selectors.overview import Overview, overview
from deployments.selectors.reading import (
    address_in_cluster,
    counts_by_state,
    deployments_visible_to,
    diff_revisions,
    endpoint_of,
    events_of,
    get_deployment,
    get_operation,
    get_pod,
    get_revision,
    manifests_of,
    operations_visible_to,
    pods_of,
    revisions_of,
    rollback_target,
    timeline_of,
    wish_of,
)
from deployments.selectors.status import is_stale, present_status, stale_since, with_shown_state
from teams.access import may_deploy_somewhere, role_of, teams_of

__all__ = [
    "Overview",
    "Person",
    "ShownAutoscaler",
    "address_in_cluster",
    "clusters_visible_to",
    "counts_by_state",
    "deployments_of_version",
    "deployments_visible_to",
    "diff_revisions",
    "endpoint_of",
    "events_of",
    "get_deployment",
    "get_model",
    "get_operation",
    "get_pod",
    "get_revision",
    "get_team",
    "get_version",
    "is_stale",
    "manifests_of",
    "may_deploy_somewhere",
    "models_visible_to",
    "operations_visible_to",
    "overview",
    "pods_of",
    "present_autoscaler",
    "present_status",
    "require_role",
    "revisions_of",
    "role_of",
    "rollback_target",
    "stale_since",
    "teams_of",
    "timeline_of",
    "versions_visible_to",
    "wish_of",
    "with_shown_state",
]
