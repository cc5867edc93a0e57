"""What is the same for everybody who looks, kept for some seconds: looks cost little, however many there are.

Costs come from samples of whole minutes, thousands of series of a month; what pods hold is added up from
all pods of a cluster. A figure may be as old as it was kept, which is less than it took to be measured.
"""

import hashlib
from collections.abc import Callable, Collection
from typing import TypeVar

from django.core.cache import cache

from deployments.costs import prices_of
from deployments.models import Cluster
from deployments.selectors.usage import money
from deployments.selectors.usage.shapes import Money

Kept = TypeVar("Kept")

COSTS_KEPT_SECONDS = 30
HELD_KEPT_SECONDS = 3
PROMETHEUS_KEPT_SECONDS = 15


def kept(about: str, seconds: int, compute: Callable[[], Kept]) -> Kept:
    """What was computed about the same a moment ago, or now. `about` names all that it depends on."""
    name = f"usage-{hashlib.sha256(about.encode()).hexdigest()}"
    found: Kept | None = cache.get(name)
    if found is None:
        found = compute()
        cache.set(name, found, seconds)
    return found


def kept_money_of_deployments(cluster: Cluster, ids: Collection[int]) -> dict[int, Money]:
    """As `money_of_deployments`, half a minute old at most; so are the next ones."""
    return _kept_money("deployments", cluster, ids, money.money_of_deployments)


def kept_money_of_teams(cluster: Cluster, ids: Collection[int]) -> dict[int, Money]:
    return _kept_money("teams", cluster, ids, money.money_of_teams)


def kept_money_of_models(cluster: Cluster, ids: Collection[int]) -> dict[int, Money]:
    return _kept_money("models", cluster, ids, money.money_of_models)


def kept_money_of_cluster(cluster: Cluster) -> Money:
    about = f"cluster {cluster.pk} {prices_of(cluster)}"
    return kept(about, COSTS_KEPT_SECONDS, lambda: money.money_of_cluster(cluster))


def _kept_money(
    of: str,
    cluster: Cluster,
    ids: Collection[int],
    compute: Callable[[Cluster, list[int]], dict[int, Money]],
) -> dict[int, Money]:
    keys = sorted(ids)
    if not keys:
        return {}
    about = f"{of} {cluster.pk} {prices_of(cluster)} {keys}"
    return kept(about, COSTS_KEPT_SECONDS, lambda: compute(cluster, keys))
