"""Make schemas.json from the schemas that the package ``kubernetes-validate`` ships. Run by hand.

    python -m k8s.local.openapi.build PATH/TO/v1.36.0-local/_definitions.json

Only the definitions that our kinds reach are kept, without the list kinds' noise.
See NOTICE.md for source and licence.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from k8s.local.kinds import KINDS

PREFIX = "#/$defs/"
TARGET = Path(__file__).with_name("schemas.json")
EXTRA = {
    ("authorization.k8s.io", "v1", "SelfSubjectAccessReview"),
    ("authorization.k8s.io", "v1", "SelfSubjectRulesReview"),
    ("autoscaling", "v1", "Scale"),
    ("policy", "v1", "Eviction"),
    ("", "v1", "Binding"),
    ("", "v1", "DeleteOptions"),
}
NUMBER_OR_STRING = {
    "io.k8s.apimachinery.pkg.api.resource.Quantity": {
        "description": "Quantity is a fixed-point representation of a number, e.g. 250m, 1.5 or 64Mi.",
        "oneOf": [{"type": "string"}, {"type": "number"}],
    },
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": {
        "description": "IntOrString is a type that can hold an int32 or a string.",
        "format": "int-or-string",
        "oneOf": [{"type": "integer"}, {"type": "string"}],
    },
}


def openapi(value: Any) -> Any:
    """A JSON schema with nullable types and $defs as OpenAPI v3 writes it."""
    if isinstance(value, list):
        return [openapi(item) for item in value]
    if not isinstance(value, dict):
        return value
    kept: dict[str, Any] = {}
    for key, item in value.items():
        if key in ("$schema", "additionalProperties") and not isinstance(item, dict):
            continue
        if key == "type" and isinstance(item, list):
            kept[key] = next(name for name in item if name != "null")
        elif key == "$ref" and isinstance(item, str):
            kept[key] = "#/components/schemas/" + item.removeprefix(PREFIX)
        else:
            kept[key] = openapi(item)
    return kept


def references(value: Any) -> set[str]:
    """Names of the definitions that a schema refers to."""
    if isinstance(value, list):
        return set().union(*(references(item) for item in value))
    if not isinstance(value, dict):
        return set()
    found = set().union(*(references(item) for item in value.values()))
    target = value.get("$ref")
    return found | {target.removeprefix(PREFIX)} if isinstance(target, str) else found


def wanted(definitions: dict[str, Any]) -> set[str]:
    """Names of the definitions that our kinds reach."""
    ours = {(kind.group, kind.version, kind.kind) for kind in KINDS} | EXTRA
    ours |= {(kind.group, kind.version, f"{kind.kind}List") for kind in KINDS}
    roots = [
        name
        for name, schema in definitions.items()
        for gvk in schema.get("x-kubernetes-group-version-kind", [])
        if (gvk["group"], gvk["version"], gvk["kind"]) in ours
    ]
    seen: set[str] = set()
    while roots:
        name = roots.pop()
        if name not in seen:
            seen.add(name)
            roots.extend(references(definitions[name]))
    return seen


def main() -> None:
    """Write schemas.json beside this file."""
    definitions = json.loads(Path(sys.argv[1]).read_text())["$defs"]
    schemas = {name: openapi(definitions[name]) for name in sorted(wanted(definitions))}
    schemas.update({name: schema for name, schema in NUMBER_OR_STRING.items() if name in schemas})
    for schema in schemas.values():
        # DeleteOptions and the like are registered in every group: keep one.
        kinds = schema.get("x-kubernetes-group-version-kind", [])
        schema.pop("x-kubernetes-group-version-kind", None)
        if kinds:
            schema["x-kubernetes-group-version-kind"] = kinds[:1]
    TARGET.write_text(json.dumps(schemas, indent=0, ensure_ascii=False, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
