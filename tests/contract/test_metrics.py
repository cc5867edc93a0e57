"""What pods and nodes really use, where the cluster measures it."""

from typing import Any

import pytest

from k8s import errors
from k8s.cluster import Ref
from k8s.quantities import bytes_, millicores
from tests.contract.target import Target
from tests.k8s.wishes import built


def test_a_new_pod_is_measured_after_a_while(runner: Target, measured: Target, space: str) -> None:
    wish = measured.wish(space)
    measured.cluster.apply(built(wish))
    measured.until_state(wish, "running")
    (only,) = measured.pods(space, wish.name)

    def measures() -> dict[str, Any]:
        try:
            return measured.cluster.get(Ref("PodMetrics", space, only.name))
        except errors.NotFound:
            return {}

    found = measured.until("the pod is measured", measures)
    (server,) = found["containers"]
    assert server["name"] == "server"
    assert millicores(server["usage"]["cpu"]) >= 0
    assert bytes_(server["usage"]["memory"]) > 2**20
    assert found["window"].endswith("s")
    listed = measured.cluster.list("PodMetrics", space)
    assert [each["metadata"]["name"] for each in listed] == [only.name]

    node = measured.until("its node is measured", lambda: of_node(measured, only.node))
    assert millicores(node["usage"]["cpu"]) >= 0
    assert bytes_(node["usage"]["memory"]) >= bytes_(server["usage"]["memory"]) // 2


def of_node(target: Target, name: str) -> dict[str, Any]:
    return next((n for n in target.cluster.list("NodeMetrics") if n["metadata"]["name"] == name), {})


def test_a_pod_that_is_not_there_has_no_measures(measured: Target) -> None:
    with pytest.raises(errors.NotFound):
        measured.cluster.get(Ref("PodMetrics", "default", "contract-no-such-pod"))
