"""Secret values on their way into the database: sealed here, opened by workers only."""

from collections.abc import Mapping

from deployments.errors import SecretsUnavailable
from deployments.intent.common import Actor, name_of
from deployments.models import Deployment, SecretValue
from deployments.sealing import SealBroken, seal_for_workers
from k8s.spec import Spec


def keep_secrets(row: Deployment, spec: Spec, values: Mapping[str, str], *, by: Actor) -> None:
    """Stores `values` (clear, by `EnvVar.ref`) of the variables of `spec`, sealed.

    Raises:
        SecretsUnavailable: there is no key to seal with.
    """
    SecretValue.objects.bulk_create(
        SecretValue(
            deployment=row,
            ref=variable.ref,
            name=variable.name,
            sealed=seal_text(values[variable.ref]),
            created_by=name_of(by),
        )
        for variable in spec.env
        if variable.ref in values
    )


def seal_text(text: str) -> str:
    """Raises: SecretsUnavailable."""
    try:
        return seal_for_workers(text)
    except SealBroken as exc:
        raise SecretsUnavailable(f"The value cannot be encrypted: {exc}.") from exc
