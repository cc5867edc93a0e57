"""Twelve wishes that between them use every choice there is, and the objects they become.

Those are in `golden/`, as people see them in the preview and as YAML. After a change of what we
build, write them anew with `.venv/bin/python -m tests.k8s.representative` and read the diff: a
change of `timoneiro.dev/template` in a file means that the upgrade replaces those pods.
"""

from pathlib import Path
from typing import Final

from k8s.manifests import build, to_yaml
from k8s.spec import (
    PRESETS,
    Autoscaling,
    EnvVar,
    Placement,
    Resources,
    Rollout,
    Security,
    Service,
    Toleration,
    Wish,
)
from tests.k8s.wishes import changed

GOLDEN: Final = Path(__file__).parent / "golden"
INSIDE: Final = Service(type="ClusterIP", port=80)
PLAIN_ENV: Final = (EnvVar(name="LOG_LEVEL", value="info"), EnvVar(name="ANSWER", value="yes"))
SECRET_ENV: Final = (
    EnvVar(name="LOG_LEVEL", value="info"),
    EnvVar(name="API_KEY", secret=True, ref="b7c2e1"),
    EnvVar(name="DATABASE_URL", secret=True, ref="0a9f44"),
)
GPU_NODES: Final = Placement(
    preset="gpu-nodes",
    node_selector={"pool": "gpu"},
    tolerations=(
        Toleration(key="nvidia.com/gpu", operator="Equal", value="yes", effect="NoSchedule"),
        Toleration(key="spot"),
    ),
)
WISHES: Final[dict[str, Wish]] = {
    "ordinary": changed(spec={"service": Service(type="NodePort", port=5001, node_port=30555)}),
    "one-replica": changed(replicas=1, spec={"service": INSIDE, "env": PLAIN_ENV}),
    "paused": changed(replicas=0, spec={"service": INSIDE}),
    "autoscaled": changed(
        replicas=None,
        spec={"service": INSIDE},
        autoscaling=Autoscaling(
            min_replicas=1, max_replicas=5, target_cpu_percent=60, target_memory_percent=80
        ),
    ),
    "autoscaled-by-memory": changed(
        replicas=None,
        spec={"service": INSIDE},
        autoscaling=Autoscaling(
            min_replicas=2, max_replicas=4, target_memory_percent=75, scale_down_seconds=0
        ),
    ),
    "secret-variables": changed(spec={"service": INSIDE, "env": SECRET_ENV}),
    "private-registry": changed(
        spec={
            "service": INSIDE,
            "registry": "registry.example.com:5000",
            "image": "registry.example.com:5000/pricing/house:1.0",
        }
    ),
    "gpu-nodes": changed(replicas=1, spec={"resources": PRESETS["gpu"], "placement": GPU_NODES}),
    "recreate": changed(
        spec={"service": INSIDE, "rollout": Rollout(strategy="Recreate", deadline_seconds=90)}
    ),
    "confined": changed(
        spec={"service": INSIDE, "security": Security(run_as_user=65532, read_only_root=True)}
    ),
    "slow-start": changed(
        spec={
            "service": Service(type="LoadBalancer", port=80),
            "start_seconds": 900,
            "health_path": "/v2/health/ready",
            "version": "2.0+cu121",
            "rollout": Rollout(max_surge=0, max_unavailable=1, deadline_seconds=1200),
        }
    ),
    "everything": changed(
        replicas=None,
        revision=7,
        restarted_at="2026-11-23T20:00:00Z",
        change_cause="roll out 2.0",
        autoscaling=Autoscaling(min_replicas=3, max_replicas=9, target_cpu_percent=50),
        spec={
            "service": Service(type="NodePort", port=5001),
            "resources": Resources(cpu="2", memory="8Gi", cpu_limit="4", memory_limit="16Gi", gpu=2),
            "env": (*SECRET_ENV, EnvVar(name="HOME", value="/tmp/home")),  # noqa: S108
            "rollout": Rollout(max_surge=2, max_unavailable=1, auto_rollback=True),
            "registry": "docker.io",
            "image": "docker.io/pricing/house:2.0",
            "placement": GPU_NODES,
            "security": Security(run_as_user=1001, read_only_root=True),
            "start_seconds": 300,
        },
    ),
}


def golden(name: str) -> Path:
    return GOLDEN / f"{name}.yaml"


def write_golden() -> None:
    for name, wish in WISHES.items():
        golden(name).write_text(to_yaml(build(wish)))


if __name__ == "__main__":
    write_golden()
