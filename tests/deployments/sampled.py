"""Samples as the collection leaves them, for tests of what is made of them."""

from datetime import datetime

from django.db.models import QuerySet

from deployments.models import Cluster, Deployment, MinuteSample, QuarterSample, Sample, Series, SeriesKind
from k8s.quantities import bytes_, millicores

STEPS = {"MinuteSample": 1, "QuarterSample": 15, "DaySample": 24 * 60}


def series_of(subject: Deployment | Cluster) -> Series:
    """The series of a deployment, or of a cluster as a whole."""
    if isinstance(subject, Cluster):
        return Series.objects.get_or_create(cluster=subject, kind=SeriesKind.CLUSTER, key="")[0]
    return Series.objects.get_or_create(
        cluster=subject.cluster,
        kind=SeriesKind.DEPLOYMENT,
        key=str(subject.pk),
        defaults={"team": subject.team, "deployment": subject},
    )[0]


def steady(
    table: type[Sample],
    deployment: Deployment,
    first: datetime,
    count: int,
    *,
    cpu: str = "1",
    cpu_used: str | None = "0",
    memory: str = "1Gi",
    memory_used: str = "0",
    gpu: int = 0,
    pods: int = 1,
    cpu_peak: str | None = None,
    pod_cpu_peak: str | None = None,
    pod_memory_peak: str | None = None,
) -> None:
    """`count` steps from `first` on in which every minute is alike; amounts are those of all its pods.

    `cpu_used` None: use was not measured. The cluster's own series gets the same steps.
    """
    minutes = STEPS[table.__name__]
    asked = {"cpu": millicores(cpu), "memory": bytes_(memory)}
    columns: dict[str, int] = {"pods": pods, "gpu_requested": gpu}
    peaks: dict[str, int] = {}
    used = {} if cpu_used is None else {"cpu": millicores(cpu_used), "memory": bytes_(memory_used)}
    for name, requested in asked.items():
        columns[f"{name}_requested"] = requested
        columns[f"{name}_used"] = used.get(name, 0)
        columns[f"{name}_charged"] = max(requested, used.get(name, 0))
        if used:
            peaks[f"{name}_peak"] = used[name]
            peaks[f"pod_{name}_peak"] = -(-used[name] // max(pods, 1))
    if used:
        peaks["cpu_peak"] = millicores(cpu_peak) if cpu_peak else peaks["cpu_peak"]
        peaks["pod_cpu_peak"] = millicores(pod_cpu_peak) if pod_cpu_peak else peaks["pod_cpu_peak"]
        peaks["pod_memory_peak"] = bytes_(pod_memory_peak) if pod_memory_peak else peaks["pod_memory_peak"]
    start = int(first.timestamp()) // 60
    rows = [
        table(
            series=series,
            at=start + number * minutes,
            minutes=minutes,
            used_minutes=minutes if used else 0,
            **{name: value * minutes for name, value in columns.items()},
            **peaks,
        )
        for series in (series_of(deployment), series_of(deployment.cluster))
        for number in range(count)
    ]
    # A second deployment in the same minutes finds the cluster's rows there.
    everything: QuerySet[Sample] = QuerySet(table)
    everything.bulk_create(rows, ignore_conflicts=True)


def sampled_now(deployment: Deployment, at: datetime, **amounts: object) -> None:
    """The newest minute alone."""
    steady(MinuteSample, deployment, at, 1, **amounts)  # type: ignore[arg-type]


def measured_for(deployment: Deployment, now: datetime, hours: int, **amounts: object) -> None:
    """The last `hours` of quarter hours before `now`, all alike."""
    first = now.replace(minute=now.minute // 15 * 15, second=0, microsecond=0).timestamp() - hours * 3600
    steady(QuarterSample, deployment, datetime.fromtimestamp(first, now.tzinfo), hours * 4, **amounts)  # type: ignore[arg-type]
