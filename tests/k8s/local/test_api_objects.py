"""Creating, reading, listing, changing and deleting objects."""

from __future__ import annotations

import asyncio
import base64
import sqlite3
from pathlib import Path

import pytest
from aiohttp import web

from k8s.local.store import Object
from tests.k8s.local.api_kit import (
    CONFIG_MAPS,
    DEPLOYMENTS,
    JSON_PATCH,
    MERGE,
    PODS,
    SERVICES,
    STRATEGIC,
    Api,
    a_config_map,
    a_deployment,
    a_pod,
    api_server,
)


def a_service(name: str = "s", **spec: object) -> Object:
    return {"metadata": {"name": name}, "spec": {"selector": {"app": "p"}, "ports": [{"port": 80}], **spec}}


async def names(api: Api, path: str, **params: str) -> list[str]:
    return [item["metadata"]["name"] for item in (await api.get(path, **params))["items"]]


async def test_a_list_can_be_selected_by_labels_and_fields(api: Api) -> None:
    for name, labels in (("a", {"tier": "x"}), ("b", {"tier": "y"}), ("c", {})):
        await api.create(PODS, {**a_pod(name), "metadata": {"name": name, "labels": labels}})
    for selector, wanted in (
        ("tier=x", ["a"]),
        ("tier!=x", ["b", "c"]),
        ("tier in (x,y)", ["a", "b"]),
        ("tier notin (x)", ["b", "c"]),
        ("tier", ["a", "b"]),
        ("!tier", ["c"]),
        ("tier,tier!=y", ["a"]),
    ):
        assert await names(api, PODS, labelSelector=selector) == wanted, selector
    for selector, wanted in (
        ("metadata.name=b", ["b"]),
        ("status.phase=Pending,metadata.name!=a", ["b", "c"]),
        ("spec.nodeName=n", []),
    ):
        assert await names(api, PODS, fieldSelector=selector) == wanted, selector
    assert await names(api, "/api/v1/pods", fieldSelector="metadata.namespace=default") == ["a", "b", "c"]


async def test_pages_show_the_state_of_the_first_page(api: Api) -> None:
    for name in ("a", "b", "c", "d"):
        await api.create(CONFIG_MAPS, a_config_map(name))
    one = await api.get(CONFIG_MAPS, limit="2")
    assert [each["metadata"]["name"] for each in one["items"]] == ["a", "b"]
    assert one["metadata"]["remainingItemCount"] == 2
    await api.http.delete(f"{CONFIG_MAPS}/c")
    await api.create(CONFIG_MAPS, a_config_map("bb"))
    token = one["metadata"]["continue"]
    two = await api.get(CONFIG_MAPS, limit="2", **{"continue": token})
    assert [each["metadata"]["name"] for each in two["items"]] == ["c", "d"]
    assert two["metadata"]["resourceVersion"] == one["metadata"]["resourceVersion"]
    assert "continue" not in two["metadata"]


@pytest.mark.parametrize("changed_meanwhile", [False, True])
async def test_pages_miss_no_namespace_however_it_is_spelled(api: Api, changed_meanwhile: bool) -> None:
    # "-" sorts before the "/" that follows a namespace in a key.
    for space in ("team", "team-b"):
        await api.create("/api/v1/namespaces", {"metadata": {"name": space}})
        for name in ("a", "b"):
            await api.create(f"/api/v1/namespaces/{space}/configmaps", a_config_map(name))
    whole = {"fieldSelector": "metadata.name!=kube-root-ca.crt"}
    found: list[tuple[str, str]] = []
    token = ""
    while token or not found:
        page = await api.get(
            "/api/v1/configmaps", limit="1", **whole, **({"continue": token} if token else {})
        )
        found += [(item["metadata"]["namespace"], item["metadata"]["name"]) for item in page["items"]]
        token = page["metadata"].get("continue", "")
        if changed_meanwhile:
            await api.create(CONFIG_MAPS, a_config_map(f"later-{len(found)}"))
    assert found == [(space, name) for space in ("team-b", "team") for name in ("a", "b")]


