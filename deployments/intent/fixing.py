"""What a diagnosis offers, done by one press: the same intents as by hand, so a new revision each time."""

from typing import Any

from django.contrib.auth.models import User

from deployments.errors import Conflict
from deployments.intent.changing import update_deployment
from deployments.intent.common import check_role
from deployments.intent.rollback import rollback
from deployments.models import Deployment, Operation
from teams.roles import Role


class NoSuchFix(Conflict):
    """What is wrong has changed since somebody looked, or there is no fix for it."""

    code = "no_such_fix"
    title = "There is nothing to fix that way"


def apply_fix(
    deployment: Deployment, code: object, *, by: User, if_generation: int | None = None
) -> Operation:
    """Does what the present diagnosis with that code offers.

    Raises:
        NoSuchFix: the diagnosis is another one by now, or offers nothing.
        InvalidInput, BeingDeleted, StaleGeneration, VersionArchived, PermissionDenied, NotFound.
    """
    check_role(by, deployment.team, Role.DEPLOYER, action="fix", target=deployment.name)
    row = Deployment.objects.filter(pk=deployment.pk).only("diagnosis", "generation").first()
    found: dict[str, Any] = (row.diagnosis if row else None) or {}
    fix = found.get("fix")
    # A double click comes with the generation it saw, and is recognised further on.
    is_old = row is not None and found.get("generation", row.generation) < row.generation
    if not fix or found.get("code") != code or (is_old and if_generation is None):
        raise NoSuchFix("What is wrong has changed, or has no ready fix. Look again.")
    if fix["action"] == "roll_back":
        return rollback(deployment, fix["revision"], by=by, if_generation=if_generation)
    changes = {**fix["changes"], "change_cause": fix["label"]["en"]}
    return update_deployment(deployment, changes, by=by, if_generation=if_generation)
