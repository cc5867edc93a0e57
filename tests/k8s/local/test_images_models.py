"""The shipped images, each served as the kubelet would: answers, complaints, and a stop that drops nobody."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from k8s.local.kubelet.images import SHIPPED, ImageNotFound, ImageStore, InvalidImageName

HOUSE = {"lotsize": 5850, "bedrooms": 3, "bathrooms": 1, "stories": 2}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def served(
    reference: str, folder: Path, **environment: str
) -> Iterator[tuple[httpx.Client, subprocess.Popen[str]]]:
    """A client of the running image, and its process."""
    image = ImageStore().pull(reference)
    image.unpack(folder / "image")
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, *image.command[1:]],
        cwd=folder,
        env={
            **image.environment,
            "PYTHONPATH": str(folder / "image"),
            "PORT": str(port),
            "LOCAL_CLUSTER_POD_IP": "127.0.0.1",
            **environment,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10) as client:
            wait_for(client, process)
            yield client, process
    finally:
        process.kill()
        process.communicate()


def wait_for(client: httpx.Client, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 15
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(httpx.TransportError):
            client.get("/healthz")
            return
        threading.Event().wait(0.05)
    raise AssertionError(process.stdout.read() if process.stdout else "")


def predict(client: httpx.Client, name: str, instances: list[Any]) -> list[Any]:
    answer = client.post(f"/v1/models/{name}:predict", json={"instances": instances})
    assert answer.status_code == 200, answer.text
    predictions: list[Any] = answer.json()["predictions"]
    return predictions


def test_house_values_a_bigger_lot_more_and_says_so_in_both_protocols(tmp_path: Path) -> None:
    with served("local/house:1.0", tmp_path) as (client, _):
        small, big = predict(client, "house", [HOUSE, HOUSE | {"lotsize": 12000}])
        assert 40_000 < small < big < 190_000
        tensor = {"name": "input", "datatype": "FP64", "shape": [1, 4], "data": [5850, 3, 1, 2]}
        answer = client.post("/v2/models/house/infer", json={"id": "7", "inputs": [tensor]}).json()
        assert answer["id"] == "7"
        assert answer["outputs"] == [{"name": "price", "datatype": "FP64", "shape": [1], "data": [small]}]
        assert client.get("/v2/models/house").json()["inputs"][0]["shape"] == [-1, 4]
        assert client.get("/v2/health/ready").json() == {"ready": True}
        assert client.get("/v2/models/house/ready").status_code == 200


def test_house_2_takes_a_request_meant_for_house_1_and_knows_more_features(tmp_path: Path) -> None:
    with served("local/house:2.0", tmp_path) as (client, _):
        plain, cooled = predict(client, "house", [HOUSE, HOUSE | {"aircon": 1}])
        assert 30_000 < plain < cooled < 190_000


def test_iris_tells_three_species_apart(tmp_path: Path) -> None:
    with served("local/iris:1.0", tmp_path) as (client, _):
        flowers = [[5.1, 3.5, 1.4, 0.2], [5.9, 2.8, 4.3, 1.3], [6.7, 3.0, 5.8, 2.3]]
        found = predict(client, "iris", flowers)
        assert [answer["label"] for answer in found] == ["setosa", "versicolor", "virginica"]
        assert all(abs(sum(answer["probabilities"].values()) - 1) < 1e-4 for answer in found)


def test_sentiment_knows_praise_from_complaint(tmp_path: Path) -> None:
    with served("local/sentiment:1.0", tmp_path) as (client, _):
        texts = ["I love this, it works perfectly", "A dull film and a waste of money"]
        found = predict(client, "sentiment", texts)
        assert [answer["label"] for answer in found] == ["positive", "negative"]
        tensor = {"name": "text", "datatype": "BYTES", "shape": [1], "data": texts[:1]}
        answer = client.post("/v2/models/sentiment/infer", json={"inputs": [tensor]}).json()
        assert answer["outputs"][0]["data"] == ["positive"]


def test_what_is_wrong_with_a_request_is_said_in_json(tmp_path: Path) -> None:
    with served("local/house:1.0", tmp_path) as (client, _):
        where = "/v1/models/house:predict"
        wrong = {
            b"{": "not JSON",
            b"[]": "must be a JSON object",
            b"{}": "instances",
            b'{"instances": []}': "at least one",
            b'{"instances": [[1, 2]]}': "expected 4 numbers",
            b'{"instances": [{"lotsize": 1}]}': "missing features",
            b'{"instances": [{"rooms": 1}]}': "unknown features",
            b'{"instances": [["a", 1, 1, 1]]}': "finite number",
            b'{"instances": [[NaN, 1, 1, 1]]}': "finite number",
        }
        for body, told in wrong.items():
            answer = client.post(where, content=body)
            assert answer.status_code == 400
            assert told in answer.json()["error"], body
        assert client.get(where).status_code == 405
        assert client.get("/nowhere").status_code == 404
        assert client.post("/v1/models/other:predict", json={}).status_code == 404
        assert client.get("/healthz").json() == {"status": "ok"}  # and the connection still works


def test_sigterm_finishes_requests_that_have_begun_and_exits_with_zero(tmp_path: Path) -> None:
    with served("local/house:1.0", tmp_path) as (client, process):
        body = json.dumps({"instances": [HOUSE]}).encode()
        with socket.create_connection(("127.0.0.1", client.base_url.port or 0)) as begun:
            head = f"POST /v1/models/house:predict HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
            begun.sendall(head.encode())
            process.send_signal(signal.SIGTERM)
            threading.Event().wait(0.2)
            begun.sendall(body)
            answer = begun.recv(4096)
        assert answer.startswith(b"HTTP/1.1 200")
        assert b"Connection: close" in answer
        assert process.wait(10) == 0


def test_crash_logs_a_traceback_about_its_missing_model_and_exits_with_one(tmp_path: Path) -> None:
    image = ImageStore().pull("local/crash:1.0")
    image.unpack(tmp_path / "image")
    done = subprocess.run(
        [sys.executable, *image.command[1:]],
        env={**image.environment, "PYTHONPATH": str(tmp_path / "image"), "PATH": os.defpath},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "coefficients.json" in done.stderr


def test_slow_start_listens_only_after_its_delay(tmp_path: Path) -> None:
    began = time.monotonic()
    with served("local/slow-start:1.0", tmp_path, START_DELAY_SECONDS="1.5") as (client, _):
        assert time.monotonic() - began >= 1.5
        assert predict(client, "house", [HOUSE])


def test_every_image_has_a_manifest_with_a_sample_that_works_and_a_notice() -> None:
    for manifest in SHIPPED.glob("*/*/image.json"):
        stored = json.loads(manifest.read_text())
        assert stored["name"] == f"local/{manifest.parent.parent.name}"
        assert stored["tag"] == manifest.parent.name
        assert (manifest.parent / "NOTICE.md").exists()
        assert sum(path.stat().st_size for path in manifest.parent.rglob("*") if path.is_file()) < 20e6


@pytest.mark.parametrize("name", ["Example.local/UPPER:1", "a b", "", "local/house:", "local//house"])
def test_a_text_that_is_no_image_name_is_refused_as_such(name: str) -> None:
    with pytest.raises(InvalidImageName):
        ImageStore().pull(name)


@pytest.mark.parametrize(
    "name", ["local/house:9.9", "local/house", "example.local:5000/a/b@sha256:" + "0" * 64]
)
def test_an_image_that_is_not_shipped_is_not_found_and_the_shipped_ones_are_listed(name: str) -> None:
    with pytest.raises(ImageNotFound, match=r"runs only the images it ships: .*local/house:1\.0"):
        ImageStore().pull(name)
