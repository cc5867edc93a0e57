"""Worker side: what a deployment's Secret objects hold, in clear. Never stored, logged or shown."""

import msgspec

from deployments.models import Deployment, RegistryCredential, Revision, SecretValue
from deployments.sealing import unseal
from k8s.manifests import secret_key
from k8s.spec import EnvVar, PullCredentials, Secrets, Spec


def secrets_of(deployment: Deployment) -> Secrets:
    """Values of the newest revision, and of older ones whose pods may still run and start again.

    Raises:
        SealBroken: this process cannot open them.
    """
    spec = msgspec.convert(deployment.spec, Spec)
    variables = {variable.ref: variable for variable in _secret_variables(deployment, spec)}
    rows = SecretValue.objects.filter(deployment=deployment, ref__in=list(variables))
    values = {secret_key(variables[row.ref]): unseal(row.sealed) for row in rows}
    return Secrets(values=values, pull=_login(deployment, spec.registry))


def _secret_variables(deployment: Deployment, spec: Spec) -> list[EnvVar]:
    """Of the newest revision, the one before it, and the newest before it that has served.

    A stuck rollout leaves pods of the last revision that served, however many came after.
    """
    older = Revision.objects.filter(deployment=deployment, number__lt=deployment.revision)
    before = older.order_by("-number")[:1]
    served = older.exclude(served_at=None).order_by("-number")[:1]
    specs = [spec, *(msgspec.convert(row.spec, Spec) for row in (*before, *served))]
    return [variable for one in specs for variable in one.env if variable.secret]


def _login(deployment: Deployment, registry: str) -> PullCredentials | None:
    if not registry:
        return None
    row = RegistryCredential.objects.filter(team=deployment.team_id, registry=registry).first()
    if row is None:
        return None
    return PullCredentials(registry=registry, username=row.username, password=unseal(row.sealed_password))
