"""Web side: check, store the wish, tell a worker. Every change goes through here, from pages and API alike.

Each function is one transaction: lock the row, check the role, validate, count
the wish, write operation, audit and timeline; the hint to a worker and the nudge
to browsers leave on commit.
"""

from deployments.intent.catalogue import (
    add_version,
    change_model,
    change_version,
    delete_model,
    delete_version,
    register_model,
)
from deployments.intent.changing import (
    create_deployment,
    delete,
    delete_pod,
    restart,
    update_deployment,
)
from deployments.intent.drafts import Draft, draft, draft_change
from deployments.intent.naming import suggest_name
from deployments.intent.rollback import automatic_rollback, draft_rollback, rollback
from deployments.intent.scaling import autoscale, pause, resume, scale

__all__ = [
    "Draft",
    "add_version",
    "automatic_rollback",
    "autoscale",
    "change_model",
    "change_version",
    "create_deployment",
    "delete",
    "delete_model",
    "delete_pod",
    "delete_version",
    "draft",
    "draft_change",
    "draft_rollback",
    "pause",
    "register_model",
    "restart",
    "resume",
    "rollback",
    "scale",
    "suggest_name",
    "update_deployment",
]
