"""Each verb of the gateway, and the meaning of each refusal it can meet."""

from dataclasses import replace

import pytest

from k8s import client, errors
from k8s.client import KubernetesCluster
from k8s.client_async import AsyncCluster
from k8s.cluster import Permission, Ref
from k8s.kinds import collection_path
from tests.contract.target import Target, config_map
from tests.k8s.wishes import built


def test_it_tells_its_version_and_what_we_may(target: Target) -> None:
    assert target.cluster.version().startswith("v1.")
    assert target.cluster.can_i(Permission("patch", "deployments", group="apps", namespace="default"))
    assert target.cluster.can_i(Permission("get", "pods", subresource="log"))


def test_credentials_that_are_not_known_are_unauthorized(target: Target) -> None:
    stranger = replace(target.access, token="nobody", client_cert_pem=None, client_key_pem=None)
    cluster = KubernetesCluster(stranger)
    with pytest.raises(errors.Unauthorized):
        cluster.list("Pod", "default")
    cluster.close()


def test_an_object_is_made_changed_read_and_deleted(target: Target, space: str) -> None:
    ref = Ref("ConfigMap", space, "one")
    made = target.cluster.apply(config_map(space, "one", a="1", b="2"))
    assert made.object["data"] == {"a": "1", "b": "2"}
    assert made.warnings == ()
    again = target.cluster.apply(config_map(space, "one", a="1", b="2")).object
    assert again["metadata"]["resourceVersion"] == made.object["metadata"]["resourceVersion"]
    # A field that we no longer send is a field that we no longer want.
    target.cluster.apply(config_map(space, "one", a="3"))
    assert target.cluster.get(ref)["data"] == {"a": "3"}
    assert target.cluster.delete(ref)
    assert not target.cluster.delete(ref)
    with pytest.raises(errors.NotFound, match='"one" not found'):
        target.cluster.get(ref)


def test_a_dry_run_changes_nothing(target: Target, space: str) -> None:
    assert target.cluster.apply(config_map(space, "one", a="1"), dry_run=True).object["data"] == {"a": "1"}
    with pytest.raises(errors.NotFound):
        target.cluster.get(Ref("ConfigMap", space, "one"))


def test_a_list_in_pages_has_everything_once(
    target: Target, space: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "PAGE", 2)
    names = [f"map-{number}" for number in range(5)]
    for name in names:
        target.cluster.apply(config_map(space, name, {"half": "even" if int(name[-1]) % 2 == 0 else "odd"}))
    listed = target.cluster.list("ConfigMap", space)
    assert [found["metadata"]["name"] for found in listed if found["kind"] == "ConfigMap"][-5:] == names
    even = target.cluster.list("ConfigMap", space, labels="half=even")
    assert [found["metadata"]["name"] for found in even] == ["map-0", "map-2", "map-4"]
    assert target.cluster.list("ConfigMap", space, labels="half in (neither)") == []


def test_a_scaled_count_belongs_to_whoever_scaled(target: Target, space: str) -> None:
    wish = target.wish(space, replicas=0)
    deployment = built(wish)
    target.cluster.apply(deployment)
    target.cluster.scale(Ref("Deployment", space, wish.name), 1)
    assert target.deployment(space, wish.name).wanted_replicas == 1
    with pytest.raises(errors.FieldConflict) as refused:
        target.cluster.apply(deployment, force=False)
    assert [cause.field for cause in refused.value.causes] == [".spec.replicas"]
    target.cluster.apply(deployment, force=True)
    assert target.deployment(space, wish.name).wanted_replicas == 0


def test_a_change_of_an_older_version_is_a_conflict(target: Target, space: str) -> None:
    old = target.cluster.apply(config_map(space, "one", a="1")).object["metadata"]["resourceVersion"]
    target.cluster.apply(config_map(space, "one", a="2"))
    late = config_map(space, "one", a="3")
    late["metadata"]["resourceVersion"] = old
    with pytest.raises(errors.ObjectConflict, match="the object has been modified"):
        target.cluster.apply(late)


