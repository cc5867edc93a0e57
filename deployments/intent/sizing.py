"""A right-sizing that was suggested, done by one press: a new revision by the same intent as the form's."""

from typing import Any

import msgspec
from django.contrib.auth.models import User

from deployments import sizing
from deployments.errors import Conflict
from deployments.intent.changing import update_deployment
from deployments.intent.common import check_role
from deployments.models import Deployment, Operation, Sizing
from deployments.spec import spec_of
from teams.roles import Role


class NothingToApply(Conflict):
    """No size is suggested, or not for what the deployment is by now."""

    code = "nothing_to_apply"
    title = "There is no size to apply"


def apply_sizing(deployment: Deployment, *, by: User, if_generation: int | None = None) -> Operation:
    """Gives each replica the requests that were suggested, and limits that go with them. Leads may.

    Raises:
        NothingToApply: nothing is suggested, or the spec has changed since it was.
        InvalidInput, BeingDeleted, StaleGeneration, PermissionDenied, NotFound.
    """
    check_role(by, deployment.team, Role.LEAD, action="right-size", target=deployment.name)
    row = Deployment.objects.select_related("sizing").filter(pk=deployment.pk).first()
    found = getattr(row, "sizing", None)
    if row is None or found is None or found.cpu is None or found.memory is None:
        raise NothingToApply(found.reason if found and found.reason else "No size is suggested for it.")
    # A double click comes with the generation it saw, and is recognised further on.
    if found.revision != row.revision and if_generation in (None, row.generation):
        raise NothingToApply("It has changed since the size was suggested; it is looked at again each hour.")
    return update_deployment(deployment, _changes(row, found), by=by, if_generation=if_generation)


def _changes(row: Deployment, found: Sizing) -> dict[str, Any]:
    # Again from the same size, so that a repeat is the same request.
    current = row.revisions.get(number=found.revision)
    size = sizing.resized(spec_of(current).resources, cpu=found.cpu or 0, memory=found.memory or 0)
    changes = msgspec.structs.asdict(size)
    changes.pop("gpu")
    return {"resources": changes, "change_cause": f"Right-sized from {_span(found.hours)}"}


def _span(hours: int) -> str:
    """For instance "7 days"; a restart or two in a week is still a week."""
    days = round(hours / 24)
    return f"{days} day{'' if days == 1 else 's'}"
