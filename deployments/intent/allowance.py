"""What a team's quota says to a wish, before Kubernetes is asked anything."""

from deployments.errors import FieldError, QuotaExceeded
from deployments.models import Deployment, Quota
from deployments.quotas import (
    RESOURCES,
    Asked,
    Shortage,
    asked_by,
    asked_by_others,
    ceiling_of,
    has_limits,
    limits_of,
    one_replica_of,
    promised_replicas,
    say,
    shortages,
)
from deployments.selectors.usage.quotas import quota_lines


def refuse_beyond_quota(row: Deployment) -> None:
    """For a locked row that was changed and not saved, or was just made: the one place where quotas are kept.

    Whoever asks for more locks the quota until the transaction ends: of two at once, the second counts
    what the first took. Rows of deployments are locked before it, never after.

    Raises:
        QuotaExceeded: it asks for more than before, and for more than is left.
    """
    stored = None if row.generation == 0 else Deployment.objects.get(pk=row.pk)
    before, after = asked_by(stored) if stored else Asked(), asked_by(row)
    if not any(after.of(name) > before.of(name) for name in RESOURCES):
        return
    quota = Quota.objects.select_for_update().filter(team=row.team_id, cluster=row.cluster_id).first()
    if quota is None or not has_limits(quota):
        return
    found = shortages(limits_of(quota), others=asked_by_others(row), before=before, after=after)
    if found:
        raise _refusal(row, stored, quota, found)


def _refusal(
    row: Deployment, stored: Deployment | None, quota: Quota, found: list[Shortage]
) -> QuotaExceeded:
    held = {line.resource: line.used for line in quota_lines(row.team, row.cluster)}
    where = f"Team {row.team.name}'s quota in cluster {row.cluster.name}"
    errors = [
        FieldError(
            _field(row, stored, shortage),
            f"{where} is {_said(shortage, held[shortage.resource])} {_advice(quota, shortage)}",
            QuotaExceeded.code,
        )
        for shortage in found
    ]
    return QuotaExceeded(errors)


def _said(shortage: Shortage, held: int) -> str:
    name = shortage.resource
    return (
        f"{say(name, shortage.limit)}: {say(name, shortage.requested)} asked for "
        f"(pods hold {say(name, held)}), {say(name, shortage.left)} left, "
        f"and this needs {say(name, shortage.more)} more."
    )


def _advice(quota: Quota, shortage: Shortage) -> str:
    limit, ceiling = shortage.limit, ceiling_of(quota, shortage.resource)
    role = "an admin for a higher ceiling" if limit == ceiling else "a lead for a higher limit"
    if shortage.resource == "deployments":
        return f"Delete another deployment, or ask {role}."
    return f"Ask for less, scale down or pause another deployment, or ask {role}."


def _field(row: Deployment, stored: Deployment | None, shortage: Shortage) -> str:
    """What somebody would have to type differently: the size of a replica, or the count."""
    name = shortage.resource
    if name == "deployments":
        return ""
    one = one_replica_of(row).of(name)
    smaller = stored is None or one_replica_of(stored).of(name) < one
    least = promised_replicas(stored) if stored else 1
    free = shortage.limit - shortage.requested + (asked_by(stored).of(name) if stored else 0)
    if name != "replicas" and smaller and one * least > free:
        return f"resources.{name}"
    return "replicas" if row.autoscaling is None else "autoscaling.max_replicas"
