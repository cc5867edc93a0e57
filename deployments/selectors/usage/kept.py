"""Costs that are the same for everybody who looks, kept for half a minute.

They come from samples of whole minutes, thousands of series of a month: adding them up for each look would
cost more than all the rest of a page.
"""

import hashlib
from collections.abc import Callable, Collection

from django.core.cache import cache

from deployments.costs import prices_of
from deployments.models import Cluster
from deployments.selectors.usage import money
from deployments.selectors.usage.shapes import Money

KEPT_SECONDS = 30


def kept_money_of_deployments(cluster: Cluster, ids: Collection[int]) -> dict[int, Money]:
    """As `money_of_deployments`, at most half a minute old."""
    return _kept("deployments", cluster, ids, money.money_of_deployments)


def kept_money_of_teams(cluster: Cluster, ids: Collection[int]) -> dict[int, Money]:
    """As `money_of_teams`, at most half a minute old."""
    return _kept("teams", cluster, ids, money.money_of_teams)


def kept_money_of_models(cluster: Cluster, ids: Collection[int]) -> dict[int, Money]:
    """As `money_of_models`, at most half a minute old."""
    return _kept("models", cluster, ids, money.money_of_models)


def kept_money_of_cluster(cluster: Cluster) -> Money:
    """As `money_of_cluster`, at most half a minute old."""
    one = [cluster.pk]
    return _kept("cluster", cluster, one, lambda row, ids: {ids[0]: money.money_of_cluster(row)})[cluster.pk]


def _kept(
    of: str,
    cluster: Cluster,
    ids: Collection[int],
    compute: Callable[[Cluster, list[int]], dict[int, Money]],
) -> dict[int, Money]:
    """What was computed for the same keys at the same prices a moment ago, or now."""
    keys = sorted(ids)
    if not keys:
        return {}
    about = f"{of} {cluster.pk} {prices_of(cluster)} {keys}"
    name = f"money-{hashlib.sha256(about.encode()).hexdigest()}"
    found: dict[int, Money] | None = cache.get(name)
    if found is None:
        found = compute(cluster, keys)
        cache.set(name, found, KEPT_SECONDS)
    return found
