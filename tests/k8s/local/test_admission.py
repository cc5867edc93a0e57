"""Quotas, limit ranges and pod security levels: refusals and warnings read as on a real cluster."""

from __future__ import annotations

import json
from typing import Any

import pytest

from k8s.local.store import Object
from tests.k8s.local.api_kit import MERGE, Api, a_deployment, a_pod
from tests.k8s.local.test_api_refusals import replay, sample

NAMESPACES = "/api/v1/namespaces"
IN_ERR = f"{NAMESPACES}/err"
PODS = f"{IN_ERR}/pods"
SERVICES = f"{IN_ERR}/services"
QUOTAS = f"{IN_ERR}/resourcequotas"
LIMITS = f"{IN_ERR}/limitranges"
RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}


@pytest.fixture
async def err(api: Api) -> Api:
    """A cluster with the namespace "err", where the recorded exchanges took place."""
    await api.create(NAMESPACES, {"metadata": {"name": "err"}})
    return api


def asking(name: str, *, requests: Any = None, limits: Any = None, **spec: Any) -> Object:
    resources = {"requests": requests or {}, "limits": limits or {}}
    containers = [{"name": "c", "image": "example.local/busybox:1.35", "resources": resources}]
    return a_pod(name, containers=containers, **spec)


async def refused(api: Api, obj: Object, path: str = PODS) -> str:
    response = await api.http.post(path, json=obj)
    assert response.status_code == 403, response.text
    body = response.json()
    assert body["reason"] == "Forbidden"
    return str(body["message"])


async def quota(api: Api, hard: dict[str, str], **spec: Any) -> None:
    await api.create(QUOTAS, {"metadata": {"name": "q"}, "spec": {"hard": hard, **spec}})


async def levels(api: Api, **modes: str) -> Any:
    labels = {f"pod-security.kubernetes.io/{mode}": level for mode, level in modes.items()}
    body = json.dumps({"metadata": {"labels": labels}})
    return await api.http.patch(IN_ERR, content=body, headers=MERGE)


# Quotas


async def test_a_pod_beyond_the_quota_is_refused_as_recorded(err: Api) -> None:
    for name in ("one", "two"):
        await err.create(PODS, a_pod(name))
    created, recorded = await replay(err, "_quota")
    assert created["spec"] == recorded["spec"]
    for name in ("quota_exceeded", "quota_missing_request"):
        found, recorded = await replay(err, name)
        assert found == recorded


async def test_a_pod_counts_until_it_has_ended_or_gone(err: Api) -> None:
    await quota(err, {"pods": "2", "count/pods": "3"})
    for name in ("one", "two"):
        await err.create(PODS, a_pod(name))
    assert "exceeded quota: q, requested: pods=1, used: pods=2, limited: pods=2" in await refused(
        err, a_pod("three")
    )
    err.cluster.store.update("pods", "err", "one", lambda pod: pod["status"].update(phase="Succeeded"))
    await err.create(PODS, a_pod("three"))
    await err.http.delete(f"{PODS}/two")
    assert (await err.http.post(PODS, json=a_pod("four"))).status_code == 201
    told = await refused(err, a_pod("five"))
    assert told == (
        'pods "five" is forbidden: exceeded quota: q, requested: count/pods=1,pods=1, '
        "used: count/pods=3,pods=2, limited: count/pods=3,pods=2"
    )


async def test_requests_and_limits_add_up_over_containers_and_pods(err: Api) -> None:
    hard = {"requests.memory": "1Gi", "limits.cpu": "1500m", "requests.nvidia.com/gpu": "1"}
    await quota(err, hard)
    some = {"requests": {"memory": "600Mi"}, "limits": {"cpu": "500m"}}
    await err.create(PODS, asking("one", **some))
    assert (await refused(err, asking("two", **some))).endswith(
        "requested: requests.memory=600Mi, used: requests.memory=600Mi, limited: requests.memory=1Gi"
    )
    greedy = {"requests": {"memory": "1Mi"}, "limits": {"cpu": "1100m", "nvidia.com/gpu": "2"}}
    assert (await refused(err, asking("two", **greedy))).endswith(
        "requested: limits.cpu=1100m,requests.nvidia.com/gpu=2, "
        "used: limits.cpu=500m,requests.nvidia.com/gpu=0, "
        "limited: limits.cpu=1500m,requests.nvidia.com/gpu=1"
    )


