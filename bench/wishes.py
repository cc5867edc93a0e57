"""From the click to the cluster: how long until a scale is applied, and until its pods are ready.

On a whole running product with the local cluster. "Applied" is taken from the
operation's own steps: the worker writes that step when the cluster has answered.
"""

import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from bench.figures import spread
from tests.e2e.stack import Stack

ROUNDS = 60


def main() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(Path(folder) / "data").start()
        try:
            print(f"./dev up: ready after {stack.seconds_to_ready:.1f} s (installed, first data made)")
            measure(stack)
        finally:
            stack.stop()


def measure(stack: Stack) -> None:
    with stack.client() as api:
        path = "/teams/pricing/deployments/"
        created = api.post(
            path + "?wait=30", json={"name": "bench", "image": "local/house:1.0", "replicas": 1}
        )
        must_succeed(created.json()["operation"])
        answered, applied, settled = [], [], []
        for number in range(ROUNDS):
            began = time.perf_counter()
            answer = api.post(path + "bench/scale/", json={"replicas": 2 - number % 2})
            answered.append(time.perf_counter() - began)
            operation = answer.json()["operation"]
            while operation["state"] not in {"succeeded", "failed"}:
                operation = api.get(f"/operations/{operation['id']}/").json()
            must_succeed(operation)
            at = {step["name"]: datetime.fromisoformat(step["at"]) for step in operation["steps"]}
            applied.append((at["waiting"] - at["queued"]).total_seconds())
            settled.append((at["succeeded"] - at["queued"]).total_seconds())
    print(f"scale: answered    {spread(answered)}")
    print(f"scale: applied     {spread(applied)}")
    print(f"scale: pods settled {spread(settled)}")


def must_succeed(operation: dict[str, Any]) -> None:
    if operation["state"] != "succeeded":
        raise SystemExit(f"a wish did not succeed: {operation}")
