"""The official Python client, and the cluster as a program of its own."""

from __future__ import annotations

import asyncio
import os
import signal
import ssl
import stat
import sys
from pathlib import Path
from typing import Any

import httpx
import yaml
from kubernetes import client, config, dynamic, watch

from tests.k8s.local.api_kit import Api, a_config_map, a_deployment

# Half of the client is without types, and the other half takes dicts without saying so.
typed: Any = client
configs: Any = config
streams: Any = watch
dynamics: Any = dynamic


def connected(api: Api) -> Any:
    return configs.new_client_from_config(str(api.cluster.kubeconfig))


async def test_the_typed_python_client_creates_reads_and_watches(api: Api) -> None:
    def work() -> tuple[str, list[str], str]:
        with connected(api) as connection:
            core, apps = typed.CoreV1Api(connection), typed.AppsV1Api(connection)
            core.create_namespaced_config_map(
                "default", typed.V1ConfigMap(metadata={"name": "a"}, data={"k": "v"})
            )
            made = apps.create_namespaced_deployment("default", a_deployment(replicas=2))
            apps.patch_namespaced_deployment_scale("d", "default", {"spec": {"replicas": 3}})
            events = streams.Watch().stream(core.list_namespaced_config_map, "default", timeout_seconds=1)
            seen = [event["object"].metadata.name for event in events]
            read = apps.read_namespaced_deployment("d", "default")
            try:
                core.read_namespaced_config_map("nope", "default")
            except client.ApiException as error:
                reason = str(error.reason)
            assert made.spec.template.spec.containers[0].termination_message_policy == "File"
            return str(read.spec.replicas), seen, reason

    assert await asyncio.to_thread(work) == ("3", ["a"], "Not Found")


async def test_the_dynamic_client_applies(api: Api) -> None:
    def work() -> tuple[int, str]:
        with connected(api) as connection:
            resources = dynamics.DynamicClient(connection).resources
            deployments = resources.get(api_version="apps/v1", kind="Deployment")
            body = a_deployment(replicas=2)
            deployments.server_side_apply(body=body, namespace="default", field_manager="one")
            found = deployments.get(name="d", namespace="default")
            return found.spec.replicas, found.metadata.managedFields[0].manager

    assert await asyncio.to_thread(work) == (2, "one")


async def started(directory: Path) -> tuple[asyncio.subprocess.Process, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "k8s.local", "--data-dir", directory, "--kubeconfig-out", directory / "copy",
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    line = (await asyncio.wait_for(process.stdout.readline(), 20)).decode()
    return process, line


async def test_as_a_program_it_tells_where_it_is_stops_on_sigterm_and_comes_back_there(
    tmp_path: Path,
) -> None:
    directory = tmp_path / "cluster"
    directory.mkdir()
    process, line = await started(directory)
    word, address = line.split()
    assert word == "ready"
    for name in ("kubeconfig", "copy", "token", "server.key", "state.sqlite3", "state.sqlite3-wal"):
        assert stat.S_IMODE((directory / name).stat().st_mode) == 0o600, name
    loaded = yaml.safe_load((directory / "copy").read_text())
    assert loaded["clusters"][0]["cluster"]["server"] == address
    headers = {"Authorization": f"Bearer {loaded['users'][0]['user']['token']}"}
    trust = ssl.create_default_context(cafile=str(directory / "ca.crt"))
    path = "/api/v1/namespaces/default/configmaps"
    async with httpx.AsyncClient(base_url=address, headers=headers, verify=trust) as http:
        assert (await http.post(path, json=a_config_map())).status_code == 201
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 10) == 0
    process, line = await started(directory)
    assert line.split()[1] == address
    async with httpx.AsyncClient(base_url=address, headers=headers, verify=trust) as http:
        assert (await http.get(f"{path}/a")).json()["data"] == {"k": "1"}
        os.kill(process.pid, signal.SIGTERM)
        await asyncio.wait_for(process.wait(), 10)
