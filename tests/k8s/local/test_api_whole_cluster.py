"""kubectl against the whole cluster: rollouts, logs, the proxy, deletion with everything below."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import yaml

from k8s.local import controllers
from k8s.local.cluster import Workers, start_cluster
from k8s.local.registry import Registry
from k8s.local.store import Store
from tests.k8s.local.api_kit import DEPLOYMENTS, PODS, SERVICES, Api, client_for
from tests.k8s.local.kit import a_deployment, a_service


async def workers(store: Store, registry: Registry, directory: Path) -> Workers:
    return await controllers.start(store, registry, data_dir=directory)


@pytest.fixture
async def whole(tmp_path: Path) -> AsyncIterator[Api]:
    """A cluster with controllers and kubelets."""
    cluster = await start_cluster(tmp_path / "data", workers=workers)
    async with client_for(cluster) as http:
        yield Api(cluster, http, tmp_path / "cache")
    await cluster.stop()


async def deployed(whole: Api, **options: object) -> None:
    objects = [a_deployment(**options), a_service()]  # type: ignore[arg-type]
    for obj, (kind, version) in zip(objects, (("Deployment", "apps/v1"), ("Service", "v1")), strict=True):
        obj |= {"kind": kind, "apiVersion": version}
    await whole.kubectl("apply", "-f-", text=yaml.safe_dump_all(objects))
    await whole.kubectl("rollout", "status", "deploy/house", "--timeout=25s")


async def test_a_model_is_rolled_out_asked_rolled_back_and_deleted(whole: Api) -> None:
    await deployed(whole, replicas=2)
    healthy = await whole.get(f"{SERVICES}/house:5001/proxy/healthz")
    assert healthy["status"] == "ok"
    await whole.kubectl("set", "image", "deploy/house", "server=local/house:2.0")
    await whole.kubectl("rollout", "status", "deploy/house", "--timeout=25s")
    history = await whole.kubectl("rollout", "history", "deploy/house")
    assert [line.split()[0] for line in history.splitlines()[2:] if line] == ["1", "2"]
    await whole.kubectl("rollout", "undo", "deploy/house")
    await whole.kubectl("rollout", "status", "deploy/house", "--timeout=25s")
    image = "jsonpath={.spec.template.spec.containers[0].image}"
    assert await whole.kubectl("get", "deploy", "house", "-o", image) == "local/house:1.0"
    await whole.kubectl("delete", "deploy", "house", "--cascade=foreground", "--timeout=25s")
    for path in (PODS, "/apis/apps/v1/namespaces/default/replicasets"):
        assert (await whole.get(path))["items"] == []


async def test_logs_are_followed_while_the_model_is_asked(whole: Api) -> None:
    await deployed(whole, replicas=1)
    name = (await whole.get(PODS))["items"][0]["metadata"]["name"]
    assert "serving on port 5001" in await whole.kubectl("logs", "deploy/house", "--tail=5")
    async with whole.http.stream(
        "GET", f"{PODS}/{name}/log", params={"follow": "true", "tailLines": "0"}
    ) as log:
        await whole.http.get(f"{PODS}/{name}:5001/proxy/v1/models/nothing")
        async with asyncio.timeout(10):
            async for line in log.aiter_lines():
                if "/v1/models/nothing" in line:
                    break
    wrong = await whole.http.get(f"{PODS}/{name}/log", params={"container": "zzz"})
    assert wrong.json()["message"] == f"container zzz is not valid for pod {name}"


async def test_a_namespace_goes_with_everything_in_it(whole: Api) -> None:
    await whole.kubectl("create", "namespace", "team")
    obj = {**a_deployment(replicas=1), "kind": "Deployment", "apiVersion": "apps/v1"}
    del obj["metadata"]["namespace"]
    await whole.kubectl("-n", "team", "apply", "-f-", text=json.dumps(obj))
    await whole.kubectl("-n", "team", "rollout", "status", "deploy/house", "--timeout=25s")
    await whole.kubectl("delete", "namespace", "team", "--timeout=25s")
    assert (await whole.http.get("/api/v1/namespaces/team")).status_code == 404
    assert (await whole.get(DEPLOYMENTS.replace("default", "team")))["items"] == []
    assert (await whole.get(PODS.replace("default", "team")))["items"] == []
