"""Pods as real processes: starting, failing, restarting, ending."""

from __future__ import annotations

import asyncio
import os
import platform
import signal
import sys
import time
from pathlib import Path

import httpx
import psutil
import pytest

from k8s.local.kubelet.context import Timing
from k8s.local.kubelet.process import ContainerProcess, ProcessLedger, Program
from tests.k8s.local.kit import FAST, Machinery, a_pod, machinery, until


def ready(cluster: Machinery, name: str = "p") -> bool:
    conditions = cluster.pod(name).get("status", {}).get("conditions") or ()
    return any(entry["type"] == "Ready" and entry["status"] == "True" for entry in conditions)


def waiting(cluster: Machinery, name: str = "p") -> str:
    reason: str = cluster.container(name).get("state", {}).get("waiting", {}).get("reason", "")
    return reason


async def test_a_pod_is_ready_within_about_a_second_and_answers_on_its_own_address(tmp_path: Path) -> None:
    async with machinery(tmp_path) as cluster:
        began = time.monotonic()
        cluster.create("pods", a_pod())
        await until(lambda: ready(cluster))
        assert time.monotonic() - began < 5  # a quarter of a second on an idle machine
        status = cluster.pod()["status"]
        assert status["phase"] == "Running"
        assert status["podIP"].startswith("127.")
        async with httpx.AsyncClient() as client:
            answer = await client.get(f"http://{status['podIP']}:5001/v2/models/house")
        assert answer.json()["name"] == "house"
        assert {entry["type"]: entry["status"] for entry in status["conditions"]} == dict.fromkeys(
            ("PodScheduled", "PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady"), "True"
        )
        reasons = ("Scheduled", "Pulled", "Created", "Started")
        assert all(len(cluster.events(reason)) == 1 for reason in reasons)
        assert "serving on port 5001" in await cluster.log()


async def test_two_pods_may_listen_on_the_same_port(tmp_path: Path) -> None:
    async with machinery(tmp_path) as cluster:
        for name in ("a", "b"):
            cluster.create("pods", a_pod(name))
        await until(lambda: ready(cluster, "a") and ready(cluster, "b"))
        assert cluster.pod("a")["status"]["podIP"] != cluster.pod("b")["status"]["podIP"]


async def test_a_process_gets_its_own_environment_and_nothing_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OUR_SECRET", "x")
    async with machinery(tmp_path) as cluster:
        cluster.create(
            "configmaps", {"metadata": {"name": "c", "namespace": "default"}, "data": {"LOG_LEVEL": "DEBUG"}}
        )
        cluster.create(
            "secrets", {"metadata": {"name": "s", "namespace": "default"}, "data": {"key": "aHVzaA=="}}
        )
        env = [
            {"name": "WHO", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "s", "key": "key"}}},
            {"name": "BOTH", "value": "$(WHO)-$(TOKEN)-$(NOBODY)-$$(WHO)"},
        ]
        cluster.create("pods", a_pod(env=env, envFrom=[{"configMapRef": {"name": "c"}}]))
        await until(lambda: ready(cluster))
        pid = cluster.running.kubelet.process_of(cluster.pod(), "server")
        environment = psutil.Process(pid).environ()
        assert environment["BOTH"] == "p-hush-$(NOBODY)-$(WHO)"
        assert environment["LOG_LEVEL"] == "DEBUG"
        assert environment["HOSTNAME"] == "p"
        assert "OUR_SECRET" not in environment
        if os.geteuid() == 0:
            assert psutil.Process(pid).uids().effective != 0


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="looks for a message of glibc's loader")
async def test_a_containers_variables_mean_nothing_before_its_privileges_are_gone(tmp_path: Path) -> None:
    said = bytearray()
    program = Program(["/bin/true"], {"LD_PRELOAD": "/nowhere/evil.so"}, tmp_path)
    process = ContainerProcess(program, said.extend)
    assert await asyncio.wait_for(process.exited, 20) == 0
    # Once by the loader of the program; the launcher's would have said it before.
    assert said.count(b"/nowhere/evil.so") == 1


async def test_a_missing_config_map_is_told_and_healed_when_it_comes(tmp_path: Path) -> None:
    async with machinery(tmp_path) as cluster:
        env = [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "nope", "key": "k"}}}]
        cluster.create("pods", a_pod(env=env))
        await until(lambda: waiting(cluster) == "CreateContainerConfigError")
        assert cluster.container()["state"]["waiting"]["message"] == 'configmap "nope" not found'
        assert cluster.events("Failed")[0]["message"] == 'Error: configmap "nope" not found'
        with pytest.raises(Exception, match=r'container "server" in pod "p" is waiting to start: CreateCont'):
            await cluster.log()
        cluster.create(
            "configmaps", {"metadata": {"name": "nope", "namespace": "default"}, "data": {"k": "v"}}
        )
        await until(lambda: ready(cluster))


