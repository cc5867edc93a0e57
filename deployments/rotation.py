"""Giving everything that is sealed another key, batch by batch, while the product runs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from django.db import models, transaction
from django.db.models import Q, QuerySet

from deployments.models import Cluster, RegistryCredential, SecretValue, Webhook
from deployments.sealing import Key, SealBroken, beginnings_under, held_keys, key_id_of, seal, unseal

BATCH = 200
# Every column that holds what `deployments.sealing` sealed.
SEALED: Sequence[tuple[type[models.Model], str]] = (
    (Cluster, "credentials"),
    (SecretValue, "sealed"),
    (RegistryCredential, "sealed_password"),
    (Webhook, "sealed_secret"),
)
UNNAMED = "unknown"


@dataclass
class Rotated:
    """How many were sealed anew, and of those that nobody here can open how many under which key."""

    done: int = 0
    lost: dict[str, int] = field(default_factory=dict)

    def count_lost(self, sealed: str) -> None:
        key_id = key_id_of(sealed) or UNNAMED
        self.lost[key_id] = self.lost.get(key_id, 0) + 1


def seal_anew(key: Key) -> Iterator[Rotated]:
    """Seals all that is not under `key`, which must be the one that is written with; tells after each batch.

    It may be broken off and begun again: what is done is not done twice. A value that somebody changes
    meanwhile keeps the change.

    Raises:
        SealBroken: there is no usable ENCRYPTION_KEY.
    """
    rotated = Rotated()
    for model, column in SEALED:
        last = 0
        rest = _not_under([key], model, column).order_by("pk").values_list("pk", column)
        while batch := list(rest.filter(pk__gt=last)[:BATCH]) if last else list(rest[:BATCH]):
            with transaction.atomic():
                for pk, sealed in batch:
                    _seal_one(model, column, pk, sealed, rotated)
            last = batch[-1][0]
            yield rotated


def lost_keys() -> dict[str, int]:
    """How many values nobody with our keys can open, by the id of theirs.

    Raises:
        SealBroken: there is no usable ENCRYPTION_KEY.
    """
    found = Rotated()
    for model, column in SEALED:
        rows = _not_under(held_keys(), model, column).values_list(column, flat=True)
        for sealed in rows.iterator(chunk_size=BATCH):
            if _text_of(sealed) is None:
                found.count_lost(sealed)
    return found.lost


def _seal_one(model: type[models.Model], column: str, pk: object, sealed: str, rotated: Rotated) -> None:
    text = _text_of(sealed)
    if text is None:
        rotated.count_lost(sealed)
        return
    rows = model._default_manager.filter(pk=pk, **{column: sealed})  # noqa: SLF001  Django's own way
    rotated.done += rows.update(**{column: seal(text)})


def _text_of(sealed: str) -> str | None:
    try:
        return unseal(sealed)
    except SealBroken:
        return None


def _not_under(keys: Sequence[Key], model: type[models.Model], column: str) -> QuerySet[models.Model]:
    under = Q()
    for key in keys:
        for beginning in beginnings_under(key.id):
            under |= Q(**{f"{column}__startswith": beginning})
    return model._default_manager.exclude(**{column: ""}).exclude(under)  # noqa: SLF001  Django's own way
