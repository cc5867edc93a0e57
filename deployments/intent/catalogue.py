"""Wishes about models and versions.

What is read and then written is locked between, a model before its versions: a
version must not be deleted while somebody deploys it, nor a change undo another.
"""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any, Unpack

import msgspec
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone

from deployments.errors import DuplicateName, FieldError, NotFound, VersionHasAnotherImage, VersionInUse
from deployments.intent.common import check_role
from deployments.models import Deployment, Model, ModelVersion
from deployments.spec.catalogue import ModelRequest, VersionRequest, parse_model, parse_version
from deployments.spec.choice import Choice
from k8s.spec import Spec
from teams import audit
from teams.models import Team
from teams.roles import Role


def register_model(team: Team, payload: Mapping[str, Any], *, by: User) -> Model:
    """Raises: InvalidInput, DuplicateName, PermissionDenied, NotFound."""
    check_role(by, team, Role.DEPLOYER, action="register model", target=str(payload.get("name", ""))[:60])
    request = parse_model(payload)
    try:
        with transaction.atomic():
            model = Model.objects.create(team=team, **_columns(request, None))
            _audit(by, "register model", model, after=_shown(model, request))
    except IntegrityError as exc:
        detail = f"Team {team.name} has a model {request.name!r} already."
        raise DuplicateName(detail, errors=[FieldError("name", detail, "duplicate_name")]) from exc
    return model


def change_model(model: Model, payload: Mapping[str, Any], *, by: User) -> Model:
    """Changes what is said of a model; `archived` takes all its versions out of what is offered.

    Raises:
        InvalidInput, PermissionDenied, NotFound.
    """
    check_role(by, model.team, Role.DEPLOYER, action="change model", target=model.name)
    with transaction.atomic():
        row = _lock_model(model)
        request = parse_model(payload, current=row)
        before = _shown(row, request)
        for field, value in _columns(request, row.archived_at).items():
            setattr(row, field, value)
        row.save()
        _audit(by, _change_of("model", payload), row, before=before, after=_shown(row, request))
    return row


def delete_model(model: Model, *, by: User) -> None:
    """Takes a model and its versions out of the catalogue.

    Raises:
        VersionInUse, PermissionDenied, NotFound.
    """
    check_role(by, model.team, Role.DEPLOYER, action="delete model", target=model.name)
    with transaction.atomic():
        _lock_model(model)
        versions = list(
            ModelVersion.objects.select_for_update(no_key=True).filter(model=model, deleted_at=None)
        )
        _refuse_if_deployed(Deployment.objects.filter(version__model=model, deleted_at=None), model.name)
        now = timezone.now()
        ModelVersion.objects.filter(pk__in=[row.pk for row in versions]).update(deleted_at=now)
        Model.objects.filter(pk=model.pk).update(deleted_at=now)
        _audit(by, "delete model", model)


def add_version(model: Model, payload: Mapping[str, Any], *, by: User) -> ModelVersion:
    """Raises: InvalidInput, DuplicateName, PermissionDenied, NotFound."""
    check_role(by, model.team, Role.DEPLOYER, action="add version", target=model.name)
    request = parse_version(payload)
    try:
        with transaction.atomic():
            version = ModelVersion.objects.create(model=_lock_model(model), **_columns(request, None))
            _audit(by, "add version", model, {"version": version.version}, after=_shown(version, request))
    except IntegrityError as exc:
        detail = f"Model {model.name} has a version {request.version!r} already."
        raise DuplicateName(detail, errors=[FieldError("version", detail, "duplicate_name")]) from exc
    return version


def change_version(version: ModelVersion, payload: Mapping[str, Any], *, by: User) -> ModelVersion:
    """Changes what new deployments of a version start from. A deployed version keeps its image.

    An archived one is not offered any more; what runs of it goes on.

    Raises:
        InvalidInput, VersionInUse, PermissionDenied, NotFound.
    """
    check_role(by, version.model.team, Role.DEPLOYER, action="change version", target=version.model.name)
    with transaction.atomic():
        row = _lock_version(version)
        request = parse_version(payload, current=row)
        before = _shown(row, request)
        if request.image != row.image:
            live = Deployment.objects.filter(version=row, deleted_at=None)
            _refuse_if_deployed(live, f"{row.model.name} {row.version}")
        for field, value in _columns(request, row.archived_at).items():
            setattr(row, field, value)
        row.save()
        change = audit.Change(before=before, after=_shown(row, request))
        _audit(by, _change_of("version", payload), row.model, {"version": row.version}, **change)
    return row