async def test_an_image_that_runs_as_root_is_refused_where_root_is_not_allowed(tmp_path: Path) -> None:
    async with machinery(tmp_path) as cluster:
        cluster.create("pods", a_pod(spec={"securityContext": {"runAsNonRoot": True}}))
        await until(lambda: waiting(cluster) == "CreateContainerConfigError")
        message = cluster.container()["state"]["waiting"]["message"]
        assert message.startswith("container has runAsNonRoot and image will run as root (pod: ")
        fine = {"securityContext": {"runAsNonRoot": True, "runAsUser": 1000}}
        cluster.create("pods", a_pod("q", spec=fine))
        await until(lambda: ready(cluster, "q"))


async def test_a_missing_secret_volume_keeps_the_pod_creating_and_only_an_event_tells(tmp_path: Path) -> None:
    async with machinery(tmp_path) as cluster:
        spec = {"volumes": [{"name": "v", "secret": {"secretName": "nope"}}]}
        cluster.create("pods", a_pod(spec=spec, volumeMounts=[{"name": "v", "mountPath": "/v"}]))
        event = (await until(lambda: cluster.events("FailedMount")))[0]
        assert event["message"] == 'MountVolume.SetUp failed for volume "v" : secret "nope" not found'
        assert waiting(cluster) == "ContainerCreating"


async def test_paths_under_a_mount_lead_to_the_volume(tmp_path: Path) -> None:
    async with machinery(tmp_path) as cluster:
        cluster.create(
            "configmaps", {"metadata": {"name": "c", "namespace": "default"}, "data": {"a.txt": "hello"}}
        )
        spec = {"volumes": [{"name": "v", "configMap": {"name": "c"}}, {"name": "home", "emptyDir": {}}]}
        mounts = [{"name": "v", "mountPath": "/etc/model"}, {"name": "home", "mountPath": "/home/me"}]
        env = [{"name": "FILE", "value": "/etc/model/a.txt"}, {"name": "HOME", "value": "/home/me"}]
        cluster.create("pods", a_pod(spec=spec, volumeMounts=mounts, env=env))
        await until(lambda: ready(cluster))
        environment = psutil.Process(cluster.running.kubelet.process_of(cluster.pod(), "server")).environ()
        assert Path(environment["FILE"]).read_text() == "hello"  # noqa: ASYNC240
        assert environment["HOME"].endswith("/volumes/home")


async def test_an_image_that_is_not_shipped_alternates_between_its_two_faces(tmp_path: Path) -> None:
    async with machinery(tmp_path) as cluster:
        cluster.create("pods", a_pod(image="local/nope:1.0"))
        await until(lambda: waiting(cluster) == "ErrImagePull")
        await until(lambda: waiting(cluster) == "ImagePullBackOff")
        await until(lambda: waiting(cluster) == "ErrImagePull")
        back_off = await until(lambda: cluster.events("BackOff"))
        assert back_off[0]["type"] == "Normal"
        assert cluster.pod()["status"]["phase"] == "Pending"
        with pytest.raises(Exception, match="is waiting to start: trying and failing to pull image"):
            await cluster.log()


async def test_a_name_that_is_no_image_name_is_told_as_such(tmp_path: Path) -> None:
    async with machinery(tmp_path) as cluster:
        cluster.create("pods", a_pod(image="Example.local/UPPER:1"))
        await until(lambda: waiting(cluster) == "InvalidImageName")
        assert "must be lowercase" in cluster.events("InspectFailed")[0]["message"]


async def test_a_crashing_container_is_restarted_with_growing_pauses_and_keeps_its_last_log(
    tmp_path: Path,
) -> None:
    async with machinery(tmp_path, timing=Timing(back_off=0.5)) as cluster:
        seen = cluster.store.subscribe(["pods"])
        cluster.create("pods", a_pod(image="local/crash:1.0"))
        await until(lambda: cluster.container().get("restartCount", 0) >= 2)
        await until(lambda: "terminated" in cluster.container()["state"])
        status = cluster.container()
        assert status["state"]["terminated"]["exitCode"] == 1
        assert status["lastState"]["terminated"]["reason"] == "Error"
        assert cluster.pod()["status"]["phase"] == "Running"
        assert "coefficients.json" in await cluster.log()
        assert "coefficients.json" in await cluster.log(previous=True)
        told = cluster.events("BackOff")[0]
        assert told["type"] == "Warning"
        assert told["message"].startswith("Back-off restarting failed container server in pod p_default(")
        states = [change.object.get("status", {}).get("containerStatuses") for change in seen.take()]
        reasons = [state[0]["state"].get("waiting", {}).get("reason") for state in states if state]
        assert "CrashLoopBackOff" in reasons


