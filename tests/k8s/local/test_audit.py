"""The audit log: who asked for what, in the words of RBAC."""

import json
from pathlib import Path

from k8s.local.server import audit
from tests.k8s.local.api_kit import api_server

APPLY = {"Content-Type": "application/apply-patch+yaml"}
MAP = "/api/v1/namespaces/default/configmaps/one"


async def test_each_request_is_noted_in_the_words_of_rbac(tmp_path: Path) -> None:
    file = tmp_path / "audit"
    async with api_server(tmp_path, middlewares=(audit.middleware(file),)) as api:
        body = json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one"}})
        for _ in range(2):
            await api.http.patch(f"{MAP}?fieldManager=tests", content=body, headers=APPLY)
        await api.http.get(MAP)
        await api.http.get("/apis/apps/v1/deployments")
        await api.http.get("/api/v1/nodes?watch=1&timeoutSeconds=1")
        await api.http.post("/api/v1/namespaces/default/services/one:80/proxy/x", content=b"")
        await api.http.get("/apis/metrics.k8s.io/v1beta1/namespaces/default/pods")
        await api.http.delete(MAP)
        await api.http.get("/version")
    noted = [json.loads(line) for line in file.read_text().splitlines()]
    assert {one["agent"] for one in noted} == {"tests/1.0"}
    asked = [
        (one["verb"], one["group"], one["resource"], one["subresource"], one["namespace"]) for one in noted
    ]
    assert asked == [
        ("patch", "", "configmaps", "", "default"),
        # The first apply made it.
        ("create", "", "configmaps", "", "default"),
        ("patch", "", "configmaps", "", "default"),
        ("get", "", "configmaps", "", "default"),
        ("list", "apps", "deployments", "", ""),
        ("watch", "", "nodes", "", ""),
        ("create", "", "services", "proxy", "default"),
        ("list", "metrics.k8s.io", "pods", "", "default"),
        ("delete", "", "configmaps", "", "default"),
    ]
