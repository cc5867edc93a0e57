"""What a form would become: the manifests, and what differs from those of now.

The same code that a worker applies with. Nothing is stored, and no secret's value is in it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import msgspec
from django.contrib.auth.models import User

from dashboard.forms.deployment import DeploymentForm
from deployments import intent
from deployments.errors import DomainError
from deployments.models import Cluster, Deployment
from deployments.selectors import wish_of
from k8s import manifests
from k8s.spec import EnvVar, Wish
from teams.models import Team

NEW_VALUE = "new"
"""Stands for the reference of a secret's value that is not stored yet; the real one is drawn by lot."""


@dataclass(frozen=True)
class DiffLine:
    """`kind` is "add", "drop", "place" (where it is) or "same"."""

    kind: str
    text: str


@dataclass(frozen=True)
class Preview:
    """`draft` is None where the form is not complete; `errors` says why, with the ids of fields."""

    draft: intent.Draft | None = None
    text: str = ""
    diff: Sequence[DiffLine] = ()
    replaces_pods: bool = False
    errors: Sequence[tuple[str, str]] = ()


def preview_new(team: Team, form: DeploymentForm, *, by: User) -> Preview:
    """Raises: PermissionDenied, NotFound: about the team as a whole."""
    try:
        draft = intent.draft(team, form.payload(), by=by)
    except DomainError as error:
        return _refused(form, error)
    wish = _steady(draft.wish, ())
    return Preview(draft, text=_yaml(wish, draft.row.cluster))


def preview_change(
    deployment: Deployment, form: DeploymentForm, changes: Mapping[str, object], *, by: User
) -> Preview:
    """Raises: PermissionDenied, NotFound: about the deployment as a whole."""
    try:
        draft = intent.draft_change(deployment, changes, by=by)
    except DomainError as error:
        return _refused(form, error)
    now = wish_of(deployment)
    then = _steady(draft.wish, now.spec.env)
    gpu = deployment.cluster.gpu_resource
    objects = [manifests.build(wish, gpu_resource=gpu) for wish in (now, then)]
    return Preview(
        draft,
        text=manifests.to_yaml(objects[1]),
        diff=diff_lines(manifests.diff(*objects)) if changes else (),
        replaces_pods=manifests.replaces_pods(now, then),
    )


def diff_lines(text: str) -> list[DiffLine]:
    """A unified diff by line, without its head."""
    kinds = {"+": "add", "-": "drop", "@": "place"}
    return [DiffLine(kinds.get(line[:1], "same"), line) for line in text.splitlines()[2:]]


def _refused(form: DeploymentForm, error: DomainError) -> Preview:
    """The messages, while the form itself stays without marks: its owner is still typing."""
    if error.status in {403, 404} and not error.errors:
        raise error
    rows = [replace(row, errors=[]) for row in form.env]
    copy = replace(form, errors={}, env=rows)
    copy.refuse(error)
    return Preview(errors=copy.every_error)


def _yaml(wish: Wish, cluster: Cluster) -> str:
    return manifests.to_yaml(manifests.build(wish, gpu_resource=cluster.gpu_resource))


def _steady(wish: Wish, stored: Iterable[EnvVar]) -> Wish:
    """The wish with the same reference at each look, or the text would change while nobody types."""
    known = {variable.ref for variable in stored}
    env = tuple(
        msgspec.structs.replace(one, ref=NEW_VALUE) if one.secret and one.ref not in known else one
        for one in wish.spec.env
    )
    return msgspec.structs.replace(wish, spec=msgspec.structs.replace(wish.spec, env=env))