async def test_an_old_page_token_is_gone_but_offers_another_one(api: Api) -> None:
    for name in ("a", "b", "c"):
        await api.create(CONFIG_MAPS, a_config_map(name))
    token = (await api.get(CONFIG_MAPS, limit="1"))["metadata"]["continue"]
    await api.create(CONFIG_MAPS, a_config_map("d"))
    api.cluster.store.forget_history()
    gone = await api.http.get(CONFIG_MAPS, params={"limit": "1", "continue": token})
    assert (gone.status_code, gone.json()["reason"]) == (410, "Expired")
    rest = await names(api, CONFIG_MAPS, **{"continue": gone.json()["metadata"]["continue"]})
    assert rest == ["b", "c", "d"]


async def test_the_three_patches_change_what_they_say(api: Api) -> None:
    await api.create(DEPLOYMENTS, a_deployment())
    path = f"{DEPLOYMENTS}/d"
    second = {"spec": {"template": {"spec": {"containers": [{"name": "side", "image": "x:1"}]}}}}
    strategic = (await api.http.patch(path, json=second, headers=STRATEGIC)).json()
    images = {each["name"]: each["image"] for each in strategic["spec"]["template"]["spec"]["containers"]}
    assert images == {"c": "example.local/busybox:1.35", "side": "x:1"}
    gone = {"spec": {"template": {"spec": {"containers": [{"name": "side", "$patch": "delete"}]}}}}
    strategic = (await api.http.patch(path, json=gone, headers=STRATEGIC)).json()
    assert len(strategic["spec"]["template"]["spec"]["containers"]) == 1
    merged = (await api.http.patch(path, json=second, headers=MERGE)).json()
    assert [each["name"] for each in merged["spec"]["template"]["spec"]["containers"]] == ["side"]
    operations = [
        {"op": "test", "path": "/spec/replicas", "value": 0},
        {"op": "replace", "path": "/spec/replicas", "value": 3},
        {"op": "add", "path": "/metadata/annotations", "value": {"a~b/c": "1"}},
        {"op": "remove", "path": "/metadata/annotations/a~0b~1c"},
    ]
    patched = await api.http.patch(path, json=operations, headers=JSON_PATCH)
    assert patched.status_code == 200, patched.text
    assert patched.json()["spec"]["replicas"] == 3


async def test_the_generation_counts_changes_of_the_spec_only(api: Api) -> None:
    created = await api.create(DEPLOYMENTS, a_deployment())
    assert created["metadata"]["generation"] == 1
    path = f"{DEPLOYMENTS}/d"
    labelled = await api.http.patch(path, json={"metadata": {"labels": {"x": "y"}}}, headers=MERGE)
    assert labelled.json()["metadata"]["generation"] == 1
    status = await api.http.patch(f"{path}/status", json={"status": {"replicas": 1}}, headers=MERGE)
    assert status.json()["metadata"]["generation"] == 1
    assert status.json()["status"] == {"replicas": 1}
    scaled = await api.http.patch(f"{path}/scale", json={"spec": {"replicas": 2}}, headers=MERGE)
    assert scaled.json()["spec"]["replicas"] == 2
    found = await api.get(path)
    assert (found["metadata"]["generation"], found["spec"]["replicas"]) == (2, 2)


async def test_the_status_and_the_rest_are_changed_apart(api: Api) -> None:
    created = await api.create(DEPLOYMENTS, a_deployment())
    body = {**created, "status": {"replicas": 9}, "spec": {**created["spec"], "replicas": 5}}
    body["metadata"].pop("resourceVersion")
    path = f"{DEPLOYMENTS}/d"
    assert (await api.http.put(path, json=body)).json()["status"] == {}
    found = (await api.http.put(f"{path}/status", json={**body, "spec": created["spec"]})).json()
    assert (found["status"], found["spec"]["replicas"]) == ({"replicas": 9}, 5)


async def test_of_two_writers_with_the_same_version_one_wins(api: Api) -> None:
    created = await api.create(CONFIG_MAPS, a_config_map())
    bodies = [{**created, "data": {"k": str(number)}} for number in range(8)]
    replies = await asyncio.gather(*(api.http.put(f"{CONFIG_MAPS}/a", json=body) for body in bodies))
    assert sorted(reply.status_code for reply in replies) == [200] + [409] * 7


