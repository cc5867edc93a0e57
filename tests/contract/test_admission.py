"""What a namespace does not allow is refused with its meaning, or warned of."""

from collections.abc import Iterator
from typing import Any

import pytest

from k8s import errors
from k8s.cluster import Manifest
from tests.contract.target import Target, pod
from tests.k8s.wishes import built


def rule(kind: str, space: str, **spec: Any) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": kind,
        "metadata": {"name": "contract", "namespace": space},
        "spec": spec,
    }


@pytest.fixture
def with_quota(target: Target, space: str) -> str:
    """A namespace with room for two small pods."""
    made = rule("ResourceQuota", space, hard={"pods": "2", "requests.cpu": "100m", "limits.memory": "300Mi"})
    target.cluster.apply(made)
    target.until("the quota counts", lambda: "hard" in quota(target, space).get("status", {}))
    return space


def quota(target: Target, space: str) -> Manifest:
    (found,) = target.cluster.list("ResourceQuota", space)
    return found


def amounts(**asked: str) -> dict[str, dict[str, str]]:
    return {"requests": asked, "limits": {"cpu": "1", "memory": "64Mi"}}


def sized(space: str, name: str, target: Target, resources: dict[str, Any]) -> Manifest:
    made = pod(space, name, target.image, "sleep", "3600")
    made["spec"]["containers"][0]["resources"] = resources
    return made


def test_more_than_the_quota_is_refused(target: Target, with_quota: str) -> None:
    with pytest.raises(errors.QuotaExceeded, match=r"exceeded quota: contract, requested: requests.cpu=200m"):
        target.cluster.apply(sized(with_quota, "big", target, amounts(cpu="200m", memory="16Mi")))


def test_a_pod_that_does_not_say_what_it_needs_is_refused(target: Target, with_quota: str) -> None:
    with pytest.raises(errors.QuotaExceeded, match=r"must specify limits.memory"):
        target.cluster.apply(sized(with_quota, "silent", target, {"requests": {"cpu": "10m"}}))


def test_what_is_used_is_counted(target: Target, with_quota: str) -> None:
    target.cluster.apply(sized(with_quota, "one", target, amounts(cpu="10m", memory="16Mi")))

    def used() -> bool:
        counted = quota(target, with_quota)["status"].get("used", {})
        return (counted.get("pods"), counted.get("requests.cpu")) == ("1", "10m")

    target.until("the pod is counted", used)


def test_a_deployment_beyond_the_quota_is_failed_in_plain_words(target: Target, with_quota: str) -> None:
    wish = target.wish(with_quota)
    deployment = built(wish)
    deployment["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"]["cpu"] = "200m"
    target.cluster.apply(deployment)
    judged = target.until_state(wish, "failed")
    assert judged.reason == "FailedCreate"
    assert "the cluster refuses to create pods" in judged.message
    assert "exceeded quota: contract" in judged.message
    assert target.events(with_quota, "FailedCreate", wish.name)


@pytest.fixture
def with_limits(target: Target, space: str) -> str:
    limit = {
        "type": "Container",
        "max": {"memory": "256Mi"},
        "default": {"memory": "32Mi"},
        "defaultRequest": {"cpu": "10m", "memory": "16Mi"},
    }
    target.cluster.apply(rule("LimitRange", space, limits=[limit]))
    return space


def test_more_than_a_limit_range_allows_is_refused(target: Target, with_limits: str) -> None:
    big = sized(with_limits, "big", target, {"limits": {"memory": "1Gi"}, "requests": {"memory": "16Mi"}})
    with pytest.raises(errors.LimitRangeExceeded, match="maximum memory usage per Container is 256Mi"):
        target.cluster.apply(big)


def test_what_a_pod_leaves_open_a_limit_range_fills_in(target: Target, with_limits: str) -> None:
    made = target.cluster.apply(sized(with_limits, "open", target, {})).object
    resources = made["spec"]["containers"][0]["resources"]
    assert resources == {"limits": {"memory": "32Mi"}, "requests": {"cpu": "10m", "memory": "16Mi"}}


@pytest.fixture
def unrestricted(target: Target) -> Iterator[str]:
    with target.space(labels={"pod-security.kubernetes.io/warn": "restricted"}) as name:
        yield name


def privileged(space: str, target: Target) -> Manifest:
    made = pod(space, "mighty", target.image, "sleep", "3600")
    made["spec"]["containers"][0]["securityContext"] = {"privileged": True}
    return made


def test_a_pod_that_wants_too_much_power_is_refused(target: Target, space: str) -> None:
    with pytest.raises(errors.PodSecurityViolation, match='violates PodSecurity "restricted:latest"'):
        target.cluster.apply(privileged(space, target))


def test_a_deployment_of_such_pods_is_warned_of(target: Target, unrestricted: str) -> None:
    deployment = built(target.wish(unrestricted, replicas=0))
    assert target.cluster.apply(deployment).warnings == (), "what we build is restricted"
    del deployment["spec"]["template"]["spec"]["securityContext"]
    (warning,) = target.cluster.apply(deployment).warnings
    assert warning.startswith('would violate PodSecurity "restricted:latest": runAsNonRoot != true')