def test_what_is_not_valid_names_the_field(target: Target, space: str) -> None:
    with pytest.raises(errors.Invalid, match="RFC 1123") as refused:
        target.cluster.apply(config_map(space, "Not_A_Name"))
    assert "metadata.name" in {cause.field for cause in refused.value.causes}

    deployment = built(target.wish(space, replicas=0))
    target.cluster.apply(deployment)
    deployment["spec"]["selector"]["matchLabels"] = {"other": "label"}
    deployment["spec"]["template"]["metadata"]["labels"]["other"] = "label"
    with pytest.raises(errors.Invalid, match="field is immutable") as refused:
        target.cluster.apply(deployment)
    assert [cause.field for cause in refused.value.causes] == ["spec.selector"]


@pytest.mark.parametrize("resources", [{"cpu": "lots"}, {"cpu": "-1"}])
def test_impossible_amounts_are_refused(target: Target, space: str, resources: dict[str, str]) -> None:
    deployment = built(target.wish(space, replicas=0))
    deployment["spec"]["template"]["spec"]["containers"][0]["resources"] = {"requests": resources}
    with pytest.raises((errors.MalformedRequest, errors.Invalid)):
        target.cluster.apply(deployment)


def test_a_count_below_zero_is_refused(target: Target, space: str) -> None:
    target.cluster.apply(built(target.wish(space, replicas=0)))
    with pytest.raises(errors.Invalid, match="greater than or equal to 0"):
        target.cluster.scale(Ref("Deployment", space, "house"), -1)


def test_a_selector_that_is_none_is_malformed(target: Target) -> None:
    with pytest.raises(errors.MalformedRequest):
        target.cluster.list("Pod", labels="a in (")


def test_what_is_not_there_is_not_found(target: Target) -> None:
    nowhere = "contract-no-such-namespace"
    with pytest.raises(errors.NotFound):
        target.cluster.apply(config_map(nowhere, "one"))
    with pytest.raises(errors.NotFound):
        target.cluster.scale(Ref("Deployment", "default", "contract-no-such"), 1)
    assert target.cluster.list("Pod", nowhere) == []


async def test_a_version_of_the_future_is_waited_for_and_then_refused(target: Target) -> None:
    async with AsyncCluster(target.access) as reader:
        with pytest.raises(errors.ClusterUnavailable, match="Too large resource version") as refused:
            await reader.read(collection_path("Pod", None), {"resourceVersion": "9" * 17, "limit": "1"})
    assert refused.value.status == 504
    assert refused.value.retry_after_seconds


def test_a_namespace_is_removed_with_all_that_is_in_it(target: Target) -> None:
    with target.space() as space:
        target.cluster.apply(config_map(space, "one", a="1"))
    ref = Ref("Namespace", "", space)
    target.until("the namespace is gone", lambda: space not in namespaces(target))
    with pytest.raises(errors.NotFound):
        target.cluster.get(ref)
    assert target.cluster.list("ConfigMap", space) == []


def namespaces(target: Target) -> set[str]:
    return {found["metadata"]["name"] for found in target.cluster.list("Namespace")}


def test_nothing_is_made_in_a_namespace_that_goes_away(target: Target) -> None:
    with target.space() as space:
        held = config_map(space, "held")
        held["metadata"]["finalizers"] = ["contract.timoneiro.dev/held"]
        target.cluster.apply(held)
    try:
        phase = target.cluster.get(Ref("Namespace", "", space))["status"]["phase"]
        assert phase == "Terminating"
        with pytest.raises(errors.NamespaceTerminating, match="because it is being terminated"):
            target.cluster.apply(config_map(space, "late"))
    finally:
        # Without its finalizer, which is ours to drop, it can go.
        target.cluster.apply(config_map(space, "held"))
    target.until("the namespace is gone", lambda: space not in namespaces(target))