async def test_finalizers_hold_an_object_until_they_are_gone(api: Api) -> None:
    held = a_config_map()
    held["metadata"]["finalizers"] = ["example.com/hold"]
    await api.create(CONFIG_MAPS, held)
    deleted = (await api.http.delete(f"{CONFIG_MAPS}/a")).json()
    assert deleted["metadata"]["deletionTimestamp"]
    await api.http.patch(f"{CONFIG_MAPS}/a", json={"metadata": {"finalizers": None}}, headers=MERGE)
    assert (await api.http.get(f"{CONFIG_MAPS}/a")).status_code == 404


async def test_deleting_answers_a_status_or_the_object_depending_on_the_kind(api: Api) -> None:
    created = await api.create(CONFIG_MAPS, a_config_map())
    status = (await api.http.delete(f"{CONFIG_MAPS}/a")).json()
    details = {"name": "a", "kind": "configmaps", "uid": created["metadata"]["uid"]}
    assert (status["status"], status["details"]) == ("Success", details)
    await api.create(PODS, a_pod())
    assert (await api.http.delete(f"{PODS}/p")).json()["kind"] == "Pod"


async def test_a_running_pod_is_given_its_grace(api: Api) -> None:
    await api.create(PODS, a_pod(terminationGracePeriodSeconds=7))
    api.cluster.store.update("pods", "default", "p", lambda pod: pod["spec"].update(nodeName="n"))
    deleted = (await api.http.delete(f"{PODS}/p")).json()["metadata"]
    assert (deleted["deletionGracePeriodSeconds"], deleted["generation"]) == (7, 2)
    assert (await api.get(f"{PODS}/p"))["metadata"]["deletionTimestamp"] == deleted["deletionTimestamp"]
    await api.http.delete(f"{PODS}/p", params={"gracePeriodSeconds": "0"})
    assert (await api.http.get(f"{PODS}/p")).status_code == 404


async def test_a_collection_is_deleted_by_selector(api: Api) -> None:
    for name in ("a", "b"):
        await api.create(PODS, a_pod(name))
    await api.http.delete(PODS, params={"labelSelector": "app=a"})
    assert await names(api, PODS) == ["b"]


async def test_a_generated_name_ends_in_five_letters(api: Api) -> None:
    created = await api.create(PODS, {**a_pod(), "metadata": {"generateName": "web-"}})
    assert len(created["metadata"]["name"]) == len("web-") + 5


async def test_a_pod_is_completed_as_a_real_cluster_completes_it(api: Api) -> None:
    container = {"name": "c", "image": "x", "resources": {"limits": {"cpu": "0.5", "memory": "1024Mi"}}}
    spec = (await api.create(PODS, {"metadata": {"name": "p"}, "spec": {"containers": [container]}}))["spec"]
    made = spec["containers"][0]
    assert made["imagePullPolicy"] == "Always"
    assert made["resources"]["requests"] == {"cpu": "500m", "memory": "1Gi"}
    assert (spec["restartPolicy"], spec["terminationGracePeriodSeconds"]) == ("Always", 30)
    assert (await api.get(f"{PODS}/p"))["status"] == {"phase": "Pending", "qosClass": "Guaranteed"}


async def test_a_node_port_is_allocated_kept_and_never_given_twice(api: Api) -> None:
    first = await api.create(SERVICES, a_service("s", type="NodePort"))
    port = first["spec"]["ports"][0]["nodePort"]
    assert 30000 <= port <= 32767
    again = await api.http.put(f"{SERVICES}/s", json=a_service("s", type="NodePort"))
    assert again.json()["spec"]["ports"][0]["nodePort"] == port
    assert again.json()["spec"]["clusterIP"] == first["spec"]["clusterIP"]
    wanted = a_service("t", type="NodePort", ports=[{"port": 80, "nodePort": port}])
    taken = (await api.http.post(SERVICES, json=wanted)).json()
    assert taken["details"]["causes"] == [
        {
            "reason": "FieldValueInvalid",
            "message": f"Invalid value: {port}: provided port is already allocated",
            "field": "spec.ports[0].nodePort",
        }
    ]
    outside = a_service("t", type="NodePort", ports=[{"port": 80, "nodePort": 80}])
    assert "valid ports is 30000-32767" in (await api.http.post(SERVICES, json=outside)).json()["message"]
    back = (await api.http.patch(f"{SERVICES}/s", json={"spec": {"type": "ClusterIP"}}, headers=MERGE)).json()
    assert "nodePort" not in back["spec"]["ports"][0]


