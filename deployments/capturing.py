"""Keeping what containers wrote before they ended: their pods, and so their logs, do not stay."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec
from django.db.models.functions import Coalesce
from django.utils import timezone

from deployments import clients
from deployments.models import CapturedLog, Deployment, Pod
from k8s import errors
from k8s.cluster import Cluster, LogQuery
from k8s.facts import ContainerFacts, PodFacts

logger = logging.getLogger(__name__)

MOST_KEPT = 20
MOST_BYTES = 64 * 1024
_TAIL_LINES = 1_000
# A server that runs and is not ready says why within seconds; later lines are looked at again.
_SETTLED = timedelta(seconds=4)
_LOOK_AGAIN = timedelta(seconds=15)
# What a kubelet answers instead of the log of a container that is gone.
_VANISHED = "unable to retrieve container logs for "


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a container, ended or not; `previous` is how the cluster is asked for its log."""

    pod: PodFacts
    container: ContainerFacts
    number: int
    previous: bool
    has_ended: bool

    @property
    def key(self) -> tuple[str, str, int]:
        return self.pod.uid, self.container.name, self.number


def runs_of(pod: PodFacts, now: datetime) -> Iterator[Run]:
    """Runs worth keeping: crashes, and the present one of a server that is up and not ready."""
    for container in pod.containers:
        if container.state == "terminated":
            if container.exit_code:
                yield Run(pod, container, container.restarts, previous=False, has_ended=True)
            continue
        if container.restarts and container.last_exit_code is not None:
            yield Run(pod, container, container.restarts - 1, previous=True, has_ended=True)
        is_up = container.state == "running" and not container.ready and not container.is_init
        if is_up and container.started_at is not None and now - container.started_at >= _SETTLED:
            yield Run(pod, container, container.restarts, previous=False, has_ended=False)


def missing_runs(deployment: Deployment, pods: Sequence[PodFacts], now: datetime) -> list[Run]:
    """What of these pods' runs is not kept yet, or was kept before its end."""
    found = [run for pod in pods for run in runs_of(pod, now)]
    if not found:
        return []
    # No more than are kept: else those that were forgotten would be read again and again.
    runs = sorted(found, key=lambda run: _end_of(run) or now, reverse=True)[:MOST_KEPT]
    rows = CapturedLog.objects.filter(deployment=deployment, pod_uid__in={run.pod.uid for run in runs})
    kept = {
        (uid, container, number): (ended_at, captured_at)
        for uid, container, number, ended_at, captured_at in rows.values_list(
            "pod_uid", "container", "run", "ended_at", "captured_at"
        )
    }
    return [run for run in runs if _is_missing(run, kept.get(run.key), now)]


def _is_missing(run: Run, kept: tuple[datetime | None, datetime] | None, now: datetime) -> bool:
    if kept is None:
        return True
    ended_at, captured_at = kept
    if run.has_ended:
        return ended_at is None
    return ended_at is None and now - captured_at > _LOOK_AGAIN


def capture_logs(deployment_id: int) -> bool:
    """Worker side: reads and keeps what is missing. True if there is something new."""
    deployment = (
        Deployment.objects.select_related("cluster").filter(pk=deployment_id, deleted_at=None).first()
    )
    if deployment is None:
        return False
    rows = Pod.objects.filter(deployment=deployment).values_list("facts", "revision")
    found = [(msgspec.convert(facts, PodFacts), revision) for facts, revision in rows]
    revisions = {pod.uid: revision for pod, revision in found}
    missing = missing_runs(deployment, [pod for pod, _ in found], timezone.now())
    if not missing:
        return False
    cluster = clients.client_of(deployment.cluster)
    for run in missing:
        text = _read(cluster, deployment.namespace, run)
        if text is not None:
            _keep(deployment, run, text, revisions[run.pod.uid])
    _forget_oldest(deployment)
    return True


def _read(cluster: Cluster, namespace: str, run: Run) -> str | None:
    """The end of the run's log; "" when it is gone, None when the cluster may have it later."""
    query = LogQuery(
        container=run.container.name, previous=run.previous, tail_lines=_TAIL_LINES, timestamps=False
    )
    try:
        text = cluster.logs(namespace, run.pod.name, query)
    except (errors.NotFound, errors.MalformedRequest):
        return ""
    except errors.ClusterError as exc:
        logger.info("log of %s not captured: %s", run.pod.name, exc)
        return None
    if text.startswith(_VANISHED):
        return ""
    # NUL is the one character that PostgreSQL's text cannot hold.
    return text.replace("\x00", "\ufffd").encode()[-MOST_BYTES:].decode("utf-8", "ignore")


def _keep(deployment: Deployment, run: Run, text: str, revision: int) -> None:
    container = run.container
    is_last = run.previous
    CapturedLog.objects.update_or_create(
        deployment=deployment,
        pod_uid=run.pod.uid,
        container=container.name,
        run=run.number,
        defaults={
            "pod": run.pod.name,
            "revision": revision,
            "text": text,
            "exit_code": (container.last_exit_code if is_last else container.exit_code),
            "reason": (container.last_reason if is_last else container.reason)[:100],
            "ended_at": _end_of(run),
            "captured_at": timezone.now(),
        },
    )


def _end_of(run: Run) -> datetime | None:
    if not run.has_ended:
        return None
    at = run.container.last_finished_at if run.previous else run.container.finished_at
    return at or timezone.now()


def _forget_oldest(deployment: Deployment) -> None:
    ended = Coalesce("ended_at", "captured_at")
    rows = CapturedLog.objects.filter(deployment=deployment).order_by(ended.desc(), "-pk")
    CapturedLog.objects.filter(pk__in=list(rows.values_list("pk", flat=True)[MOST_KEPT:])).delete()
