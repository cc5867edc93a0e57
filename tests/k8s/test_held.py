"""What a pod holds, as the scheduler counts it."""

import gc
import tracemalloc
from collections.abc import Callable
from typing import Any, cast

from k8s.decode import facts_of
from k8s.facts import PodFacts, only_held
from k8s.quantities import bytes_


def pod(**spec: Any) -> PodFacts:
    manifest = {"metadata": {"uid": "u", "name": "p", "labels": {"app": "x"}}, "spec": spec}
    return cast(PodFacts, facts_of("Pod", manifest))


def container(name: str, *, always: bool = False, **requests: str) -> dict[str, Any]:
    made: dict[str, Any] = {"name": name, "resources": {"requests": requests}}
    return made | ({"restartPolicy": "Always"} if always else {})


def test_containers_run_together() -> None:
    found = pod(containers=[container("a", cpu="100m", memory="1Gi"), container("b", cpu="0.5")])
    assert (found.cpu_request, found.memory_request) == (600, bytes_("1Gi"))


def test_an_init_container_that_is_larger_counts_instead() -> None:
    first = container("first", cpu="2", memory="64Mi")
    found = pod(initContainers=[first], containers=[container("a", cpu="100m", memory="1Gi")])
    assert (found.cpu_request, found.memory_request) == (2000, bytes_("1Gi"))


def test_a_sidecar_runs_beside_what_comes_after_it() -> None:
    sidecar, main = container("proxy", always=True, cpu="100m"), container("a", cpu="300m")
    before = pod(initContainers=[container("first", cpu="380m"), sidecar], containers=[main])
    after = pod(initContainers=[sidecar, container("first", cpu="380m")], containers=[main])
    assert (before.cpu_request, after.cpu_request) == (400, 480)


def test_overhead_is_held_too_and_gives_no_limit_where_there_was_none() -> None:
    resources = {"requests": {"cpu": "100m"}, "limits": {"memory": "1Gi"}}
    found = pod(
        overhead={"cpu": "250m", "memory": "120Mi"}, containers=[{"name": "a", "resources": resources}]
    )
    assert (found.cpu_request, found.memory_request) == (350, bytes_("120Mi"))
    assert (found.cpu_limit, found.memory_limit) == (0, bytes_("1144Mi"))


def test_what_is_asked_for_the_whole_pod_counts_instead_of_its_containers() -> None:
    found = pod(resources={"requests": {"cpu": "1"}}, containers=[container("a", cpu="100m", memory="1Gi")])
    assert (found.cpu_request, found.memory_request) == (1000, bytes_("1Gi"))


def test_gpus_of_all_kinds_are_counted_once() -> None:
    limits = {"nvidia.com/gpu": "2", "amd.com/gpu": 1}
    found = pod(containers=[{"name": "a", "resources": {"limits": limits, "requests": limits}}])
    assert found.gpu_request == 3


def test_of_others_pods_only_what_they_hold_is_kept() -> None:
    kept = only_held(pod(nodeName="n", containers=[container("a", cpu="100m")]))
    assert (kept.uid, kept.node, kept.cpu_request) == ("u", "n", 100)
    assert (kept.labels, kept.containers) == ({}, ())


def test_a_thousand_pods_of_others_take_less_than_five_mebibytes() -> None:
    containers = [
        {
            "name": f"c{number}",
            "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}},
            "image": f"registry.example/some/long/name-{number}:1.2.3",
            "ready": True,
        }
        for number in range(3)
    ]

    def read(number: int) -> PodFacts:
        labels = {f"example.com/label-{one}": f"value-{one}" for one in range(10)}
        manifest = {
            "metadata": {
                "uid": f"uid-{number}",
                "name": f"other-{number}",
                "namespace": "x",
                "labels": labels,
            },
            "spec": {"nodeName": "n", "containers": [container("a", cpu="100m")]},
            "status": {
                "phase": "Running",
                "containerStatuses": containers,
                "conditions": [{"type": kind, "status": "True"} for kind in ("Ready", "Initialized")],
            },
        }
        return cast(PodFacts, facts_of("Pod", manifest))

    def mebibytes(keep: Callable[[PodFacts], PodFacts]) -> float:
        """What is free again when they are gone: tables of shared words that grew meanwhile stay."""
        tracemalloc.start()
        try:
            kept = [keep(read(number)) for number in range(1000)]
            gc.collect()
            before = tracemalloc.get_traced_memory()[0]
            kept.clear()
            return (before - tracemalloc.get_traced_memory()[0]) / 2**20
        finally:
            tracemalloc.stop()

    small, whole = mebibytes(only_held), mebibytes(lambda pod: pod)
    # Beside them their rows are looked at, some hundreds at a time.
    assert (small < 2, small * 2 < whole) == (True, True), (small, whole)


def test_what_nobody_can_have_is_still_a_number_that_adds_up() -> None:
    huge = {"limits": {"memory": "8Ei", "cpu": "9E", "nvidia.com/gpu": "3000000000"}}
    found = pod(containers=[{"name": name, "resources": huge} for name in "abc"])
    # A thousand such pods still add up in 64 bits, and their GPUs are a column's number.
    assert 1000 * max(found.cpu_limit, found.memory_limit) < 2**63
    assert found.gpu_request < 2**31


def test_memory_and_shares_of_gpus_are_no_gpus() -> None:
    limits = {"nvidia.com/gpu": "1", "nvidia.com/gpumem": "3000", "nvidia.com/gpucores": "30"}
    assert pod(containers=[{"name": "a", "resources": {"limits": limits}}]).gpu_request == 1
    shared = {"limits": {"nvidia.com/gpu.shared": "2"}}
    assert pod(containers=[{"name": "a", "resources": shared}]).gpu_request == 2
