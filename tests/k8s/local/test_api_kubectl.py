"""kubectl itself against the API server: what it prints, applies, explains and asks."""

from __future__ import annotations

import asyncio
import json

import yaml

from k8s.local.store import Object
from tests.k8s.local.api_kit import PODS, Api, a_deployment, a_pod


def manifest(**spec: object) -> str:
    return yaml.safe_dump(a_deployment("web", **spec))


async def test_apply_diff_and_apply_again(api: Api) -> None:
    assert await api.kubectl("apply", "-f-", text=manifest()) == "deployment.apps/web created\n"
    assert await api.kubectl("apply", "-f-", text=manifest()) == "deployment.apps/web unchanged\n"
    difference = await api.kubectl("diff", "-f-", text=manifest(replicas=3), fails=True)
    assert difference.strip() in ("", "exit status 1")
    assert await api.kubectl("apply", "-f-", text=manifest(replicas=3)) == "deployment.apps/web configured\n"
    assert await api.kubectl("get", "deploy", "web", "-o", "jsonpath={.spec.replicas}") == "3"


async def test_a_list_item_left_out_of_the_manifest_is_removed_by_apply(api: Api) -> None:
    obj = a_deployment("web")
    containers = obj["spec"]["template"]["spec"]["containers"]
    containers[0]["env"] = [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]
    await api.kubectl("apply", "-f-", text=yaml.safe_dump(obj))
    await api.kubectl("set", "env", "deploy/web", "C=3")
    containers[0]["env"] = [{"name": "B", "value": "2"}]
    await api.kubectl("apply", "-f-", text=yaml.safe_dump(obj))
    names = "jsonpath={.spec.template.spec.containers[0].env[*].name}"
    assert await api.kubectl("get", "deploy", "web", "-o", names) == "B C"


async def test_server_side_apply_tells_conflicts_and_can_be_forced(api: Api) -> None:
    await api.kubectl("apply", "--server-side", "-f-", text=manifest(replicas=1))
    await api.kubectl("scale", "deploy", "web", "--replicas=4")
    told = await api.kubectl("apply", "--server-side", "-f-", text=manifest(replicas=1), fails=True)
    assert 'conflict with "kubectl" with subresource "scale" using apps/v1: .spec.replicas' in told
    await api.kubectl("apply", "--server-side", "--force-conflicts", "-f-", text=manifest(replicas=1))
    assert await api.kubectl("get", "deploy", "web", "-o", "jsonpath={.spec.replicas}") == "1"


async def test_commands_that_send_protobuf_work(api: Api) -> None:
    await api.kubectl("create", "deployment", "d", "--image=x:1", "--replicas=2", "--port=80")
    await api.kubectl("create", "configmap", "c", "--from-literal=a=b")
    await api.kubectl("create", "secret", "generic", "s", "--from-literal=a=b")
    await api.kubectl("create", "quota", "q", "--hard=cpu=500m,pods=3")
    await api.kubectl("expose", "deploy", "d", "--type=NodePort")
    assert await api.kubectl("auth", "can-i", "create", "pods") == "yes\n"
    quota = json.loads(await api.kubectl("get", "quota", "q", "-o", "json"))
    assert quota["spec"]["hard"] == {"cpu": "500m", "pods": "3"}
    service = json.loads(await api.kubectl("get", "svc", "d", "-o", "json"))
    assert service["spec"]["ports"][0]["targetPort"] == 80
    assert await api.kubectl("get", "secret", "s", "-o", "jsonpath={.data.a}") == "Yg=="


async def test_it_learns_kinds_and_fields_from_the_server(api: Api) -> None:
    kinds = await api.kubectl("api-resources", "-o", "name")
    assert {"pods", "deployments.apps", "horizontalpodautoscalers.autoscaling"} <= set(kinds.split())
    assert "apps/v1\n" in await api.kubectl("api-versions")
    told = await api.kubectl("explain", "deployment.spec.replicas")
    assert "FIELD: replicas <integer>" in told
    assert "Number of desired pods" in told
    assert "Server Version: v1.36" in await api.kubectl("version")
    assert await api.kubectl("get", "--raw", "/healthz") == "ok"
    assert "is running at" in await api.kubectl("cluster-info")
    assert "system:admin" in await api.kubectl("auth", "whoami")