async def test_a_command_that_is_not_in_the_image_cannot_be_started(tmp_path: Path) -> None:
    async with machinery(tmp_path) as cluster:
        cluster.create("pods", a_pod(command=["/no/such/binary"]))
        await until(lambda: waiting(cluster) == "RunContainerError")
        last = cluster.container()["lastState"]["terminated"]
        assert (last["exitCode"], last["reason"]) == (128, "StartError")
        assert 'exec: "/no/such/binary": stat /no/such/binary: no such file' in last["message"]
        cluster.create("pods", a_pod("q", command=["sh", "-c", "id"]))
        await until(lambda: waiting(cluster, "q") == "RunContainerError")


async def test_a_container_over_its_memory_limit_is_killed_and_says_so(tmp_path: Path) -> None:
    async with machinery(tmp_path) as cluster:
        cluster.create("pods", a_pod(resources={"limits": {"memory": "5Mi"}}))
        await until(lambda: "terminated" in cluster.container().get("state", {}))
        ended = cluster.container()["state"]["terminated"]
        assert (ended["reason"], ended["exitCode"]) == ("OOMKilled", 137)


@pytest.mark.parametrize(
    ("command", "policy", "phase"), [("true", "Never", "Succeeded"), ("false", "Never", "Failed")]
)
async def test_a_pod_that_is_not_restarted_ends_in_a_phase(
    tmp_path: Path, command: str, policy: str, phase: str
) -> None:
    async with machinery(tmp_path) as cluster:
        cluster.create("pods", a_pod(command=[command], spec={"restartPolicy": policy}))
        await until(lambda: cluster.pod()["status"]["phase"] == phase)
        assert cluster.container()["restartCount"] == 0


async def test_init_containers_run_first_and_hold_up_the_others_when_they_fail(tmp_path: Path) -> None:
    def with_init(name: str, command: str) -> dict[str, object]:
        init = {"name": "first", "image": "local/house:1.0", "command": [command]}
        return a_pod(name, spec={"initContainers": [init]})

    async with machinery(tmp_path) as cluster:
        cluster.create("pods", with_init("good", "true"))
        cluster.create("pods", with_init("bad", "false"))
        await until(lambda: ready(cluster, "good"))
        await until(lambda: cluster.pod("bad")["status"]["initContainerStatuses"][0]["restartCount"] >= 1)
        assert cluster.pod("bad")["status"]["phase"] == "Pending"
        assert waiting(cluster, "bad") == "PodInitializing"
        conditions = {entry["type"]: entry for entry in cluster.pod("bad")["status"]["conditions"]}
        assert conditions["Initialized"]["message"] == "containers with incomplete status: [first]"


async def test_a_container_that_fails_its_liveness_probe_is_restarted(tmp_path: Path) -> None:
    async with machinery(tmp_path) as cluster:
        probe = {"httpGet": {"path": "/missing", "port": 5001}, "periodSeconds": 1, "failureThreshold": 2}
        cluster.create("pods", a_pod(livenessProbe=probe))
        await until(lambda: cluster.container().get("restartCount", 0) >= 1)
        unhealthy = cluster.events("Unhealthy")[0]["message"]
        assert unhealthy == "Liveness probe failed: HTTP probe failed with statuscode: 404"
        killing = cluster.events("Killing")[0]["message"]
        assert killing == "Container server failed liveness probe, will be restarted"
        assert cluster.container()["lastState"]["terminated"]["exitCode"] == 0


async def test_a_startup_probe_holds_back_the_others_until_it_has_passed(tmp_path: Path) -> None:
    async with machinery(tmp_path) as cluster:
        startup = {"tcpSocket": {"port": "http"}, "periodSeconds": 1, "failureThreshold": 30}
        liveness = {"exec": {"command": ["true"]}, "periodSeconds": 1}
        env = [{"name": "START_DELAY_SECONDS", "value": "1.5"}]
        cluster.create("pods", a_pod(startupProbe=startup, livenessProbe=liveness, env=env))
        await until(lambda: cluster.container().get("state", {}).get("running"))
        assert cluster.container()["started"] is False
        assert not ready(cluster)
        await until(lambda: ready(cluster))
        assert cluster.container()["started"] is True
        assert cluster.container()["restartCount"] == 0


