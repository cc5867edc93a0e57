"""The cluster under test, and what every test of the contract does with it."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar, cast
from uuid import uuid4

from k8s import errors
from k8s.client import KubernetesCluster
from k8s.cluster import Manifest, Ref
from k8s.connect import Access
from k8s.decode import facts_of
from k8s.facts import DeploymentFacts, EventFacts, PodFacts
from k8s.health import Judgement, judge
from k8s.labels import INSTANCE
from k8s.manifests import namespace
from k8s.spec import Resources, Service, Wish
from tests.k8s.wishes import changed

Found = TypeVar("Found")
PORT = 5001
EVENTS_TOLD = 20
# Enough for the server, and little enough for a cluster on a laptop.
SMALL = Resources(cpu="10m", memory="48Mi", cpu_limit="500m", memory_limit="128Mi")


@dataclass(frozen=True)
class Target:
    """A cluster, ours or foreign.

    `image` holds the programs sleep, true, false and echo, and is itself a server that answers
    GET /healthz on port 5001; `foreign` is whether a kubeconfig named the cluster. `kubectl` is
    the command and the options with which it reaches the cluster. `spaces` are the namespaces in use.
    """

    access: Access
    cluster: KubernetesCluster
    image: str
    foreign: bool
    kubectl: tuple[str, ...] = ()
    spaces: list[str] = field(default_factory=list)

    def until(self, what: str, ask: Callable[[], Found], *, seconds: float = 0) -> Found:
        """Asks until the answer is true, and returns it. Passing trouble on the way is no answer."""
        deadline = time.monotonic() + (seconds or (240 if self.foreign else 90))
        while True:
            found: Found | errors.ClusterError
            try:
                found = ask()
                if found:
                    return found
            except errors.ClusterError as trouble:
                if not trouble.retryable:
                    raise
                found = trouble
            if time.monotonic() > deadline:
                raise AssertionError(f"never: {what}; last seen: {found!r}\n{self.told()}")
            threading.Event().wait(0.2)

    def told(self) -> str:
        """What the cluster itself says of the namespaces in use: the newest events, and where pods are."""
        lines = []
        for space in self.spaces:
            found = [cast(EventFacts, facts_of("Event", each)) for each in self.cluster.list("Event", space)]
            found.sort(key=lambda event: event.last_at or datetime.min.replace(tzinfo=UTC))
            lines += [
                f"{space}: {event.object_kind} {event.object_name}: {event.reason}: {event.message}"
                for event in found[-EVENTS_TOLD:]
            ]
        placed = Counter(pod["spec"].get("nodeName", "no node") for pod in self.cluster.list("Pod"))
        return "\n".join([*lines, f"pods by node: {dict(placed)}"])

    @contextmanager
    def space(self, *, labels: dict[str, str] | None = None) -> Iterator[str]:
        """A new namespace, as the product makes them, or with these labels alone."""
        name = f"contract-{uuid4().hex[:8]}"
        made = namespace(name, "contract")
        if labels is not None:
            made["metadata"]["labels"] = labels
        self.cluster.apply(made)
        self.spaces.append(name)
        try:
            # Pods are refused until the namespace has its default account.
            self.until("the namespace accepts pods", lambda: self._accepts_pods(name))
            yield name
        finally:
            self.spaces.remove(name)
            self.cluster.delete(Ref("Namespace", "", name))

    def _accepts_pods(self, space: str) -> bool:
        try:
            self.cluster.apply(pod(space, "first", self.image), dry_run=True)
        except (errors.Forbidden, errors.NotFound):
            return False
        return True

    def pods(self, space: str, name: str) -> list[PodFacts]:
        """The pods of the deployment of that name."""
        found = self.cluster.list("Pod", space, labels=f"{INSTANCE}={name}")
        return [cast(PodFacts, facts_of("Pod", each)) for each in found]

    def pod(self, space: str, name: str) -> PodFacts:
        return cast(PodFacts, facts_of("Pod", self.cluster.get(Ref("Pod", space, name))))

    def deployment(self, space: str, name: str) -> DeploymentFacts:
        return cast(DeploymentFacts, facts_of("Deployment", self.cluster.get(Ref("Deployment", space, name))))

    def events(self, space: str, reason: str, about: str) -> list[EventFacts]:
        """Events with that reason about objects whose name begins with `about`."""
        found = [cast(EventFacts, facts_of("Event", each)) for each in self.cluster.list("Event", space)]
        return [event for event in found if event.reason == reason and event.object_name.startswith(about)]

    def judged(self, wish: Wish, *, later: timedelta = timedelta(0)) -> Judgement:
        """The status that people would be shown, `later` than now."""
        deployment = self.deployment(wish.namespace, wish.name)
        return judge(
            deployment,
            self.pods(wish.namespace, wish.name),
            wanted=deployment.wanted_replicas if wish.replicas is None else wish.replicas,
            expected_revision=wish.revision,
            now=datetime.now(UTC) + later,
        )

    def until_state(self, wish: Wish, state: str) -> Judgement:
        """Waits for a status word."""

        seen: list[Judgement] = []

        def ask() -> bool:
            seen.append(self.judged(wish))
            return seen[-1].state == state

        try:
            self.until(f"{wish.name} is {state}", ask)
        except AssertionError as exc:
            raise AssertionError(f"{exc}: {seen[-1]}") from None
        return seen[-1]

    def wish(
        self, space: str, name: str = "house", *, spec: dict[str, Any] | None = None, **more: Any
    ) -> Wish:
        """What a person would ask for: one replica of the image, small, with a Service."""
        inside = {
            "image": self.image,
            "resources": SMALL,
            "service": Service(type="ClusterIP", port=PORT),
            **(spec or {}),
        }
        return changed(
            spec=inside, **{"replicas": 1, "namespace": space, "name": name, "revision": 1, **more}
        )


RESTRICTED = {
    "runAsNonRoot": True,
    "runAsUser": 1000,
    "seccompProfile": {"type": "RuntimeDefault"},
}
CONFINED = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}


def container(image: str, *command: str, **more: Any) -> dict[str, Any]:
    """A container that a restricted namespace accepts; without a command the image's own program."""
    made = {
        "name": "server",
        "image": image,
        "securityContext": CONFINED,
        "resources": {
            "requests": {"cpu": "10m", "memory": "16Mi"},
            "limits": {"cpu": "1", "memory": "128Mi"},
        },
        **more,
    }
    return {**made, "command": list(command)} if command else made


def pod_spec(image: str, *command: str, **more: Any) -> dict[str, Any]:
    return {
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 1,
        "securityContext": RESTRICTED,
        "containers": [container(image, *command)],
        **more,
    }


def pod(space: str, name: str, image: str, *command: str, **spec: Any) -> Manifest:
    """A pod of one container."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": space, "labels": {INSTANCE: name}},
        "spec": pod_spec(image, *command, **spec),
    }


def job(space: str, name: str, image: str, *command: str, **spec: Any) -> Manifest:
    """A job whose pods are not restarted."""
    template = {"spec": pod_spec(image, *command, restartPolicy="Never")}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "namespace": space},
        "spec": {"backoffLimit": 0, "template": template, **spec},
    }


def config_map(space: str, name: str, labels: dict[str, str] | None = None, **data: str) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": space, "labels": labels or {}},
        "data": data,
    }


def conditions(found: Manifest) -> set[str]:
    """The types of an object's conditions that hold."""
    held = found.get("status", {}).get("conditions") or ()
    return {each["type"] for each in held if each["status"] == "True"}
