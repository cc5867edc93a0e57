"""Models as plain arithmetic on the numbers in ``coefficients.json``."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

Row = dict[str, float]


class BadInput(Exception):
    """The request does not fit the model; the text is meant for the caller."""


@dataclass(frozen=True)
class Tensor:
    """One Open Inference Protocol tensor: flat row-major data of ``shape``."""

    name: str
    datatype: str
    shape: list[int]
    data: list[Any]

    def as_json(self) -> dict[str, Any]:
        return {"name": self.name, "datatype": self.datatype, "shape": self.shape, "data": self.data}


class Predictor(Protocol):
    """What the server needs of a model."""

    def predict(self, instances: list[Any]) -> list[Any]:
        """One prediction for each instance, in order. Raises BadInput."""

    def instances_from(self, tensor: Tensor) -> list[Any]:
        """The instances inside an Open Inference Protocol input. Raises BadInput."""

    def tensors(self, predictions: list[Any]) -> list[Tensor]:
        """Predictions as Open Inference Protocol outputs."""

    def metadata(self) -> dict[str, Any]:
        """``inputs`` and ``outputs`` of the Open Inference Protocol."""


class Tabular:
    """Reads rows given as lists (in feature order) or as objects (by feature name)."""

    def __init__(self, spec: dict[str, Any]) -> None:
        self.features: list[str] = spec["features"]
        self.defaults: dict[str, float] = spec.get("defaults", {})
        self.required = [name for name in self.features if name not in self.defaults]

    def row(self, instance: Any, index: int) -> list[float]:
        """The instance as numbers in feature order, with defaults filled in."""
        if isinstance(instance, dict):
            values = self._by_name(instance, index)
        elif isinstance(instance, list):
            values = self._by_place(instance, index)
        else:
            raise BadInput(
                f"instances[{index}]: expected a list of numbers or an object, got {_kind(instance)}"
            )
        return [self._number(value, index, name) for name, value in zip(self.features, values, strict=True)]

    def _by_name(self, instance: dict[str, Any], index: int) -> list[Any]:
        if unknown := sorted(set(instance) - set(self.features)):
            raise BadInput(
                f"instances[{index}]: unknown features {unknown}; this model knows {self.features}"
            )
        if missing := [name for name in self.required if name not in instance]:
            raise BadInput(f"instances[{index}]: missing features {missing}")
        return [instance[name] if name in instance else self.defaults[name] for name in self.features]

    def _by_place(self, instance: list[Any], index: int) -> list[Any]:
        least, most = len(self.required), len(self.features)
        if not least <= len(instance) <= most:
            wanted = str(most) if least == most else f"{least} to {most}"
            raise BadInput(
                f"instances[{index}]: expected {wanted} numbers in the order {self.features}, "
                f"got {len(instance)}"
            )
        return instance + [self.defaults[name] for name in self.features[len(instance) :]]

    def _number(self, value: Any, index: int, name: str) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise BadInput(f"instances[{index}].{name}: expected a finite number, got {_kind(value)}")
        return float(value)

    def instances_from(self, tensor: Tensor) -> list[Any]:
        width = tensor.shape[-1] if len(tensor.shape) == 2 else 0
        if not len(self.required) <= width <= len(self.features):
            raise BadInput(
                f"input {tensor.name!r}: expected shape [n, {len(self.features)}], got {tensor.shape}"
            )
        return [tensor.data[at : at + width] for at in range(0, len(tensor.data), width)]

    def input_metadata(self) -> list[dict[str, Any]]:
        return [{"name": "input", "datatype": "FP64", "shape": [-1, len(self.features)]}]


class Linear(Tabular):
    """Linear regression; with ``target: "log"`` the sum is the logarithm of the answer."""

    def __init__(self, spec: dict[str, Any]) -> None:
        super().__init__(spec)
        self.intercept: float = spec["intercept"]
        self.weights: list[float] = spec["weights"]
        self.log_features: set[str] = set(spec.get("log_features", []))
        self.log_target: bool = spec.get("target") == "log"
        self.output: str = spec["output"]

    def predict(self, instances: list[Any]) -> list[Any]:
        return [self._one(self.row(instance, index), index) for index, instance in enumerate(instances)]

    def _one(self, row: list[float], index: int) -> float:
        total = self.intercept
        for name, weight, value in zip(self.features, self.weights, row, strict=True):
            if name in self.log_features and value <= 0:
                raise BadInput(f"instances[{index}].{name}: must be greater than zero")
            total += weight * (math.log(value) if name in self.log_features else value)
        try:
            return round(math.exp(total) if self.log_target else total, 2)
        except OverflowError:
            raise BadInput(f"instances[{index}]: values far outside what this model was trained on") from None

    def tensors(self, predictions: list[Any]) -> list[Tensor]:
        return [Tensor(self.output, "FP64", [len(predictions)], predictions)]

    def metadata(self) -> dict[str, Any]:
        outputs = [{"name": self.output, "datatype": "FP64", "shape": [-1]}]
        return {"inputs": self.input_metadata(), "outputs": outputs}


class Softmax(Tabular):
    """Multinomial logistic regression: a label and the probability of each."""

    def __init__(self, spec: dict[str, Any]) -> None:
        super().__init__(spec)
        self.labels: list[str] = spec["labels"]
        self.intercepts: list[float] = spec["intercepts"]
        self.weights: list[list[float]] = spec["weights"]

    def predict(self, instances: list[Any]) -> list[Any]:
        return [self._one(self.row(instance, index)) for index, instance in enumerate(instances)]

    def _one(self, row: list[float]) -> dict[str, Any]:
        scores = [
            intercept + sum(weight * value for weight, value in zip(weights, row, strict=True))
            for intercept, weights in zip(self.intercepts, self.weights, strict=True)
        ]
        top = max(scores)
        powers = [math.exp(score - top) for score in scores]
        probabilities = [round(power / sum(powers), 6) for power in powers]
        best = max(range(len(scores)), key=scores.__getitem__)
        named = dict(zip(self.labels, probabilities, strict=True))
        return {"label": self.labels[best], "probabilities": named}

    def tensors(self, predictions: list[Any]) -> list[Tensor]:
        flat = [answer["probabilities"][label] for answer in predictions for label in self.labels]
        return [
            Tensor("label", "BYTES", [len(predictions)], [answer["label"] for answer in predictions]),
            Tensor("probabilities", "FP64", [len(predictions), len(self.labels)], flat),
        ]

    def metadata(self) -> dict[str, Any]:
        outputs = [
            {"name": "label", "datatype": "BYTES", "shape": [-1]},
            {"name": "probabilities", "datatype": "FP64", "shape": [-1, len(self.labels)]},
        ]
        return {"inputs": self.input_metadata(), "outputs": outputs}


class BagOfWords:
    """Logistic regression over words and pairs of words: is a text positive or negative?"""

    WORD = re.compile(r"[a-z']+")

    def __init__(self, spec: dict[str, Any]) -> None:
        self.intercept: float = spec["intercept"]
        self.weights: dict[str, float] = spec["weights"]

    def predict(self, instances: list[Any]) -> list[Any]:
        return [self._one(self._text(instance, index)) for index, instance in enumerate(instances)]

    def _text(self, instance: Any, index: int) -> str:
        text = instance.get("text") if isinstance(instance, dict) else instance
        if not isinstance(text, str):
            raise BadInput(f'instances[{index}]: expected a text or {{"text": "..."}}, got {_kind(text)}')
        return text

    def _one(self, text: str) -> dict[str, Any]:
        words = self.WORD.findall(text.lower())
        terms = set(words) | {f"{left} {right}" for left, right in pairwise(words)}
        score = self.intercept + sum(self.weights.get(term, 0.0) for term in sorted(terms))
        probability = 1.0 / (1.0 + math.exp(-score))
        label = "positive" if probability >= 0.5 else "negative"
        return {"label": label, "probability": round(probability, 6)}

    def instances_from(self, tensor: Tensor) -> list[Any]:
        return tensor.data

    def tensors(self, predictions: list[Any]) -> list[Tensor]:
        shape = [len(predictions)]
        return [
            Tensor("label", "BYTES", shape, [answer["label"] for answer in predictions]),
            Tensor("probability", "FP64", shape, [answer["probability"] for answer in predictions]),
        ]

    def metadata(self) -> dict[str, Any]:
        outputs = [
            {"name": "label", "datatype": "BYTES", "shape": [-1]},
            {"name": "probability", "datatype": "FP64", "shape": [-1]},
        ]
        return {"inputs": [{"name": "text", "datatype": "BYTES", "shape": [-1]}], "outputs": outputs}


def load(path: Path) -> Predictor:
    """The model stored at ``path``.

    Raises:
        OSError: the file cannot be read.
        ValueError, KeyError: the file is not a model of a known kind.
    """
    spec: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    kinds: dict[str, type[Linear | Softmax | BagOfWords]] = {
        "linear": Linear,
        "softmax": Softmax,
        "bag_of_words": BagOfWords,
    }
    return kinds[spec["kind"]](spec)


def _kind(value: Any) -> str:
    """A JSON word for what was sent."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    names = {str: "a text", int: "a number", float: "a number", list: "a list", dict: "an object"}
    return names.get(type(value), "something else")
