"""Examples of bodies about usage, costs and sizes; see `examples`."""

from collections.abc import Mapping
from typing import Any

AT = "2026-03-02T09:30:00Z"
_ONE = "/api/v1/teams/pricing/deployments/house-prices/"


def _amounts(cpu: int, mebibytes: int, gpus: int = 0) -> dict[str, int]:
    return {"cpu_millicores": cpu, "memory_bytes": mebibytes * 2**20, "gpus": gpus}


MONEY = {"currency": "EUR", "hour": "0.0120", "month": "0.41", "projection": "8.76", "idle_hour": "0.0080"}
NODE = {
    "name": "local-1",
    "ready": True,
    "schedulable": True,
    "pods": 3,
    "capacity": _amounts(4000, 8192),
    "allocatable": _amounts(4000, 8192),
    "requested": _amounts(300, 384),
    "foreign": _amounts(100, 128),
    "free": _amounts(3700, 7808),
    "used": _amounts(120, 200),
}
TEAM = {
    "team": "pricing",
    "deployments": 1,
    "pods": 2,
    "requested": _amounts(200, 256),
    "used": _amounts(80, 120),
    "money": MONEY,
}
CLUSTER = {
    "cluster": "local",
    "stale_since": None,
    "metrics_at": AT,
    "metrics_message": "",
    "capacity": _amounts(4000, 8192),
    "allocatable": _amounts(4000, 8192),
    "requested": _amounts(300, 384),
    "free": _amounts(3700, 7808),
    "foreign": _amounts(100, 128),
    "used": _amounts(120, 200),
    "largest_free": {
        "cpu_millicores": 3700,
        "cpu_node": "local-1",
        "memory_bytes": 7808 * 2**20,
        "memory_node": "local-1",
        "gpus": 0,
        "gpu_node": "",
    },
    "money": MONEY,
    "nodes": [NODE],
    "teams": [TEAM],
}
DEPLOYMENT = {
    "team": "pricing",
    "name": "house-prices",
    "cluster": "local",
    "pods": 2,
    "requested": _amounts(200, 256),
    "limits": _amounts(1000, 512),
    "used": _amounts(80, 120),
    "money": MONEY,
    "waste_hour": "0.0080",
    "idle_since": None,
}
STEPS = {"requested": [200, None], "used": [80, None], "peak": [140, None]}

ANSWERS: Mapping[str, Any] = {
    "Usage": {
        "clusters": [CLUSTER],
        "deployments": {"count": 1, "next": None, "previous": None, "results": [DEPLOYMENT]},
    },
    "Metrics": {
        "window": "1h",
        "step_seconds": 60,
        "source": "samples",
        "source_message": "",
        "at": [AT, "2026-03-02T09:31:00Z"],
        "cpu_millicores": STEPS,
        "memory_bytes": STEPS,
        "gpus_requested": [0, None],
        "pods": [2, None],
    },
    "Sizing": {
        "team": "pricing",
        "deployment": "house-prices",
        "current": {"cpu": "1", "memory": "1Gi", "cpu_limit": "2", "memory_limit": "2Gi", "gpu": 0},
        "suggested": {"cpu": "200m", "memory": "256Mi", "cpu_limit": "2", "memory_limit": "2Gi", "gpu": 0},
        "reason": "",
        "hours": 168,
        "computed_at": AT,
        "cpu_p95": 180,
        "memory_max": 220 * 2**20,
        "waste_month": "24.10",
        "saving_month": "21.35",
        "currency": "EUR",
        "idle_since": None,
        "gpu_percent": None,
        "links": {"self": f"{_ONE}sizing/", "apply": f"{_ONE}sizing/apply/", "deployment": _ONE},
    },
}
