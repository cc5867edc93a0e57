"""Where pods would go, by what is known of nodes and pods."""

from typing import Any

import pytest

from k8s.facts import NodeFacts, PodFacts
from k8s.scheduling import Fit, fits, tolerates
from k8s.spec import Placement, Resources, Toleration

GPU = "nvidia.com/gpu"
GIB = 2**30
SMALL = Resources(cpu="500m", memory="512Mi")
GPU_TAINT = "nvidia.com/gpu=yes:NoSchedule"
GPU_NODES = Placement(
    preset="gpu",
    node_selector={"pool": "gpu"},
    tolerations=(Toleration(key=GPU, operator="Equal", value="yes", effect="NoSchedule"),),
)


def node(name: str = "one", **fields: Any) -> NodeFacts:
    usual = {"ready": True, "cpu_allocatable": 2000, "memory_allocatable": 4 * GIB, "pods_allocatable": 110}
    return NodeFacts(uid=name, name=name, **{**usual, **fields})


def pod(where: str = "one", **fields: Any) -> PodFacts:
    return PodFacts(uid="p", name="p", node=where, **{"phase": "Running", "cpu_request": 500, **fields})


GPU_NODE = node("gpu", taints=(GPU_TAINT,), labels={"pool": "gpu"}, gpu_allocatable={GPU: 2})


def fit(
    *nodes: NodeFacts,
    pods: tuple[PodFacts, ...] = (),
    resources: Resources = SMALL,
    placement: Placement | None = None,
) -> Fit:
    return fits(resources, placement, GPU, nodes, pods)


def test_what_pods_have_requested_is_not_free() -> None:
    taken = (pod(), pod(memory_request=3 * GIB), pod(phase="Succeeded"), pod("two"), pod(""))
    found = fit(node("one"), node("two"), pods=taken)
    assert found.nodes == ("one", "two")
    assert (found.largest_free_cpu, found.largest_free_memory) == (1500, 4 * GIB)
    assert found.total_fitting == 2 + 3
    assert found.why_not == ""


def test_a_node_takes_so_many_pods_and_no_more() -> None:
    found = fit(node(pods_allocatable=3), pods=(pod(cpu_request=0),) * 2)
    assert found.total_fitting == 1
    full = fit(node(pods_allocatable=2), pods=(pod(cpu_request=0),) * 2)
    assert full.why_not == "none of 1 node fits: 1 with as many pods as they take"
    assert fit(node(pods_allocatable=0)).total_fitting == 4, "a node that says nothing is not full"


@pytest.mark.parametrize(
    ("nodes", "why"),
    [
        ([], "the cluster has no nodes"),
        ([node(ready=False)], "1 not ready"),
        ([node(unschedulable=True)], "1 cordoned"),
        ([node(taints=("gpu=yes:NoSchedule",))], "1 tainted gpu=yes:NoSchedule"),
        (
            [node(taints=("node.kubernetes.io/unreachable=:NoExecute",))],
            "1 tainted node.kubernetes.io/unreach",
        ),
        ([node(cpu_allocatable=400)], "1 too small (asked for 500m CPU, at most 400m free)"),
        ([node(memory_allocatable=GIB // 4)], "(asked for 512 MiB memory, at most 256 MiB free)"),
        (
            [node("a", cpu_allocatable=100), node("b", memory_allocatable=100), node("c", ready=False)],
            "none of 3 nodes fits: 1 not ready; 2 with enough of one thing free but too little of another",
        ),
    ],
)
def test_where_nothing_fits_it_says_why(nodes: list[NodeFacts], why: str) -> None:
    found = fit(*nodes)
    assert (found.nodes, found.total_fitting) == ((), 0)
    assert why in found.why_not


def test_a_taint_that_only_prefers_keeps_nobody_away() -> None:
    assert fit(node(taints=("old=:PreferNoSchedule",))).nodes == ("one",)


def test_a_preset_selects_its_nodes_and_tolerates_their_taint() -> None:
    resources = Resources(cpu="500m", memory="512Mi", gpu=1)
    found = fit(node(), GPU_NODE, resources=resources, placement=GPU_NODES)
    assert (found.nodes, found.total_fitting, found.largest_free_gpu) == (("gpu",), 2, 2)
    taken = fit(GPU_NODE, pods=(pod("gpu", gpu_request=1),), resources=resources, placement=GPU_NODES)
    assert (taken.total_fitting, taken.largest_free_gpu) == (1, 1)
    astray = fit(node(), resources=resources, placement=GPU_NODES)
    assert "1 without the labels that the preset asks for" in astray.why_not
    without = fit(node(), GPU_NODE, resources=resources)
    assert "1 tainted nvidia.com/gpu=yes:NoSchedule" in without.why_not
    assert "1 too small (asked for 1 GPUs, at most 0 free)" in without.why_not


def test_a_gpu_is_what_the_cluster_calls_one() -> None:
    other = node(gpu_allocatable={"amd.com/gpu": 4})
    assert fits(Resources(gpu=1), None, GPU, [other], []).nodes == ()
    assert fits(Resources(gpu=1), None, "amd.com/gpu", [other], []).total_fitting == 4


def test_a_pod_that_tolerates_everything_may_go_to_a_cordoned_node() -> None:
    anywhere = Placement(preset="any", tolerations=(Toleration(key=""),))
    assert fit(node(unschedulable=True), placement=anywhere).nodes == ("one",)


@pytest.mark.parametrize(
    ("toleration", "taint", "holds"),
    [
        (Toleration(key="a"), "a=1:NoSchedule", True),
        (Toleration(key="a", effect="NoExecute"), "a=1:NoSchedule", False),
        (Toleration(key="a", operator="Equal", value="1"), "a=1:NoExecute", True),
        (Toleration(key="a", operator="Equal", value="2"), "a=1:NoSchedule", False),
        (Toleration(key="a", operator="Equal"), "a=:NoSchedule", True),
        (Toleration(key="b"), "a=1:NoSchedule", False),
    ],
)
def test_a_toleration_matches_by_key_value_and_effect(
    toleration: Toleration, taint: str, holds: bool
) -> None:
    assert tolerates(toleration, taint) is holds
