"""Requests to answers: the ``:predict`` form and the Open Inference Protocol (v2)."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from .predictors import BadInput, Predictor, Tensor

MAX_INSTANCES = 1000
V1 = re.compile(r"/v1/models/(?P<name>[^/:]+)(?P<verb>:predict)?")
V2 = re.compile(r"/v2/models/(?P<name>[^/]+)(/versions/(?P<version>[^/]+))?(?P<verb>/infer|/ready)?")


@dataclass(frozen=True)
class Answer:
    """An HTTP status and a JSON body."""

    status: int
    body: dict[str, Any]


class Service:
    """One model under one name."""

    def __init__(self, predictor: Predictor, *, name: str, version: str) -> None:
        self.predictor = predictor
        self.name = name
        self.version = version

    def answer(self, method: str, path: str, body: bytes) -> Answer:
        """The answer to one request; never raises for what a caller can send."""
        try:
            return self._route(method, path, body)
        except BadInput as problem:
            return Answer(400, {"error": str(problem)})

    def _route(self, method: str, path: str, body: bytes) -> Answer:
        plain: dict[str, dict[str, Any]] = {
            "/healthz": {"status": "ok"},
            "/v2/health/live": {"live": True},
            "/v2/health/ready": {"ready": True},
            "/v2": {"name": "model_server", "version": "1.0", "extensions": []},
            "/": {"model": self.name, "version": self.version},
        }
        if path in plain:
            return Answer(200, plain[path]) if method == "GET" else _wrong_method("GET")
        if match := V1.fullmatch(path):
            return self._v1(method, match, body)
        if match := V2.fullmatch(path):
            return self._v2(method, match, body)
        return Answer(404, {"error": f"no such path: {path}"})

    def _v1(self, method: str, match: re.Match[str], body: bytes) -> Answer:
        if match["name"] != self.name:
            return self._unknown_model(match["name"])
        if not match["verb"]:
            state = {"version": self.version, "state": "AVAILABLE"}
            return Answer(200, {"model_version_status": [state]}) if method == "GET" else _wrong_method("GET")
        if method != "POST":
            return _wrong_method("POST")
        instances = _instances(_json_object(body).get("instances"), "instances")
        return Answer(200, {"predictions": self.predictor.predict(instances)})

    def _v2(self, method: str, match: re.Match[str], body: bytes) -> Answer:
        if match["name"] != self.name or match["version"] not in (None, self.version):
            return self._unknown_model(match["name"])
        if match["verb"] == "/infer":
            return self._infer(_json_object(body)) if method == "POST" else _wrong_method("POST")
        if method != "GET":
            return _wrong_method("GET")
        if match["verb"] == "/ready":
            return Answer(200, {"name": self.name, "ready": True})
        described = {"name": self.name, "versions": [self.version], "platform": "timoneiro_json"}
        return Answer(200, described | self.predictor.metadata())

    def _infer(self, request: dict[str, Any]) -> Answer:
        inputs = request.get("inputs")
        if not isinstance(inputs, list) or len(inputs) != 1 or not isinstance(inputs[0], dict):
            raise BadInput("inputs: expected a list of exactly one tensor")
        instances = _instances(self.predictor.instances_from(_tensor(inputs[0])), "inputs[0].data")
        outputs = [tensor.as_json() for tensor in self.predictor.tensors(self.predictor.predict(instances))]
        answer = {"model_name": self.name, "model_version": self.version, "outputs": outputs}
        return Answer(200, ({"id": request["id"]} if "id" in request else {}) | answer)

    def _unknown_model(self, name: str) -> Answer:
        return Answer(
            404, {"error": f"model {name!r} is not served here; this is {self.name!r} {self.version}"}
        )


def _wrong_method(allowed: str) -> Answer:
    return Answer(405, {"error": f"use {allowed}"})


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as problem:
        raise BadInput(f"the body is not JSON: {problem}") from problem
    if not isinstance(value, dict):
        raise BadInput("the body must be a JSON object")
    return value


def _instances(value: Any, field: str) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise BadInput(f"{field}: expected a list of at least one instance")
    if len(value) > MAX_INSTANCES:
        raise BadInput(f"{field}: at most {MAX_INSTANCES} instances in one request")
    return value


def _tensor(value: dict[str, Any]) -> Tensor:
    data, shape = value.get("data"), value.get("shape")
    if not isinstance(data, list):
        raise BadInput("inputs[0].data: expected a list")
    if data and isinstance(data[0], list):  # the protocol allows nested rows as well as a flat list
        shape = shape or [len(data), len(data[0])]
        data = [number for row in data for number in (row if isinstance(row, list) else [row])]
    if not isinstance(shape, list) or not all(isinstance(size, int) and size >= 0 for size in shape):
        raise BadInput("inputs[0].shape: expected a list of whole numbers")
    expected = 1
    for size in shape:
        expected *= size
    if expected != len(data):
        raise BadInput(f"inputs[0]: shape {shape} needs {expected} values, got {len(data)}")
    return Tensor(str(value.get("name", "input")), str(value.get("datatype", "FP64")), shape, data)