def delete_version(version: ModelVersion, *, by: User) -> None:
    """Takes a version out of the catalogue.

    Raises:
        VersionInUse, PermissionDenied, NotFound.
    """
    check_role(by, version.model.team, Role.DEPLOYER, action="delete version", target=version.model.name)
    with transaction.atomic():
        row = _lock_version(version)
        live = Deployment.objects.filter(version=row, deleted_at=None)
        _refuse_if_deployed(live, f"{version.model.name} {version.version}")
        row.deleted_at = timezone.now()
        row.save(update_fields=["deleted_at"])
        _audit(by, "delete version", version.model, {"version": version.version, "image": version.image})


def ensure_version(team: Team, choice: Choice, spec: Spec, *, by: User) -> ModelVersion:
    """The chosen version, registered from its image when it is new. Call inside a transaction.

    It stays as it is until the transaction ends.

    Raises:
        NotFound: deleted since it was chosen.
        VersionHasAnotherImage: its image was changed since.
    """
    if choice.known is not None:
        row = _lock_version(choice.known)
        if row.image != choice.image:
            raise VersionHasAnotherImage(
                f"Version {row.version} of model {row.model.name} has just been given the image {row.image}."
            )
        return row
    model, new_model = Model.objects.get_or_create(team=team, name=choice.model, deleted_at=None)
    version, new_version = ModelVersion.objects.get_or_create(
        model=model,
        version=choice.version,
        deleted_at=None,
        defaults={
            "image": choice.image,
            "port": spec.port,
            "health_path": spec.health_path,
            "resources": msgspec.to_builtins(spec.resources),
        },
    )
    if new_model:
        _audit(by, "register model", model, {"image": choice.image})
    if new_version:
        _audit(by, "add version", model, {"version": version.version, "image": choice.image})
    return version


def _columns(request: ModelRequest | VersionRequest, archived_at: datetime | None) -> dict[str, Any]:
    """A request as columns of its row; `archived_at` is since when the row is archived now."""
    columns = asdict(request)
    archived = columns.pop("archived")
    return {**columns, "archived_at": (archived_at or timezone.now()) if archived else None}


def _change_of(what: str, payload: Mapping[str, Any]) -> str:
    """The word for the audit."""
    if set(payload) == {"archived"}:
        return f"{'archive' if payload['archived'] else 'unarchive'} {what}"
    return f"change {what}"


def _lock_model(model: Model) -> Model:
    row = (
        Model.objects.select_for_update(of=("self",))
        .select_related("team")
        .filter(pk=model.pk, deleted_at=None)
        .first()
    )
    if row is None:
        raise NotFound(f"Model {model.name} has been deleted.")
    return row


def _lock_version(version: ModelVersion) -> ModelVersion:
    # `no_key`: a wish that is being stored checks on commit that its version is there, while it holds what
    # we may wait for next; only those who change or choose versions keep each other out.
    row = (
        ModelVersion.objects.select_for_update(of=("self",), no_key=True)
        .select_related("model__team")
        .filter(pk=version.pk, deleted_at=None)
        .first()
    )
    if row is None:
        raise NotFound(f"Version {version.version} of model {version.model.name} has been deleted.")
    return row


def _refuse_if_deployed(live: Any, what: str) -> None:
    names = list(live.order_by("name").values_list("name", flat=True)[:4])
    if names:
        listed = ", ".join(names[:3]) + (" and others" if len(names) > 3 else "")
        raise VersionInUse(f"{what} is deployed as {listed}. Delete or change that first.")


def _shown(row: Model | ModelVersion, request: ModelRequest | VersionRequest) -> dict[str, Any]:
    """What the audit compares: the columns that a request sets."""
    columns = {name: getattr(row, name) for name in asdict(request) if name != "archived"}
    return {**columns, "archived": row.archived_at is not None}


def _audit(
    by: User,
    action: str,
    model: Model,
    detail: Mapping[str, object] | None = None,
    **change: Unpack[audit.Change],
) -> None:
    target, team = f"{model.team.name}/{model.name}", model.team.name
    audit.record(by.username, action, target, team=team, detail=detail, **change)