async def test_text_given_to_a_secret_is_kept_as_base64(api: Api) -> None:
    path = "/api/v1/namespaces/default/secrets"
    created = await api.create(path, {"metadata": {"name": "s"}, "stringData": {"k": "v"}})
    assert created["data"] == {"k": base64.b64encode(b"v").decode()}
    assert "stringData" not in created


async def test_events_can_be_read_in_both_versions(api: Api) -> None:
    path = "/api/v1/namespaces/default/events"
    about = {"kind": "Pod", "name": "p", "namespace": "default"}
    event = {
        "metadata": {"name": "e"},
        "involvedObject": about,
        "reason": "R",
        "message": "M",
        "type": "Normal",
    }
    await api.create(path, event)
    assert await names(api, path, fieldSelector="involvedObject.name=p,type=Normal,reason=R") == ["e"]
    other = await api.get("/apis/events.k8s.io/v1/namespaces/default/events/e")
    assert (other["apiVersion"], other["note"], other["regarding"]["name"]) == ("events.k8s.io/v1", "M", "p")


async def test_yaml_bodies_are_read(api: Api) -> None:
    text = "metadata: {name: y}\ndata: {k: v}\n"
    reply = await api.http.post(CONFIG_MAPS, content=text, headers={"Content-Type": "application/yaml"})
    assert reply.status_code == 201
    assert reply.json()["data"] == {"k": "v"}


async def test_a_proxied_service_without_endpoints_is_unavailable(api: Api) -> None:
    await api.create(SERVICES, a_service())
    reply = await api.http.get(f"{SERVICES}/s/proxy/")
    assert (reply.status_code, reply.json()["message"]) == (503, 'no endpoints available for service "s"')
    assert (await api.http.get(f"{SERVICES}/nope:80/proxy/")).status_code == 404


@pytest.fixture
async def upstream() -> object:
    """A program that answers what it was asked, on a free port."""

    async def echo(request: web.Request) -> web.Response:
        body = (await request.text()).upper()
        seen = f"{request.method} {request.raw_path} {body}"
        return web.Response(
            text=seen, status=207, headers={"X-Auth": request.headers.get("Authorization", "none")}
        )

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", echo)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield runner.addresses[0][1]
    await runner.cleanup()


async def test_a_proxied_request_reaches_a_ready_pod_whole_and_without_credentials(
    api: Api, upstream: int
) -> None:
    await api.create(SERVICES, a_service(ports=[{"name": "http", "port": 80}]))
    part = {
        "metadata": {"name": "s-1", "labels": {"kubernetes.io/service-name": "s"}},
        "addressType": "IPv4",
        "ports": [{"name": "http", "port": upstream}],
        "endpoints": [
            {"addresses": ["127.0.0.2"], "conditions": {"ready": False}},
            {"addresses": ["127.0.0.1"], "conditions": {"ready": True}},
        ],
    }
    await api.create("/apis/discovery.k8s.io/v1/namespaces/default/endpointslices", part)
    for name in ("s", "s:http", "s:80", "http:s:80"):
        reply = await api.http.post(
            f"{SERVICES}/{name}/proxy/v1/a%2Fb/proxy/a:predict/?x=1%202", content="hello"
        )
        assert (reply.status_code, reply.text) == (207, "POST /v1/a%2Fb/proxy/a:predict/?x=1%202 HELLO")
        assert reply.headers["X-Auth"] == "none"


async def test_what_a_client_was_told_survives_a_kill(tmp_path: Path) -> None:
    async with api_server(tmp_path) as api:
        await api.create(CONFIG_MAPS, a_config_map("a"))
        await api.create(CONFIG_MAPS, a_config_map("b"))
        await api.http.delete(f"{CONFIG_MAPS}/b")
        # The promise is 100 ms; the file is read as a killed process would have left it.
        found = await settled_names(tmp_path / "data" / "state.sqlite3")
    assert found == ["a"]


async def settled_names(path: Path) -> list[str]:

    deadline = asyncio.get_running_loop().time() + 2
    while True:
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        found = [name for (name,) in connection.execute("SELECT name FROM objects WHERE kind='configmaps'")]
        connection.close()
        if found == ["a"] or asyncio.get_running_loop().time() > deadline:
            return found
        await asyncio.sleep(0.02)