async def test_every_container_must_state_what_the_quota_limits(err: Api) -> None:
    await quota(err, {"limits.cpu": "4", "requests.memory": "1Gi"})
    containers = [{"name": name, "image": "a:1"} for name in ("b", "a")]
    told = await refused(err, a_pod("p", containers=containers))
    assert told == (
        'pods "p" is forbidden: failed quota: q: must specify limits.cpu for: a,b; requests.memory for: a,b'
    )


async def test_objects_of_any_kind_can_be_counted(err: Api) -> None:
    await quota(err, {"count/deployments.apps": "1", "services": "5", "services.nodeports": "1"})
    path = "/apis/apps/v1/namespaces/err/deployments"
    await err.create(path, a_deployment("one"))
    assert await refused(err, a_deployment("two"), path) == (
        'deployments.apps "two" is forbidden: exceeded quota: q, requested: count/deployments.apps=1, '
        "used: count/deployments.apps=1, limited: count/deployments.apps=1"
    )
    ports = [{"name": "a", "port": 1}, {"name": "b", "port": 2}]
    inside = {"metadata": {"name": "s"}, "spec": {"ports": ports}}
    await err.create(SERVICES, inside)
    response = await err.http.patch(f"{SERVICES}/s", content='{"spec":{"type":"NodePort"}}', headers=MERGE)
    assert response.status_code == 403
    assert "requested: services.nodeports=2, used: services.nodeports=0" in response.json()["message"]


async def test_a_dry_run_is_refused_too_but_uses_nothing(err: Api) -> None:
    await quota(err, {"pods": "1"})
    for _ in range(3):
        await err.create(PODS, a_pod("one"), dryRun="All")
    await err.create(PODS, a_pod("one"))
    assert (await err.http.post(PODS, json=a_pod("two"), params={"dryRun": "All"})).status_code == 403


async def test_a_quota_with_a_scope_is_about_the_pods_in_it_only(err: Api) -> None:
    await quota(err, {"pods": "0"}, scopes=["BestEffort"])
    await err.create(PODS, asking("asks", requests={"cpu": "1"}))
    assert "exceeded quota: q, requested: pods=1" in await refused(err, a_pod("asks-nothing"))


async def test_an_invalid_pod_is_invalid_before_it_is_too_much(err: Api) -> None:
    await quota(err, {"pods": "0"})
    response = await err.http.post(PODS, json=a_pod("p", restartPolicy="Sometimes"))
    assert response.status_code == 422


# Limit ranges


async def test_a_container_beyond_the_limit_range_is_refused_as_recorded(err: Api) -> None:
    created, recorded = await replay(err, "_lr")
    assert created["spec"] == recorded["spec"]
    found, recorded = await replay(err, "limitrange_exceeded")
    assert found == recorded
    status, recorded = await replay(err, "_dellr")
    assert status.keys() == recorded.keys()


async def test_a_limit_range_completes_containers_and_says_so(err: Api) -> None:
    item = {
        "type": "Container",
        "default": {"cpu": "1", "memory": "64Mi"},
        "defaultRequest": {"cpu": "100m"},
    }
    await err.create(LIMITS, {"metadata": {"name": "l"}, "spec": {"limits": [item]}})
    made = await err.create(PODS, asking("p", limits={"memory": "32Mi"}))
    assert made["spec"]["containers"][0]["resources"] == {
        "limits": {"cpu": "1", "memory": "32Mi"},
        "requests": {"cpu": "100m", "memory": "32Mi"},
    }
    assert made["metadata"]["annotations"]["kubernetes.io/limit-ranger"] == (
        "LimitRanger plugin set: cpu request for container c; cpu limit for container c"
    )
    assert made["status"]["qosClass"] == "Burstable"


