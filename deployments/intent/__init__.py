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
    scale,
    update_deployment,
)
from deployments.intent.naming import suggest_name

__all__ = [
    "add_version",
    "change_model",
    "change_version",
    "create_deployment",
    "delete",
    "delete_model",
    "delete_pod",
    "delete_version",
    "register_model",
    "restart",
    "scale",
    "suggest_name",
    "update_deployment",
]
