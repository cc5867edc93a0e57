"""Reads of the catalogue."""

from django.db.models import Count, Prefetch, Q, QuerySet

from deployments.errors import NotFound
from deployments.models import Deployment, Model, ModelVersion
from deployments.selectors.access import Person
from teams.access import Places, teams_of


def models_visible_to(user: Person) -> QuerySet[Model]:
    """Models of the person's teams, with their versions and, in `live_deployments`, how often they serve."""
    versions = (
        ModelVersion.objects.filter(deleted_at=None).select_related("model").order_by("-created_at", "-id")
    )
    return (
        Model.objects.filter(team__in=teams_of(user), deleted_at=None)
        .select_related("team")
        .prefetch_related(Prefetch("versions", queryset=versions))
        .annotate(
            live_deployments=Count(
                "versions__deployments", filter=Q(versions__deployments__deleted_at=None), distinct=True
            )
        )
        .order_by("team__name", "name")
    )


def model_names_in(places: Places) -> QuerySet[Model, str]:
    """What models of the person's teams are called, each name once."""
    rows = places.within(Model.objects.filter(deleted_at=None))
    return rows.order_by("name").values_list("name", flat=True).distinct()


def get_model(user: Person, team: str, name: str) -> Model:
    """Raises: NotFound: no such model, or `user` is a stranger to the team."""
    found = models_visible_to(user).filter(team__name=team, name=name).first()
    if found is None:
        raise NotFound(f"There is no model {name!r} in team {team!r}.")
    return found


def versions_visible_to(user: Person) -> QuerySet[ModelVersion]:
    rows = ModelVersion.objects.filter(model__team__in=teams_of(user), deleted_at=None)
    return rows.select_related("model__team")


def versions_beside(deployment: Deployment) -> QuerySet[ModelVersion]:
    """Other versions of its model, the newest first; what is archived is not offered any more."""
    rows = ModelVersion.objects.filter(model=deployment.version.model_id, model__archived_at=None)
    rows = rows.filter(archived_at=None, deleted_at=None).exclude(pk=deployment.version_id)
    return rows.order_by("-created_at", "-id")


def get_version(user: Person, team: str, model: str, version: str) -> ModelVersion:
    """Raises: NotFound: no such version, or `user` is a stranger to the team."""
    rows = versions_visible_to(user).filter(model__team__name=team, model__name=model, version=version)
    found = rows.first()
    if found is None:
        raise NotFound(f"There is no version {version!r} of model {model!r} in team {team!r}.")
    return found


def deployments_of_version(version: ModelVersion, user: Person) -> QuerySet[Deployment]:
    """Live deployments that serve this version now, of those that `user` may see."""
    return (
        Deployment.objects.filter(version=version, deleted_at=None, team__in=teams_of(user))
        .select_related("team", "cluster", "version__model", "created_by")
        .order_by("name")
    )
