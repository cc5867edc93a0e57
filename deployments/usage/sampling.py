"""One minute of a cluster: what its deployments, teams, nodes and the whole of it held and used.

Two statements write all of it, however many there are, on SQLite and PostgreSQL alike. What the
figures mean is in docs/decisions/0012.
"""

from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from deployments.models import Cluster, ClusterState
from deployments.usage.minutes import minute_of

RECENT: Final = timedelta(minutes=2)
"""How old a measurement may be to count: metrics-server measures each 15 to 60 s, and tells it late."""
YOUNG: Final = timedelta(minutes=2)
"""How long a new pod may be without a measurement before its absence makes the sum unknown."""

# Who is there to be sampled. A team without a pod holds nothing, which is a figure and no gap.
_SUBJECTS: Final = """
WITH subjects AS (
    SELECT 'deployment' AS kind, CAST(id AS varchar(253)) AS key, team_id, id AS deployment_id
    FROM deployments_deployment WHERE cluster_id = %(cluster)s AND deleted_at IS NULL
    UNION ALL
    SELECT 'team', CAST(team_id AS varchar(253)), team_id, NULL
    FROM (
        SELECT team_id FROM deployments_namespace WHERE cluster_id = %(cluster)s
        UNION
        SELECT team_id FROM deployments_deployment WHERE cluster_id = %(cluster)s AND deleted_at IS NULL
    ) AS teams
    UNION ALL
    SELECT 'node', name, NULL, NULL FROM deployments_node WHERE cluster_id = %(cluster)s
    UNION ALL
    SELECT 'cluster', '', NULL, NULL
)
"""

_NEW_SERIES: Final = """
INSERT INTO deployments_series (cluster_id, kind, key, team_id, deployment_id)
SELECT %(cluster)s, subjects.kind, subjects.key, subjects.team_id, subjects.deployment_id
FROM subjects
LEFT JOIN deployments_series AS series
    ON series.cluster_id = %(cluster)s AND series.kind = subjects.kind AND series.key = subjects.key
WHERE series.id IS NULL
ON CONFLICT DO NOTHING
"""

