"""Pages and streams are served from what was seen: a viewer costs the cluster no request."""

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor

import httpx
import psutil

from tests.e2e.stack import Stack, deployment_of, until

STREAMS = 100


def requests_answered(stack: Stack) -> int:
    """How many requests the cluster's API server has begun, by its own counter."""
    counted = stack.kubectl("get", "--raw", "/metrics").stdout
    return sum(
        int(float(n)) for n in re.findall(r"^apiserver_request_total\{[^}]*\} (\S+)$", counted, re.MULTILINE)
    )


async def open_streams(stack: Stack, token: str, opened: asyncio.Event, close: asyncio.Event) -> None:
    async with httpx.AsyncClient(
        headers={"Authorization": f"Bearer {token}"},
        limits=httpx.Limits(max_connections=STREAMS + 10),
        timeout=httpx.Timeout(20, pool=20),
        trust_env=False,
    ) as client:
        count = 0

        async def one() -> None:
            nonlocal count
            async with client.stream("GET", f"{stack.url}/api/v1/watch/") as answer:
                assert answer.status_code == 200
                count += 1
                if count == STREAMS:
                    opened.set()
                async for _ in answer.aiter_raw():
                    if close.is_set():
                        return

        streams = [asyncio.create_task(one()) for _ in range(STREAMS)]
        await close.wait()
        for stream in streams:
            stream.cancel()
        await asyncio.gather(*streams, return_exceptions=True)


def test_a_hundred_open_streams_cost_the_cluster_no_request(stack: Stack) -> None:
    token = stack.token("viewer", "read")

    async def watched() -> tuple[int, int]:
        opened, close = asyncio.Event(), asyncio.Event()
        before = await asyncio.to_thread(requests_in_ten_seconds, stack)
        streams = asyncio.create_task(open_streams(stack, token, opened, close))
        await asyncio.wait_for(opened.wait(), 20)
        during = await asyncio.to_thread(requests_in_ten_seconds, stack)
        close.set()
        await streams
        return before, during

    # In a thread: the browser of other tests keeps a loop running in this one.
    with ThreadPoolExecutor(1) as thread:
        before, during = thread.submit(asyncio.run, watched()).result()
    # The observer's watches are renewed now and then, and what tests before left is put away, viewers or not.
    assert during <= before + STREAMS // 5


def requests_in_ten_seconds(stack: Stack) -> int:
    began = requests_answered(stack)
    asyncio.run(asyncio.sleep(10))
    return requests_answered(stack) - began - 1  # the second look is a request too


def test_the_web_process_has_no_way_to_the_cluster(stack: Stack, client: httpx.Client, name: str) -> None:
    web = psutil.Process(stack.pid_of("web"))
    environment = web.environ()
    assert not {"ENCRYPTION_KEY", "KUBECONFIG", "KUBECONFIG_PATH", "KUBE_CONTEXT"} & {
        key for key, value in environment.items() if value
    }
    client.post("/teams/pricing/deployments/?wait=40", json={"name": name, "image": "local/iris:1.0"})
    httpx.get(f"{stack.url}/sign-in/", trust_env=False)
    cluster_port = int(
        re.search(
            r":(\d+)$", stack.kubectl("config", "view", "-o", "jsonpath={.clusters[0].cluster.server}").stdout
        )[1]  # type: ignore[index]
    )
    assert cluster_port not in {c.raddr.port for c in web.net_connections() if c.raddr}
    until("it runs", lambda: deployment_of(client, name)["status"]["state"] == "running")
    client.delete(f"/teams/pricing/deployments/{name}/?wait=50")
