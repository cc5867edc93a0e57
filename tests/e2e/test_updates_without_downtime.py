"""A client that never stops asking while version 2.0 replaces 1.0."""

import threading
import time

import httpx

from tests.e2e.stack import Stack, deployment_of, free_node_port, until


class Caller(threading.Thread):
    """Sends `per_second` requests a second, each on a connection of its own, and counts what came back."""

    def __init__(self, url: str, body: object, *, per_second: int) -> None:
        super().__init__(daemon=True)
        self.url, self.body, self.interval = url, body, 1 / per_second
        self.sent = 0
        self.failures: list[str] = []
        self.answers: set[str] = set()
        self.enough = threading.Event()

    def run(self) -> None:
        # One client for all: a new one for each request reads the certificates of the whole
        # world each time, and takes a processor to itself.
        no_connection_kept = httpx.Limits(max_keepalive_connections=0)
        with httpx.Client(timeout=10, trust_env=False, limits=no_connection_kept) as client:
            due = time.monotonic()
            while not self.enough.wait(max(0.0, due - time.monotonic())):
                due += self.interval
                self.sent += 1
                self._call(client)

    def _call(self, client: httpx.Client) -> None:
        try:
            answer = client.post(self.url, json=self.body)
        except httpx.HTTPError as error:
            self.failures.append(repr(error))
            return
        if answer.status_code != 200:
            self.failures.append(f"{answer.status_code} {answer.text[:200]}")
        self.answers.add(answer.text)


def test_rolling_out_another_version_fails_no_request(stack: Stack, client: httpx.Client, name: str) -> None:
    versions = client.get("/teams/pricing/models/house/versions/").json()["results"]
    sample = next(v for v in versions if v["version"] == "1.0")["sample_request"]
    node_port = free_node_port()
    created = client.post(
        "/teams/pricing/deployments/?wait=40",
        json={
            "name": name,
            "model": "house",
            "version": "1.0",
            "replicas": 2,
            "service": {"type": "NodePort", "port": 5001, "node_port": node_port},
        },
    )
    assert created.json()["operation"]["state"] == "succeeded", created.text
    endpoint = deployment_of(client, name)["endpoint"]
    assert endpoint == f"http://127.0.0.1:{node_port}"

    caller = Caller(endpoint + sample["path"], sample["body"], per_second=50)
    caller.start()
    until("requests flow", lambda: caller.sent > 50)
    changed = client.patch(f"/teams/pricing/deployments/{name}/?wait=60", json={"version": "2.0"})
    assert changed.json()["operation"]["state"] == "succeeded", changed.text
    after = caller.sent
    until(
        "the old pods have gone",
        lambda: len(client.get(f"/teams/pricing/deployments/{name}/pods/").json()["results"]) == 2,
    )
    until("requests reached the new version for a while", lambda: caller.sent > after + 50)
    caller.enough.set()
    caller.join(timeout=15)

    assert caller.failures == []
    assert len(caller.answers) == 2  # one price by 1.0, another by 2.0
    assert client.delete(f"/teams/pricing/deployments/{name}/?wait=50").status_code == 202
