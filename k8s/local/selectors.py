"""Label selectors, as text and as objects, and field selectors."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from k8s.local import errors
from k8s.local.store import Object

Matcher = Callable[[Object], bool]

_TOKEN: Final = re.compile(r"\s*(?:(==|!=|=|!|,|\(|\)|>|<)|([^\s=!,()<>]+))")
_OPERATORS: Final = {"=", "==", "!=", "in", "notin", ">", "<"}


@dataclass(frozen=True)
class Requirement:
    """One condition on one label: operator is one of in, notin, exists, !, gt, lt."""

    key: str
    operator: str
    values: frozenset[str] = frozenset()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether the labels meet it; a label that is missing meets notin."""
        value = labels.get(self.key)
        match self.operator:
            case "in":
                return value is not None and value in self.values
            case "notin":
                return value is None or value not in self.values
            case "exists":
                return value is not None
            case "!":
                return value is None
        return value is not None and _compares(value, self.operator, next(iter(self.values)))


def _compares(value: str, operator: str, bound: str) -> bool:
    try:
        return int(value) > int(bound) if operator == "gt" else int(value) < int(bound)
    except ValueError:
        return False


def parse_labels(text: str) -> list[Requirement]:
    """A label selector as it stands in a URL, e.g. ``app=a,tier in (x,y),!old``.

    Raises:
        BadRequest: in the server's words.
    """
    tokens = _tokens(text)
    found: list[Requirement] = []
    if not tokens:
        return found
    at = 0
    while True:
        requirement, at = _requirement(tokens, at)
        found.append(requirement)
        if at >= len(tokens):
            return found
        if tokens[at] != ",":
            raise _unparsable(tokens[at], "',' or 'end of string'")
        at += 1
        if at >= len(tokens):
            raise _unparsable("", "identifier after ','")


def _tokens(text: str) -> list[str]:
    text = text.strip()
    found, at = [], 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise errors.BadRequest(f"unable to parse requirement: found '{text[at:]}', expected: identifier")
        found.append(match.group(1) or match.group(2))
        at = match.end()
    return found


def _unparsable(found: str, expected: str) -> errors.BadRequest:
    return errors.BadRequest(f"unable to parse requirement: found '{found}', expected: {expected}")


def _identifier(tokens: list[str], at: int) -> str:
    token = tokens[at] if at < len(tokens) else ""
    if not token or token in ("=", "==", "!=", "!", ",", "(", ")", ">", "<"):
        raise _unparsable(token, "identifier")
    return token


def _requirement(tokens: list[str], at: int) -> tuple[Requirement, int]:
    if tokens[at] == "!":
        return Requirement(_identifier(tokens, at + 1), "!"), at + 2
    key = _identifier(tokens, at)
    operator = tokens[at + 1] if at + 1 < len(tokens) else ","
    if operator == ",":
        return Requirement(key, "exists"), at + 1
    if operator not in _OPERATORS:
        raise _unparsable(operator, "in, notin, =, ==, !=, gt, lt")
    if operator in ("in", "notin"):
        values, end = _values(tokens, at + 2)
        return Requirement(key, operator, values), end
    value = tokens[at + 2] if at + 2 < len(tokens) else ","
    if value == ",":
        # An empty value: "app=".
        return Requirement(key, _plain(operator), frozenset([""])), at + 2
    return Requirement(key, _plain(operator), frozenset([_identifier(tokens, at + 2)])), at + 3


def _plain(operator: str) -> str:
    return {"!=": "notin", ">": "gt", "<": "lt"}.get(operator, "in")


def _values(tokens: list[str], at: int) -> tuple[frozenset[str], int]:
    if at >= len(tokens) or tokens[at] != "(":
        raise _unparsable(tokens[at] if at < len(tokens) else "", "'('")
    found: set[str] = set()
    at += 1
    while at < len(tokens) and tokens[at] != ")":
        if tokens[at] != ",":
            found.add(_identifier(tokens, at))
        at += 1
    if at >= len(tokens):
        raise _unparsable("", "',' or ')'")
    return frozenset(found or {""}), at + 1