async def test_a_limit_range_names_everything_that_is_too_little_or_too_much(err: Api) -> None:
    limits = [
        {
            "type": "Container",
            "min": {"cpu": "100m"},
            "max": {"memory": "1Gi"},
            "maxLimitRequestRatio": {"cpu": "2"},
        },
        {"type": "Pod", "max": {"cpu": "1"}},
    ]
    await err.create(LIMITS, {"metadata": {"name": "l"}, "spec": {"limits": limits}})
    told = await refused(
        err, asking("p", requests={"cpu": "50m", "memory": "1Gi"}, limits={"cpu": "2", "memory": "2Gi"})
    )
    assert told == (
        'pods "p" is forbidden: [minimum cpu usage per Container is 100m, but request is 50m, '
        "maximum memory usage per Container is 1Gi, but limit is 2Gi, "
        "cpu max limit to request ratio per Container is 2, but provided ratio is 40.000000, "
        "maximum cpu usage per Pod is 1, but limit is 2]"
    )


async def test_a_guard_that_contradicts_itself_is_refused(err: Api) -> None:
    wrong = {"foo": "1", "pods": "500m", "count/pods": "-1", "requests.nvidia.com/gpu": "1"}
    response = await err.http.post(QUOTAS, json={"metadata": {"name": "q"}, "spec": {"hard": wrong}})
    assert response.status_code == 422
    assert [each["field"] for each in response.json()["details"]["causes"]] == [
        "spec.hard[foo]",
        "spec.hard[pods]",
        "spec.hard[count/pods]",
    ]
    items = [{"type": "Container", "min": {"cpu": "2"}, "max": {"cpu": "1"}}, {"type": "Container"}]
    response = await err.http.post(LIMITS, json={"metadata": {"name": "l"}, "spec": {"limits": items}})
    causes = response.json()["details"]["causes"]
    assert 'Invalid value: "2": min value 2 is greater than max value 1' in [c["message"] for c in causes]
    assert causes[-1] == {
        "reason": "FieldValueDuplicate",
        "message": 'Duplicate value: "Container"',
        "field": "spec.limits[1].type",
    }


# Pod security


async def test_a_pod_that_violates_the_enforced_level_is_refused_as_recorded(err: Api) -> None:
    await levels(err, enforce="restricted", warn="restricted")
    found, recorded = await replay(err, "podsecurity_forbidden")
    assert found == recorded


async def test_a_deployment_whose_pods_would_be_refused_is_warned_about_as_recorded(err: Api) -> None:
    await levels(err, enforce="restricted", warn="restricted")
    found, recorded = await replay(err, "podsecurity_warning_deployment")
    assert found["spec"] == recorded["spec"]


async def test_a_new_level_tells_which_pods_violate_it_already(err: Api) -> None:
    for name in ("d-69c4dbf549-749gn", "e"):
        await err.create(PODS, a_pod(name))
    recorded = sample("_psa")
    response = await err.http.patch(IN_ERR, content=json.dumps(recorded["request"][2]), headers=MERGE)
    assert response.headers["Warning"] == recorded["headers"]["Warning"]
    assert response.json()["metadata"]["labels"] == recorded["body"]["metadata"]["labels"]
    lifted = sample("_psa2")
    response = await err.http.patch(IN_ERR, content=json.dumps(lifted["request"][2]), headers=MERGE)
    assert "Warning" not in response.headers
    assert response.json()["metadata"]["labels"] == lifted["body"]["metadata"]["labels"]


