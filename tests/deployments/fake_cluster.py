# ruff: noqa: ARG002  the Protocol decides the arguments
"""A cluster of our own Protocol, in memory: keeps objects, counts requests, fails as it is told."""

import copy
from collections.abc import Callable, Iterator
from typing import Any

from k8s.cluster import FIELD_MANAGER, Applied, LogQuery, Manifest, Permission, ProxyResponse, Ref
from k8s.errors import ClusterError, NotFound

Key = tuple[str, str, str]


class FakeCluster:
    """Objects by (kind, namespace, name); `failures` are raised by the next applies, first come first."""

    def __init__(self) -> None:
        self.objects: dict[Key, Manifest] = {}
        self.failures: list[ClusterError] = []
        self.applied: list[str] = []
        self.deleted: list[str] = []
        self.before_apply: Callable[[Manifest], None] = lambda _manifest: None
        self.namespaces_must_exist = False

    def __call__(self, _row: object) -> "FakeCluster":
        """As the `connect` of a reconcile."""
        return self

    def version(self) -> str:
        return "v1.36.2"

    def can_i(self, permission: Permission) -> bool:
        return True

    def apply(
        self,
        manifest: Manifest,
        *,
        force: bool = True,
        dry_run: bool = False,
        field_manager: str = FIELD_MANAGER,
    ) -> Applied:
        self.before_apply(manifest)
        if self.failures:
            raise self.failures.pop(0)
        meta = manifest["metadata"]
        space = meta.get("namespace", "")
        if self.namespaces_must_exist and space and ("Namespace", "", space) not in self.objects:
            raise NotFound(f'namespaces "{space}" not found', status=404, reason="NotFound")
        self.applied.append(f"{manifest['kind']}/{meta['name']}")
        key = (manifest["kind"], space, meta["name"])
        stored = copy.deepcopy(manifest)
        old = self.objects.get(key)
        if old is not None and manifest["kind"] == "Deployment":
            # A count that somebody else owns stays, and so does all that only one of them sends.
            stored = {**copy.deepcopy(old), **stored, "spec": {**old["spec"], **stored["spec"]}}
        changed = old is None or old.get("spec") != self._with_port(stored).get("spec")
        generation = (old["metadata"]["generation"] if old else 0) + changed
        stored["metadata"]["generation"] = generation
        self.objects[key] = self._with_port(stored)
        return Applied(copy.deepcopy(self.objects[key]))

    def _with_port(self, manifest: Manifest) -> Manifest:
        spec: dict[str, Any] = manifest.get("spec", {})
        if manifest["kind"] == "Service" and spec.get("type") == "NodePort":
            spec["ports"][0].setdefault("nodePort", 30123)
        return manifest

    def get(self, ref: Ref) -> Manifest:
        try:
            return self.objects[ref.kind, ref.namespace, ref.name]
        except KeyError:
            raise NotFound(f'"{ref.name}" not found', status=404, reason="NotFound") from None

    def list(self, kind: str, namespace: str | None = None, *, labels: str = "") -> list[Manifest]:
        wanted = dict(pair.split("=") for pair in labels.split(",") if pair)
        return [
            found
            for (found_kind, space, _), found in self.objects.items()
            if found_kind == kind
            and namespace in (None, space)
            and wanted.items() <= found["metadata"].get("labels", {}).items()
        ]

    def scale(self, ref: Ref, replicas: int) -> None:
        self.get(ref)["spec"]["replicas"] = replicas

    def delete(self, ref: Ref, *, grace_seconds: int | None = None) -> bool:
        if self.failures:
            raise self.failures.pop(0)
        self.deleted.append(f"{ref.kind}/{ref.name}")
        return self.objects.pop((ref.kind, ref.namespace, ref.name), None) is not None

    def logs(self, namespace: str, pod: str, query: LogQuery) -> str:
        return ""

    def follow_logs(self, namespace: str, pod: str, query: LogQuery) -> Iterator[str]:
        return iter(())

    def service_proxy(self, namespace: str, service: str, port: int, **_options: Any) -> ProxyResponse:
        return ProxyResponse(200, {}, b"{}")

    def close(self) -> None: ...
