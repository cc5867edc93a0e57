"""What people choose about pods does on the cluster what it says."""

from typing import Any, cast

import pytest

from k8s.cluster import LogQuery, Manifest, Ref
from k8s.decode import facts_of
from k8s.facts import NodeFacts, PodFacts
from k8s.health import is_alive
from k8s.labels import TEMPLATE
from k8s.manifests import build, template_fingerprint
from k8s.scheduling import fits
from k8s.spec import (
    EnvVar,
    Placement,
    PullCredentials,
    Rollout,
    Secrets,
    Security,
    Toleration,
    Wish,
)
from tests.contract.target import SMALL, Target
from tests.k8s.wishes import built

SECRET = EnvVar(name="API_KEY", secret=True, ref="one")


def apply(target: Target, wish: Wish, secrets: Secrets | None = None) -> None:
    for manifest in build(wish, secrets=secrets):
        assert target.cluster.apply(manifest).warnings == ()


def speaking(wish: Wish, *command: str) -> Manifest:
    """The wish's own pod, once, with a program that says what its environment holds."""
    template = built(wish)["spec"]["template"]
    made: dict[str, Any] = {**template["spec"], "restartPolicy": "Never"}
    (server,) = made["containers"]
    made["containers"] = [{k: v for k, v in server.items() if "Probe" not in k} | {"command": list(command)}]
    meta = {"name": "speaker", "namespace": wish.namespace}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": made}


def test_a_secret_reaches_the_process_and_no_object_that_is_shown(runner: Target, space: str) -> None:
    wish = runner.wish(space, spec={"env": (SECRET,)})
    apply(runner, wish, Secrets(values={"API_KEY.one": "s3cr3t"}))
    runner.cluster.apply(speaking(wish, "echo", "it is $(API_KEY)"))
    runner.until("it has ended", lambda: runner.pod(space, "speaker").phase == "Succeeded")
    log = runner.cluster.logs(space, "speaker", LogQuery(timestamps=False))
    assert log == "it is s3cr3t\n"
    runner.until_state(wish, "running")
    for kind in ("Deployment", "ReplicaSet", "Pod", "Event"):
        assert "s3cr3t" not in str(runner.cluster.list(kind, space)), kind
    assert "timoneiro" in runner.cluster.get(Ref("Secret", space, "house-env"))["metadata"]["labels"].values()


def test_a_secret_set_anew_replaces_the_pods(runner: Target, space: str) -> None:
    first = runner.wish(space, spec={"env": (SECRET,)})
    apply(runner, first, Secrets(values={"API_KEY.one": "1"}))
    runner.until_state(first, "running")
    (old,) = runner.pods(space, first.name)
    second = runner.wish(space, revision=2, spec={"env": (EnvVar(name="API_KEY", secret=True, ref="two"),)})
    apply(runner, second, Secrets(values={"API_KEY.one": "1", "API_KEY.two": "2"}))
    runner.until_state(second, "running")
    assert old.name not in {pod.name for pod in runner.pods(space, first.name) if is_alive(pod)}


def test_a_value_that_is_not_there_is_told(runner: Target, space: str) -> None:
    wish = runner.wish(space, spec={"env": (SECRET,)})
    apply(runner, wish, Secrets(values={"API_KEY.other": "x"}))
    judged = runner.until_state(wish, "failed")
    assert judged.reason == "CreateContainerConfigError"
    assert "API_KEY.one" in judged.message


def test_a_login_to_a_registry_is_accepted_and_named_by_the_pods(runner: Target, space: str) -> None:
    pull = PullCredentials(registry="registry.example.com", username="robot", password="p4ssword")
    wish = runner.wish(space, spec={"registry": pull.registry})
    apply(runner, wish, Secrets(pull=pull))
    runner.until_state(wish, "running")
    (pod,) = [
        p for p in runner.cluster.list("Pod", space) if p["metadata"]["name"].startswith(f"{wish.name}-")
    ]
    (named,) = pod["spec"]["imagePullSecrets"]
    kept = runner.cluster.get(Ref("Secret", space, named["name"]))
    assert (kept["type"], list(kept["data"])) == ("kubernetes.io/dockerconfigjson", [".dockerconfigjson"])


def nodes(target: Target) -> list[NodeFacts]:
    return [cast(NodeFacts, facts_of("Node", each)) for each in target.cluster.list("Node")]


def test_a_preset_that_no_node_answers_to_keeps_pods_waiting(target: Target, space: str) -> None:
    nowhere = Placement(preset="nowhere", node_selector={"timoneiro.dev/contract": "nowhere"})
    wish = target.wish(space, spec={"placement": nowhere})
    assert fits(wish.spec.resources, nowhere, "nvidia.com/gpu", nodes(target), ()).nodes == ()
    apply(target, wish)
    judged = target.until_state(wish, "failed")
    assert judged.reason == "Unschedulable"
    assert "didn't match Pod's node affinity/selector" in judged.message


def test_a_preset_sends_pods_to_its_nodes(target: Target, space: str) -> None:
    def to(node: NodeFacts) -> Placement:
        host = {"kubernetes.io/hostname": node.labels["kubernetes.io/hostname"]}
        return Placement(preset="one", node_selector=host, tolerations=(Toleration(key=""),))

    def fitting(placement: Placement) -> tuple[str, ...]:
        pods = [cast(PodFacts, facts_of("Pod", each)) for each in target.cluster.list("Pod")]
        return fits(SMALL, placement, "nvidia.com/gpu", nodes(target), pods).nodes

    # Other pods may fill a node; the last that has room is not where a pod would go by itself.
    *_, chosen = (node for node in nodes(target) if not node.unschedulable and fitting(to(node)))
    placement = to(chosen)
    wish = target.wish(space, spec={"placement": placement})
    assert fitting(placement) == (chosen.name,)
    apply(target, wish)
    (pod,) = target.until("it is placed", lambda: [p for p in target.pods(space, wish.name) if p.node])
    assert pod.node == chosen.name


@pytest.mark.parametrize("again", [False, True])
def test_recreating_stops_the_old_before_it_starts_the_new(runner: Target, space: str, again: bool) -> None:
    # Also from and back to rolling updates, whose fields the other strategy refuses.
    recreate = Rollout(strategy="Recreate")
    first = runner.wish(space, spec={"rollout": recreate if again else Rollout()})
    apply(runner, first)
    runner.until_state(first, "running")
    changed = {"rollout": recreate, "env": (EnvVar(name="LOG_LEVEL", value="DEBUG"),)}
    second = runner.wish(space, revision=2, spec=changed)
    apply(runner, second)

    def replaced() -> bool:
        templates = {pod.labels[TEMPLATE] for pod in runner.pods(space, first.name)}
        assert len(templates) <= 1, "old and new pods side by side"
        return templates == {template_fingerprint(second)}

    runner.until("only new pods are left", replaced)
    runner.until_state(second, "running")
    deployment = runner.cluster.get(Ref("Deployment", space, first.name))
    assert deployment["spec"]["strategy"] == {"type": "Recreate"}
    apply(runner, runner.wish(space, revision=3, spec=changed | {"rollout": Rollout()}))
    rolling = runner.cluster.get(Ref("Deployment", space, first.name))["spec"]["strategy"]
    assert rolling == {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}


def test_a_server_with_another_user_and_a_read_only_root_serves(runner: Target, space: str) -> None:
    wish = runner.wish(space, spec={"security": Security(run_as_user=1234, read_only_root=True)})
    apply(runner, wish)
    runner.until_state(wish, "running")
