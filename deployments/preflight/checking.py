"""The checks of a preflight, put together."""

from collections.abc import Sequence
from dataclasses import replace

from deployments import ask, selectors
from deployments.errors import DomainError
from deployments.intent import Draft
from deployments.models import Cluster, Deployment, Revision
from deployments.preflight.cost import cost_of
from deployments.preflight.quotas import check_limits, check_quotas
from deployments.preflight.room import check_room
from deployments.preflight.subject import Counts, Subject, nodes_of, placed_pods_of, pods_held_by
from deployments.preflight.team_quota import check_team_quota
from deployments.preflight.words import Check, Preflight
from deployments.rehearsal import Quota, Rehearsal
from k8s import manifests


def preflight(draft: Draft, *, ask_cluster: bool) -> Preflight:
    """`ask_cluster` False leaves out what a worker has to ask: quotas and the server-side dry run.

    Takes up to eight seconds when the cluster is asked and does not answer.
    """
    subject = _subject(draft)
    checks = [_name_check(subject)]
    if subject.wish.spec.service.type == "NodePort":
        checks.append(_node_port_check(subject))
    checks += _image_checks(subject)
    checks += _room_checks(subject)
    own = check_team_quota(draft.row, draft.deployment)
    if own is not None:
        checks.append(own)
    warnings: tuple[str, ...] = ()
    if not ask_cluster:
        checks += _not_asked("The cluster was not asked.")
    else:
        try:
            is_new = subject.deployment is None or subject.deployment.applied_generation == 0
            found = ask.rehearse(subject.cluster, subject.wish, is_new=is_new)
        except DomainError as exc:
            checks += _not_asked(exc.detail)
        else:
            checks += _rehearsal_checks(subject, found, own)
            warnings = found.warnings
    cost = cost_of(subject.resources, subject.counts, subject.cluster)
    return Preflight(checks=checks, cost=cost, warnings=warnings)


def _subject(draft: Draft) -> Subject:
    return Subject(
        wish=draft.wish,
        cluster=draft.row.cluster,
        deployment=draft.deployment,
        replaces_pods=draft.before is not None and manifests.replaces_pods(draft.before, draft.wish),
    )


def _name_check(subject: Subject) -> Check:
    wish = subject.wish
    if subject.deployment is not None:
        return Check(code="name", state="ok", text=f"{wish.name} stays {wish.name}.")
    live = Deployment.objects.filter(cluster=subject.cluster, deleted_at=None)
    if live.filter(namespace=wish.namespace, name=wish.name).exists():
        text = f"Namespace {wish.namespace} has a deployment {wish.name} already."
        return Check(code="name", state="error", text=text)
    return Check(code="name", state="ok", text=f"The name {wish.name} is free.")


def _node_port_check(subject: Subject) -> Check:
    """A port that another deployment of ours has is refused before; others' are seen by the dry run."""
    node_port = subject.wish.spec.service.node_port
    text = f"Node port {node_port} is free." if node_port else "The cluster chooses a free node port."
    return Check(code="node_port", state="ok", text=text)


def _image_checks(subject: Subject) -> list[Check]:
    """Nobody asks a registry beforehand: the cluster pulls with its own network and logins."""
    image, cluster = subject.wish.spec.image, subject.cluster
    if subject.deployment is not None and not subject.replaces_pods:
        return []
    # In the team's own namespace: what others run is not theirs to know.
    served = Revision.objects.filter(
        deployment__cluster=cluster,
        deployment__namespace=subject.wish.namespace,
        served_at__isnull=False,
    )
    # By the version first, which is indexed; its image may have been edited since.
    if served.filter(version__image=image, spec__image=image).exists():
        return [Check(code="image", state="ok", text=f"{image} has run on cluster {cluster.name} before.")]
    text = (
        f"{image} has not run on cluster {cluster.name} yet: whether it can be pulled is seen at the start."
    )
    return [Check(code="image", state="unknown", text=text)]


def _room_checks(subject: Subject) -> list[Check]:
    cluster: Cluster = subject.cluster
    since = selectors.stale_since(cluster)
    if since is not None:
        text = f"Cluster {cluster.name} has not been heard of since {since:%Y-%m-%d %H:%M:%S} UTC."
        return [Check(code="nodes", state="unknown", text=f"{text} What fits cannot be said.")]
    return check_room(subject, nodes_of(cluster), placed_pods_of(cluster))


def _not_asked(why: str) -> list[Check]:
    reason = why.rstrip(".")
    return [
        Check(code="quota", state="unknown", text=f"Quotas were not checked: {reason}."),
        Check(code="dry_run", state="unknown", text=f"The cluster may still refuse this: {reason}."),
    ]


def _rehearsal_checks(subject: Subject, found: Rehearsal, own: Check | None) -> list[Check]:
    checks = [] if found.quotas is None else _quota_checks(subject, found.quotas, own)
    limits = check_limits(found.limits or (), subject.resources)
    if limits is not None:
        checks.append(limits)
    checks.append(_dry_run_check(found))
    # Without quotas, it is the gaps that say why.
    code = "quota" if found.quotas is None else "not_checked"
    checks += [Check(code=code, state="unknown", text=gap) for gap in found.gaps]
    return checks


def _quota_checks(subject: Subject, quotas: Sequence[Quota], own: Check | None) -> list[Check]:
    """ResourceQuotas of the namespace. What ours says has been told by `own`, unless others took its room."""
    held, gpu_resource = pods_held_by(subject.deployment), subject.cluster.gpu_resource

    def check(some: Sequence[Quota], counts: Counts) -> Check:
        return check_quotas(some, subject.resources, counts, held, gpu_resource=gpu_resource)

    theirs = [quota for quota in quotas if own is None or quota.name != manifests.QUOTA_NAME]
    checks = [check(theirs, subject.counts)] if theirs or own is None else []
    ours = [quota for quota in quotas if quota not in theirs]
    if own is not None and own.state == "ok" and ours:
        # While pods are replaced, workers make room in it.
        taken = check(ours, replace(subject.counts, surge=0))
        checks += [taken] if taken.state == "error" else []
    return checks


def _dry_run_check(found: Rehearsal) -> Check:
    if found.refusals:
        text = " ".join(f"{refusal.kind} {refusal.name}: {refusal.message}" for refusal in found.refusals)
        return Check(code="dry_run", state="error", text=f"The cluster would refuse this. {text}")
    if not found.tried:
        return Check(code="dry_run", state="unknown", text="The cluster has not tried any object.")
    kind = ", ".join(dict.fromkeys(found.tried))
    return Check(code="dry_run", state="ok", text=f"The cluster would accept: {kind}.")