@pytest.mark.parametrize("level", ["baseline", "restricted"])
async def test_a_pod_that_keeps_to_the_level_is_let_in_silently(err: Api, level: str) -> None:
    await levels(err, enforce=level)
    containers = [{"name": "c", "image": "a:1", "securityContext": RESTRICTED}]
    response = await err.http.post(PODS, json=a_pod("p", containers=containers))
    assert response.status_code == 201
    assert "Warning" not in response.headers


async def test_what_is_only_warned_about_is_let_in_with_a_warning(err: Api) -> None:
    await levels(err, enforce="baseline", warn="restricted")
    response = await err.http.post(PODS, json=a_pod())
    assert response.status_code == 201
    assert response.headers["Warning"].startswith(
        '299 - "would violate PodSecurity \\"restricted:latest\\": allowPrivilegeEscalation != false'
    )


BASELINE = [
    ({"hostPID": True, "hostNetwork": True}, "host namespaces (hostNetwork=true, hostPID=true)"),
    (
        {"volumes": [{"name": "v", "hostPath": {"path": "/"}}]},
        'hostPath volumes (volume "v")',
    ),
    (
        {"securityContext": {"sysctls": [{"name": "kernel.msgmax", "value": "1"}]}},
        "forbidden sysctls (kernel.msgmax)",
    ),
]
CONTAINERS = [
    (
        {"securityContext": {"privileged": True}},
        'privileged (container "c" must not set securityContext.privileged=true)',
    ),
    (
        {"ports": [{"containerPort": 80, "hostPort": 8080}]},
        'hostPort (container "c" uses hostPort 8080)',
    ),
    (
        {"securityContext": {"capabilities": {"add": ["SYS_TIME", "NET_ADMIN"]}}},
        (
            'non-default capabilities (container "c" must not include "NET_ADMIN", "SYS_TIME" in '
            "securityContext.capabilities.add)"
        ),
    ),
    (
        {"securityContext": {"seccompProfile": {"type": "Unconfined"}}},
        'seccompProfile (container "c" must not set securityContext.seccompProfile.type to "Unconfined")',
    ),
]


@pytest.mark.parametrize(("spec", "told"), BASELINE)
async def test_baseline_refuses_what_reaches_the_node(err: Api, spec: Object, told: str) -> None:
    await levels(err, enforce="baseline")
    found = await refused(err, a_pod("p", **spec))
    assert found == f'pods "p" is forbidden: violates PodSecurity "baseline:latest": {told}'


@pytest.mark.parametrize(("own", "told"), CONTAINERS)
async def test_baseline_refuses_containers_with_power_over_the_node(err: Api, own: Object, told: str) -> None:
    await levels(err, enforce="baseline")
    found = await refused(err, a_pod("p", containers=[{"name": "c", "image": "a:1", **own}]))
    assert found == f'pods "p" is forbidden: violates PodSecurity "baseline:latest": {told}'


async def test_restricted_tells_the_pod_from_its_containers(err: Api) -> None:
    await levels(err, enforce="restricted")
    root = {**RESTRICTED, "runAsNonRoot": False, "runAsUser": 0}
    containers = [
        {"name": "a", "image": "a:1", "securityContext": root},
        {"name": "b", "image": "a:1", "securityContext": RESTRICTED},
    ]
    spec: Object = {"containers": containers, "securityContext": {"runAsNonRoot": False}}
    assert await refused(err, a_pod("p", **spec)) == (
        'pods "p" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot != true '
        '(pod and container "a" must not set securityContext.runAsNonRoot=false), '
        'runAsUser=0 (container "a" must not set runAsUser=0)'
    )


async def test_a_label_that_is_no_level_is_refused(err: Api) -> None:
    response = await levels(err, enforce="strict")
    assert response.status_code == 422
    assert response.json()["details"]["causes"] == [
        {
            "reason": "FieldValueInvalid",
            "message": 'Invalid value: "strict": must be one of privileged, baseline, restricted',
            "field": "metadata.labels[pod-security.kubernetes.io/enforce]",
        }
    ]
