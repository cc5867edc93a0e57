"""Models by what their deployments hold, use and cost."""

from collections.abc import Collection

from django.db.models import Count

from deployments.models import Cluster
from deployments.selectors.access import Person
from deployments.selectors.reading import deployments_visible_to
from deployments.selectors.usage.kept import kept_money_of_models
from deployments.selectors.usage.shapes import ModelCost
from teams.models import Team


def costs_by_model(user: Person, cluster: Cluster, named: Collection[Team]) -> list[ModelCost]:
    """Models of the person's teams that are deployed in the cluster, the dearest first.

    What is not known to cost anything comes last, by name.
    """
    rows = deployments_visible_to(user).filter(cluster=cluster, team__in=named).order_by()
    columns = ("version__model_id", "version__model__team__name", "version__model__name")
    counted = [
        (pk, team, name, count)
        for pk, team, name, count in rows.values_list(*columns).annotate(number=Count("pk"))
    ]
    money = kept_money_of_models(cluster, [pk for pk, *_ in counted])
    models = [ModelCost(team, name, count, money[pk]) for pk, team, name, count in counted]
    return sorted(models, key=lambda one: (-(one.money.hour or 0), one.team, one.model))