async def test_tables_have_the_real_columns(api: Api) -> None:
    await api.create(PODS, a_pod())
    await api.kubectl("apply", "-f-", text=manifest(replicas=2))
    await api.kubectl("create", "service", "nodeport", "web", "--tcp=80:8080")
    headers = {
        ("pods", "-o", "wide"): "NAME READY STATUS RESTARTS AGE IP NODE NOMINATED NODE READINESS GATES",
        ("deploy",): "NAME READY UP-TO-DATE AVAILABLE AGE",
        ("svc",): "NAME TYPE CLUSTER-IP EXTERNAL-IP PORT(S) AGE",
        ("ns",): "NAME STATUS AGE",
    }
    for arguments, wanted in headers.items():
        head = (await api.kubectl("get", *arguments)).splitlines()[0]
        assert " ".join(head.split()) == wanted
    assert (await api.kubectl("get", "deploy", "--no-headers")).split()[:4] == ["web", "0/2", "0", "0"]
    assert (await api.kubectl("get", "pods", "-A", "-o", "name")) == "pod/p\n"


async def test_changes_by_command(api: Api) -> None:
    await api.kubectl("apply", "-f-", text=manifest())
    await api.kubectl("label", "deploy", "web", "tier=front")
    await api.kubectl("annotate", "deploy", "web", "example.com/note=x")
    for kind, patch in (
        ("strategic", '{"spec":{"replicas":1}}'),
        ("merge", '{"spec":{"paused":true}}'),
        ("json", '[{"op":"remove","path":"/metadata/labels/tier"}]'),
    ):
        await api.kubectl("patch", "deploy", "web", f"--type={kind}", "-p", patch)
    found = json.loads(await api.kubectl("get", "deploy", "web", "-o", "json"))
    assert (found["spec"]["replicas"], found["spec"]["paused"]) == (1, True)
    assert "labels" not in found["metadata"] or "tier" not in found["metadata"]["labels"]
    assert "Replicas:" in await api.kubectl("describe", "deploy", "web")
    await api.kubectl("delete", "deploy", "web", "--wait")
    assert "NotFound" in await api.kubectl("get", "deploy", "web", fails=True)


async def test_it_waits_for_conditions_and_for_the_end(api: Api) -> None:
    await api.create(PODS, a_pod())
    waiting = asyncio.create_task(api.kubectl("wait", "--for=condition=Ready", "pod/p", "--timeout=20s"))
    await watched(api)

    def ready(pod: Object) -> None:
        pod["status"]["conditions"] = [{"type": "Ready", "status": "True"}]

    api.cluster.store.update("pods", "default", "p", ready, manager="kubelet", subresource="status")
    assert await waiting == "pod/p condition met\n"
    waiting = asyncio.create_task(api.kubectl("wait", "--for=delete", "pod/p", "--timeout=20s"))
    await watched(api)
    await api.http.delete(f"{PODS}/p")
    assert await waiting == "pod/p condition met\n"


async def watched(api: Api) -> None:
    async with asyncio.timeout(15):
        while not api.cluster.context.watches:
            await asyncio.sleep(0.02)


async def test_a_list_of_objects_is_applied_one_by_one(api: Api) -> None:
    text = yaml.safe_dump(
        {"apiVersion": "v1", "kind": "List", "items": [a_deployment("one"), a_deployment("two")]}
    )
    told = await api.kubectl("apply", "-f-", text=text)
    assert told.splitlines() == ["deployment.apps/one created", "deployment.apps/two created"]


async def test_a_misspelt_field_is_refused_by_the_server(api: Api) -> None:
    told = await api.kubectl("apply", "-f-", text=manifest(replica=3), fails=True)
    assert 'unknown field "spec.replica"' in told