def labels_matcher(text: str) -> Matcher:
    """Whether an object's labels meet a selector from a URL.

    Raises:
        BadRequest: the selector cannot be parsed.
    """
    requirements = parse_labels(text)

    def matches(obj: Object) -> bool:
        labels = obj["metadata"].get("labels") or {}
        return all(requirement.matches(labels) for requirement in requirements)

    return matches


_OBJECT_OPERATORS: Final = {"In": "in", "NotIn": "notin", "Exists": "exists", "DoesNotExist": "!"}


def selector_requirements(selector: Mapping[str, Any] | None) -> list[Requirement]:
    """A LabelSelector object (matchLabels, matchExpressions) as requirements; all of them must hold."""
    selector = selector or {}
    found = [
        Requirement(key, "in", frozenset([value])) for key, value in selector.get("matchLabels", {}).items()
    ]
    found.extend(
        Requirement(each["key"], _OBJECT_OPERATORS[each["operator"]], frozenset(each.get("values", ())))
        for each in selector.get("matchExpressions", ())
    )
    return found


def selector_matches(selector: Mapping[str, Any] | None, labels: Mapping[str, str] | None) -> bool:
    """Whether labels meet a LabelSelector object. An empty selector meets everything, None nothing."""
    if selector is None:
        return False
    return all(requirement.matches(labels or {}) for requirement in selector_requirements(selector))


def selector_text(selector: Mapping[str, Any] | None) -> str:
    """A LabelSelector object as text, as ``scale`` and tables show it."""
    parts = []
    for each in selector_requirements(selector):
        values = ",".join(sorted(each.values))
        if each.operator == "in" and len(each.values) == 1:
            parts.append(f"{each.key}={values}")
        elif each.operator in ("in", "notin"):
            parts.append(f"{each.key} {each.operator} ({values})")
        else:
            parts.append(f"!{each.key}" if each.operator == "!" else each.key)
    return ",".join(parts)


# Fields

_COMMON_FIELDS: Final = ("metadata.name", "metadata.namespace")
_FIELDS: Final[dict[str, tuple[str, ...]]] = {
    "pods": (
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.schedulerName",
        "spec.serviceAccountName",
        "spec.hostNetwork",
        "status.phase",
        "status.podIP",
        "status.nominatedNodeName",
    ),
    "events": (
        "involvedObject.kind",
        "involvedObject.namespace",
        "involvedObject.name",
        "involvedObject.uid",
        "involvedObject.apiVersion",
        "involvedObject.resourceVersion",
        "involvedObject.fieldPath",
        "reason",
        "reportingComponent",
        "source",
        "type",
    ),
    "nodes": ("spec.unschedulable",),
    "namespaces": ("status.phase",),
    "secrets": ("type",),
    "replicasets.apps": ("status.replicas",),
    "jobs.batch": ("status.successful",),
    "services": ("spec.clusterIP", "spec.type"),
}
_ZERO: Final = {"spec.unschedulable": "false", "spec.hostNetwork": "false", "status.replicas": "0"}


def fields_matcher(kind: str, text: str) -> Matcher:
    """Whether an object's fields meet a field selector, e.g. ``status.phase=Running,spec.nodeName!=n1``.

    Raises:
        BadRequest: a field that this kind cannot be selected by, or text that is no selector.
    """
    conditions: list[tuple[str, bool, str]] = []
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        found = re.fullmatch(r"([^=!]+)(==|!=|=)(.*)", part)
        if found is None:
            raise errors.BadRequest(f"invalid selector: '{part}'; can't understand '{part}'")
        field, operator, value = found.groups()
        if field not in _COMMON_FIELDS and field not in _FIELDS.get(kind, ()):
            raise errors.BadRequest(f"field label not supported: {field}")
        conditions.append((field, operator != "!=", value))

    def matches(obj: Object) -> bool:
        return all((_field(obj, field) == value) is wanted for field, wanted, value in conditions)

    return matches


def _field(obj: Object, path: str) -> str:
    if path == "source":
        return str(obj.get("source", {}).get("component") or obj.get("reportingComponent", ""))
    value: Any = obj
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    if value is None:
        return _ZERO.get(path, "")
    return str(value).lower() if isinstance(value, bool) else str(value)
