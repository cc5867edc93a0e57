"""What one press does about what is wrong with a deployment."""

from django.http import HttpResponse
from django.views.decorators.http import require_POST

from dashboard.views.actions import carry_out
from dashboard.views.frame import PageRequest, page
from dashboard.views.revisions import is_number
from deployments import intent, selectors
from deployments.models import Deployment


@page
@require_POST
def fix(request: PageRequest, team: str, name: str) -> HttpResponse:
    """Do what the diagnosis offers that the person has read."""
    deployment = selectors.get_deployment(request.user, team, name)
    code, seen = request.POST.get("code", ""), request.POST.get("generation", "")
    generation = int(seen) if is_number(seen) else None
    return carry_out(
        request,
        deployment,
        lambda: intent.apply_fix(deployment, code, by=request.user, if_generation=generation),
        f"{label_of(deployment)}: done, as a new revision.",
    )


def label_of(deployment: Deployment) -> str:
    """What the fix is called that is offered now."""
    found = selectors.shown_diagnosis(deployment)
    return found["fix"]["label"] if found and found["fix"] else "The fix"
