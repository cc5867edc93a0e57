"""The keys: strong enough, and those that what is stored was sealed with."""

from collections.abc import Iterator
from typing import Final

from django.apps import apps
from django.conf import settings
from django.db.models import Model

from deployments import sealing
from deployments.doctor.findings import Area
from deployments.models import Cluster

_SHORTEST: Final = 50
_LEAST_DIFFERENT: Final = 12
_TO_SIGN: Final = "python -c 'import secrets; print(secrets.token_urlsafe(50))'"
_TO_SEAL: Final = "python -c 'import base64, os; print(base64.urlsafe_b64encode(os.urandom(32)).decode())'"
_PROBE: Final = "doctor"


def look_at_secret_key(area: Area) -> None:
    key = settings.SECRET_KEY
    guessable = key.startswith("django-insecure-") or len(set(key)) < _LEAST_DIFFERENT
    if len(key) < _SHORTEST or guessable:
        area.problem(
            "secret_key_weak",
            f"SECRET_KEY has {len(key)} characters, {len(set(key))} different ones: it can be guessed.",
            why="Whoever knows it signs in as anybody.",
            remedy=f"Make a new one and restart the processes; everybody signs in again: {_TO_SIGN}",
        )
    else:
        area.note(f"SECRET_KEY of {len(key)} characters")


def look_at_sealed(area: Area) -> None:
    if not settings.ENCRYPTION_KEY:
        area.problem(
            "encryption_key_missing",
            "There is no ENCRYPTION_KEY here.",
            why="Without it nothing can be written to a cluster. (The web tier rightly has none.)",
            remedy="Run the doctor where a worker runs: docker compose run --rm worker python manage.py "
            f"doctor. A new installation makes one: {_TO_SEAL}",
        )
        return
    try:
        sealing.seal(_PROBE)
    except sealing.SealBroken as exc:
        area.problem(
            "encryption_key_malformed",
            f"{exc}.",
            why="Nothing stored can be opened, and no secret can be kept.",
            remedy=f"Set the key this installation was made with; a new one is made by: {_TO_SEAL}",
        )
        return
    if not _opens(sealing.seal_for_workers(_PROBE)):
        area.problem(
            "sealing_key_differs",
            "The web tier seals secrets for another ENCRYPTION_KEY than the one here.",
            why="What people type into secret variables cannot be opened by workers.",
            remedy="Give all processes the same key, then: python manage.py prepare",
        )
    _look_at_stored(area)


def _look_at_stored(area: Area) -> None:
    opened, shut = 0, list[str]()
    for what, sealed in stored_secrets():
        if _opens(sealed):
            opened += 1
        else:
            shut.append(what)
    if shut:
        named = ", ".join(shut[:5]) + (f" and {len(shut) - 5} more" if len(shut) > 5 else "")
        area.problem(
            "secrets_not_opened",
            f"{len(shut)} of {opened + len(shut)} stored secrets were sealed with another key: {named}.",
            why="Workers cannot use them: deployments that need them are not written, clusters not reached.",
            remedy="Bring back the ENCRYPTION_KEY they were sealed with (docs/keys.md), or enter "
            "them anew: a cluster on its page, a variable in its deployment, a registry in its team.",
        )
    else:
        area.note(f"{opened} stored secrets can be opened")


def stored_secrets() -> Iterator[tuple[str, str]]:
    """What each is called, and its sealed text: every column of ours that is called so, and kubeconfigs."""
    for row in Cluster.objects.exclude(credentials=""):
        yield f"cluster {row.name}", row.credentials
    for model in apps.get_models():
        fields = model._meta.concrete_fields  # noqa: SLF001  Django's own way to ask
        columns = [field.name for field in fields if field.name.startswith("sealed")]
        if model.__module__.partition(".")[0] in ("deployments", "teams") and columns:
            yield from _of(model, columns)


def _of(model: type[Model], columns: list[str]) -> Iterator[tuple[str, str]]:
    for row in model._default_manager.iterator():  # noqa: SLF001
        for column in columns:
            if sealed := getattr(row, column):
                yield _called(model, row), sealed


def _called(model: type[Model], row: Model) -> str:
    """Never an address that people typed: those may have a token in them."""
    name = getattr(row, "name", "") or getattr(row, "registry", "") or row.pk
    owner = getattr(row, "deployment", None) or getattr(row, "team", None)
    kind = model._meta.verbose_name  # noqa: SLF001
    return f"{kind} {name}" + (f" of {owner}" if owner else "")


def _opens(sealed: str) -> bool:
    try:
        sealing.unseal(sealed)
    except sealing.SealBroken:
        return False
    return True
