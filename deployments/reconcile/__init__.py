"""Worker side: make the cluster match the newest wish. Level-based: may run twice, late, in any order."""

from deployments.reconcile.isolation import reconcile_isolation
from deployments.reconcile.loop import Outcome, reconcile_deployment
from deployments.reconcile.pods import delete_pod
from deployments.reconcile.quotas import reconcile_quota
from deployments.reconcile.unsettled import Unsettled, find_unsettled

__all__ = [
    "Outcome",
    "Unsettled",
    "delete_pod",
    "find_unsettled",
    "reconcile_deployment",
    "reconcile_isolation",
    "reconcile_quota",
]