# `held`: pods that are on a node and have not ended, whosoever they are. `missing`: those that
# should have been measured by now. `per_deployment` is added up a second time for what is charged:
# a team pays for each of its deployments.
_SAMPLES: Final = """
, held AS (
    SELECT pod.deployment_id, deployment.team_id, pod.node,
        pod.cpu_request, pod.memory_request, pod.gpu_request, used.cpu, used.memory,
        CASE WHEN used.pod_id IS NULL AND pod.ready AND pod.created_at <= %(young)s
            THEN 1 ELSE 0 END AS missing
    FROM deployments_pod AS pod
    LEFT JOIN deployments_deployment AS deployment ON deployment.id = pod.deployment_id
    LEFT JOIN deployments_podusage AS used ON used.pod_id = pod.id AND used.at >= %(recent)s
    WHERE pod.cluster_id = %(cluster)s AND pod.node <> '' AND pod.phase NOT IN ('Succeeded', 'Failed')
), counted AS (
    SELECT 'deployment' AS kind, CAST(deployment_id AS varchar(253)) AS key, held.* FROM held
    WHERE deployment_id IS NOT NULL
    UNION ALL
    SELECT 'team', CAST(team_id AS varchar(253)), held.* FROM held WHERE team_id IS NOT NULL
    UNION ALL
    SELECT 'node', node, held.* FROM held
    UNION ALL
    SELECT 'cluster', '', held.* FROM held
), totals AS (
    SELECT kind, key, COUNT(*) AS pods,
        SUM(cpu_request) AS cpu_requested, SUM(memory_request) AS memory_requested,
        SUM(gpu_request) AS gpu_requested,
        SUM(cpu) AS cpu_used, SUM(memory) AS memory_used,
        MAX(cpu) AS pod_cpu_peak, MAX(memory) AS pod_memory_peak,
        CASE WHEN COUNT(cpu) > 0 AND SUM(missing) = 0 THEN 1 ELSE 0 END AS known
    FROM counted GROUP BY kind, key
), whole AS (
    SELECT 'node' AS kind, name AS key, cpu_used, memory_used,
        CASE WHEN used_at >= %(recent)s THEN 1 ELSE 0 END AS known
    FROM deployments_node WHERE cluster_id = %(cluster)s
    UNION ALL
    SELECT 'cluster', '',
        SUM(CASE WHEN used_at >= %(recent)s THEN cpu_used ELSE 0 END),
        SUM(CASE WHEN used_at >= %(recent)s THEN memory_used ELSE 0 END),
        MIN(CASE WHEN used_at >= %(recent)s THEN 1 WHEN ready THEN 0 ELSE NULL END)
    FROM deployments_node WHERE cluster_id = %(cluster)s
), figures AS (
    SELECT series.id AS series_id, subjects.kind, subjects.team_id,
        COALESCE(totals.pods, 0) AS pods,
        COALESCE(totals.cpu_requested, 0) AS cpu_requested,
        COALESCE(totals.memory_requested, 0) AS memory_requested,
        COALESCE(totals.gpu_requested, 0) AS gpu_requested,
        CASE WHEN subjects.kind IN ('node', 'cluster') THEN COALESCE(whole.known, 0)
            ELSE COALESCE(totals.known, 1) END AS known,
        CASE WHEN subjects.kind IN ('node', 'cluster') THEN COALESCE(whole.cpu_used, 0)
            ELSE COALESCE(totals.cpu_used, 0) END AS cpu_used,
        CASE WHEN subjects.kind IN ('node', 'cluster') THEN COALESCE(whole.memory_used, 0)
            ELSE COALESCE(totals.memory_used, 0) END AS memory_used,
        totals.pod_cpu_peak, totals.pod_memory_peak
    FROM subjects
    JOIN deployments_series AS series
        ON series.cluster_id = %(cluster)s AND series.kind = subjects.kind AND series.key = subjects.key
    LEFT JOIN totals ON totals.kind = subjects.kind AND totals.key = subjects.key
    LEFT JOIN whole ON whole.kind = subjects.kind AND whole.key = subjects.key
), charged AS (
    SELECT figures.*,
        CASE WHEN known = 1 AND cpu_used > cpu_requested THEN cpu_used ELSE cpu_requested END AS cpu_charged,
        CASE WHEN known = 1 AND memory_used > memory_requested
            THEN memory_used ELSE memory_requested END AS memory_charged
    FROM figures
), per_team AS (
    SELECT team_id, SUM(cpu_charged) AS cpu_charged, SUM(memory_charged) AS memory_charged
    FROM charged WHERE kind = 'deployment' GROUP BY team_id
)
INSERT INTO deployments_minutesample (
    series_id, at, minutes, used_minutes, pods, cpu_requested, cpu_used, cpu_charged,
    memory_requested, memory_used, memory_charged, gpu_requested,
    cpu_peak, memory_peak, pod_cpu_peak, pod_memory_peak
)
SELECT charged.series_id, %(minute)s, 1, charged.known, charged.pods, charged.cpu_requested,
    CASE WHEN charged.known = 1 THEN charged.cpu_used ELSE 0 END,
    CASE WHEN charged.kind = 'team' THEN COALESCE(per_team.cpu_charged, 0) ELSE charged.cpu_charged END,
    charged.memory_requested,
    CASE WHEN charged.known = 1 THEN charged.memory_used ELSE 0 END,
    CASE WHEN charged.kind = 'team' THEN COALESCE(per_team.memory_charged, 0)
        ELSE charged.memory_charged END,
    charged.gpu_requested,
    CASE WHEN charged.known = 1 THEN charged.cpu_used END,
    CASE WHEN charged.known = 1 THEN charged.memory_used END,
    charged.pod_cpu_peak, charged.pod_memory_peak
FROM charged
LEFT JOIN per_team ON charged.kind = 'team' AND per_team.team_id = charged.team_id
WHERE TRUE
ON CONFLICT (series_id, at) DO NOTHING
"""


def sample(cluster_id: int, *, now: datetime | None = None) -> bool:
    """Writes the samples of the minute that is now, once: again in the same minute changes nothing.

    False where the cluster has not been heard of lately: then there is a gap, for nobody knows.

    Raises:
        django.db.Error.
    """
    now = now or timezone.now()
    heard = now - timedelta(seconds=settings.STALE_AFTER_SECONDS)
    if not Cluster.objects.filter(pk=cluster_id, state=ClusterState.CONNECTED, seen_at__gte=heard).exists():
        return False
    told = connection.ops.adapt_datetimefield_value
    parameters: dict[str, Any] = {
        "cluster": cluster_id,
        "minute": minute_of(now),
        "recent": told(now - RECENT),
        "young": told(now - YOUNG),
    }
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_SUBJECTS + _NEW_SERIES, parameters)
        cursor.execute(_SUBJECTS + _SAMPLES, parameters)
    return True
