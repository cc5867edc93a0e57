"""What metrics.k8s.io says, with its units, its rounding and its gaps."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from k8s.errors import ClusterUnavailable
from k8s.metrics import decode_measured, duration_seconds


def listed(*items: Any) -> bytes:
    return json.dumps({"kind": "PodMetricsList", "items": items}).encode()


def measured(*usages: dict[str, str], **more: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "p", "namespace": "s", "creationTimestamp": "2026-01-01T00:00:00Z"},
        "timestamp": "2026-01-01T00:00:00Z",
        "window": "14.5s",
        "containers": [{"name": str(number), "usage": usage} for number, usage in enumerate(usages)],
        **more,
    }


def test_containers_are_added_before_they_are_rounded_as_kubectl_does() -> None:
    halves = [{"cpu": "500500n", "memory": "100Ki"}, {"cpu": "499500n", "memory": "1Mi"}]
    (one,) = decode_measured(listed(measured(*halves)))
    assert (one.cpu, one.memory) == (1, 1124 * 1024)
    assert (one.at, one.window_seconds) == (datetime(2026, 1, 1, tzinfo=UTC), 14.5)
    (more,) = decode_measured(listed(measured({"cpu": "1000001n", "memory": "1"}, {"cpu": "0.5"})))
    assert (more.cpu, more.memory) == (502, 1)


def test_a_node_is_measured_as_a_whole() -> None:
    node = measured(usage={"cpu": "1234567890n", "memory": "2048Ki"}, containers=None)
    del node["metadata"]["namespace"]
    (one,) = decode_measured(listed(node))
    assert (one.namespace, one.name, one.cpu, one.memory) == ("", "p", 1235, 2**21)


def test_one_odd_entry_does_not_hide_the_others() -> None:
    odd = [measured({"cpu": "much"}), measured(window="soon"), {"metadata": {}}, 7]
    assert len(decode_measured(listed(*odd, measured({"cpu": "1n"})))) == 1
    assert decode_measured(b'{"kind": "PodMetricsList", "items": null}') == []


def test_a_page_of_a_proxy_is_no_answer() -> None:
    with pytest.raises(ClusterUnavailable):
        decode_measured(b"<html>sign in</html>")


def test_durations_as_go_writes_them() -> None:
    assert [duration_seconds(text) for text in ("15s", "1m0.5s", "1h2m3s", "500ms", "")] == [
        15,
        60.5,
        3723,
        0.5,
        0,
    ]
    with pytest.raises(ValueError, match="'15' is not a duration"):
        duration_seconds("15")
