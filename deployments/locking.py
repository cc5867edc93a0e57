"""Rows of deployments locked until the transaction ends, each with what belongs to it."""

from django.db.models import QuerySet

from deployments.models import Deployment


def lock_rows(chosen: QuerySet[Deployment]) -> list[Deployment]:
    """Lock the chosen deployments in the order of their keys; call inside a transaction.

    The rows come fresh, with team, cluster, version and author. Locking and joining are two
    queries: PostgreSQL checks a locked row that another transaction changed meanwhile against
    the *old* joined rows, so a deployment whose version was just changed would not be found.
    Every writer locks in the same order, so that two of them do not wait for each other.
    """
    keys = list(chosen.order_by("pk").select_for_update().values_list("pk", flat=True))
    if not keys:
        return []
    with_owners = Deployment.objects.select_related("team", "cluster", "version__model", "created_by")
    return list(with_owners.filter(pk__in=keys).order_by("pk"))


def lock_row(key: int) -> Deployment:
    """One deployment, locked. Raises: Deployment.DoesNotExist."""
    rows = lock_rows(Deployment.objects.filter(pk=key))
    if not rows:
        raise Deployment.DoesNotExist(f"No deployment with key {key}.")
    return rows[0]
