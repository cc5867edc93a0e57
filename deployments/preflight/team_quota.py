"""Whether a wish fits into what its team may ask for."""

from deployments.models import Deployment, Quota
from deployments.preflight.words import Check
from deployments.quotas import (
    RESOURCES,
    Asked,
    asked_by,
    asked_by_others,
    has_limits,
    limits_of,
    say,
    say_all,
    shortages,
)

CODE = "team_quota"


def check_team_quota(row: Deployment, stored: Deployment | None) -> Check | None:
    """`row` is the deployment as it would be, `stored` as it is; None where the team has no limit there."""
    quota = Quota.objects.filter(team=row.team_id, cluster=row.cluster_id).first()
    if quota is None or not has_limits(quota):
        return None
    limits, others = limits_of(quota), asked_by_others(row)
    before, after = asked_by(stored) if stored else Asked(), asked_by(row)
    found = shortages(limits, others=others, before=before, after=after)
    if found:
        short = "; ".join(
            f"{say(one.resource, one.more)} more, {say(one.resource, one.left)} left" for one in found
        )
        text = f"The team's quota would refuse this: it asks for {short}."
        return Check(code=CODE, state="error", text=text)
    total = others + after
    left = [
        (name, max(limit - total.of(name), 0)) for name in RESOURCES if (limit := limits[name]) is not None
    ]
    return Check(code=CODE, state="ok", text=f"Within the team's quota; left then: {say_all(left)}.")
