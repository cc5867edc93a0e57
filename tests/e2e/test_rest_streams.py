"""Server-sent events of a running product: log lines as they are written, names as things change."""

import json
import time
from collections.abc import Iterator

import httpx
import pytest


@pytest.fixture
def house(client: httpx.Client, name: str) -> Iterator[str]:
    """The address of a deployment of the house model that serves."""
    body = {"name": name, "model": "house", "version": "1.0"}
    made = client.post("/teams/pricing/deployments/?wait=30", json=body)
    assert made.json()["operation"]["state"] == "succeeded", made.text
    address = f"/teams/pricing/deployments/{name}/"
    yield address
    assert client.delete(address + "?wait=30").json()["operation"]["state"] == "succeeded"


def events(answer: httpx.Response) -> Iterator[tuple[str, dict[str, str]]]:
    assert answer.status_code == 200
    name = ""
    for line in answer.iter_lines():
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield name, json.loads(line.removeprefix("data: "))


@pytest.mark.alone
def test_followed_logs_show_a_request_within_seconds(client: httpx.Client, house: str) -> None:
    with client.stream("GET", house + "logs/?follow=true&tail=1", timeout=15) as answer:
        stream = events(answer)
        assert next(stream)[0] == "hello"
        next(line for _, line in stream if "serving" in line["text"])
        asked = time.monotonic()
        assert client.post(house + "predict/", json={}).json()["status"] == 200
        line = next(line for _, line in stream if ":predict" in line["text"])
        assert line["pod"].startswith(house.split("/")[4])
        assert time.monotonic() - asked < 3


def test_watch_names_what_changed(client: httpx.Client, house: str) -> None:
    with client.stream("GET", "/watch/", timeout=15) as answer:
        stream = events(answer)
        assert next(stream)[0] == "hello"
        operation = client.post(house + "scale/", json={"replicas": 2}).json()["operation"]["id"]
        named = next(data for name, data in stream if name == "change" and data["operation"] == operation)
        assert named == {"team": "pricing", "deployment": house.split("/")[4], "operation": operation}