async def test_deleting_a_pod_runs_its_pre_stop_sleep_and_ends_the_process_gently(tmp_path: Path) -> None:
    async with machinery(tmp_path) as cluster:
        hook = {"preStop": {"sleep": {"seconds": 1}}}
        cluster.create("pods", a_pod(lifecycle=hook, spec={"terminationGracePeriodSeconds": 10}))
        await until(lambda: ready(cluster))
        pod, began = cluster.pod(), time.monotonic()
        pid = cluster.running.kubelet.process_of(pod, "server")
        last = cluster.store.subscribe(["pods"])
        cluster.store.delete("pods", "default", "p")
        await asyncio.sleep(0.3)
        assert psutil.pid_exists(pid or 0)
        assert ready(cluster)  # it still serves while others learn that it goes
        await until(lambda: cluster.store.find("pods", "default", "p") is None)
        assert 1.0 <= time.monotonic() - began < 8
        assert cluster.events("Killing")[0]["message"] == "Stopping container server"
        ended = last.take()[-1].object["status"]["containerStatuses"][0]["state"]["terminated"]
        assert ended["exitCode"] == 0
        assert not psutil.pid_exists(pid or 0)


async def test_a_process_that_ignores_sigterm_is_killed_when_its_grace_is_over(tmp_path: Path) -> None:
    async with machinery(tmp_path) as cluster:
        hook = {"preStop": {"sleep": {"seconds": 30}}}
        cluster.create("pods", a_pod(lifecycle=hook, spec={"terminationGracePeriodSeconds": 60}))
        await until(lambda: ready(cluster))
        cluster.store.delete("pods", "default", "p")
        await asyncio.sleep(0.1)
        cluster.store.delete("pods", "default", "p", grace_seconds=1)  # kubectl delete --now
        await until(lambda: cluster.store.find("pods", "default", "p") is None, seconds=8)


async def test_a_pod_deleted_by_force_leaves_no_process(tmp_path: Path) -> None:
    async with machinery(tmp_path) as cluster:
        cluster.create("pods", a_pod())
        await until(lambda: ready(cluster))
        pid = cluster.running.kubelet.process_of(cluster.pod(), "server")
        cluster.store.delete("pods", "default", "p", grace_seconds=0)
        assert cluster.store.find("pods", "default", "p") is None
        await until(lambda: not psutil.pid_exists(pid or 0))


async def test_after_a_restart_of_the_cluster_pods_come_back_as_after_a_reboot(tmp_path: Path) -> None:
    async with machinery(tmp_path) as cluster:
        cluster.create("pods", a_pod())
        await until(lambda: ready(cluster))
        store, pid = cluster.store, cluster.running.kubelet.process_of(cluster.pod(), "server")
        before = cluster.pod()["status"]["podIP"]
        began = time.monotonic()
    assert time.monotonic() - began < 5
    assert not psutil.pid_exists(pid or 0)
    async with machinery(tmp_path, store=store) as cluster:
        await until(lambda: cluster.container()["restartCount"] == 1 and ready(cluster))
        last = cluster.container()["lastState"]["terminated"]
        assert (last["exitCode"], last["reason"]) == (255, "Unknown")
        assert cluster.pod()["status"]["podIP"] == before
        assert "serving" in await cluster.log(previous=True)


async def test_processes_die_with_a_cluster_that_is_killed(tmp_path: Path) -> None:
    script = (
        "import asyncio, pathlib, sys\n"
        "from tests.k8s.local.kit import *\n"
        "async def main():\n"
        "    async with machinery(pathlib.Path(sys.argv[1])) as cluster:\n"
        "        cluster.create('pods', a_pod())\n"
        "        pid = await until(lambda: cluster.container().get('ready')\n"
        "            and cluster.running.kubelet.process_of(cluster.pod(), 'server'))\n"
        "        print(pid, flush=True)\n"
        "        await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, str(tmp_path), stdout=asyncio.subprocess.PIPE, cwd=Path.cwd()
    )
    assert process.stdout is not None
    pid = int(await asyncio.wait_for(process.stdout.readline(), 20))
    assert psutil.pid_exists(pid)
    process.send_signal(signal.SIGKILL)
    await process.wait()
    if sys.platform == "linux":
        await until(lambda: not psutil.pid_exists(pid))
    async with machinery(tmp_path):  # and what would be left is ended by the next one
        assert not psutil.pid_exists(pid)


async def test_only_processes_that_are_really_ours_are_ended_as_leftovers(tmp_path: Path) -> None:
    ours = await asyncio.create_subprocess_exec("sleep", "60", start_new_session=True)
    other = await asyncio.create_subprocess_exec("sleep", "60", start_new_session=True)
    try:
        ledger = ProcessLedger(tmp_path / "processes")
        ledger.add(ours.pid)
        # The number was reused by a process that began at another time.
        (tmp_path / "processes" / str(other.pid)).write_text("1.0")
        assert ledger.end_leftovers() == 1
        assert await ours.wait() == -signal.SIGKILL
        assert other.returncode is None
    finally:
        other.kill()
        await other.wait()


def test_crash_pauses_are_those_of_a_real_kubelet() -> None:
    pauses = [Timing().crash_delay(crashes) for crashes in range(8)]
    assert pauses == [0, 10, 20, 40, 80, 160, 300, 300]
    assert FAST.crash_delay(1) == 0.1
