"""Every sort of object we build is accepted as it is, and as people download it changes nothing."""

import os
import subprocess
from pathlib import Path

import msgspec
import pytest

from k8s import errors
from k8s.cluster import Manifest, Ref
from k8s.manifests import build, placeholders, to_yaml
from k8s.spec import Secrets, Security, Wish
from tests.contract.target import Target
from tests.k8s.representative import WISHES
from tests.k8s.wishes import built

# What is written is of interest here, and not what becomes of it.
NO_PODS = {"apiVersion": "v1", "kind": "ResourceQuota", "spec": {"hard": {"pods": "0"}}}


def placed(name: str, space: str) -> Wish:
    """The wish in that namespace, and called so that all of them have room in it."""
    return msgspec.structs.replace(WISHES[name], namespace=space, name=name)


def pod_of(deployment: Manifest) -> Manifest:
    """The pod that the Deployment's controller would create."""
    template = deployment["spec"]["template"]
    meta = {**template["metadata"], "name": "probe", "namespace": deployment["metadata"]["namespace"]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": template["spec"]}


@pytest.mark.parametrize("name", WISHES)
def test_objects_are_accepted_where_pods_are_restricted(target: Target, space: str, name: str) -> None:
    wish = placed(name, space)
    for manifest in (*build(wish, secrets=placeholders(wish)), pod_of(built(wish))):
        applied = target.cluster.apply(manifest, dry_run=True)
        assert applied.warnings == (), manifest["kind"]
        assert applied.object["kind"] == manifest["kind"]
    assert target.cluster.list("Deployment", space) == []


def test_root_is_refused_where_pods_are_restricted(target: Target, space: str) -> None:
    wish = target.wish(space, spec={"security": Security(run_as_user=0)})
    with pytest.raises(errors.PodSecurityViolation, match="runAsNonRoot != true"):
        target.cluster.apply(pod_of(built(wish)), dry_run=True)
    (warning,) = target.cluster.apply(built(wish), dry_run=True).warnings
    assert "runAsNonRoot != true" in warning


def test_the_downloaded_yaml_applied_again_changes_nothing(
    target: Target, space: str, tmp_path: Path
) -> None:
    target.cluster.apply(NO_PODS | {"metadata": {"name": "no-pods", "namespace": space}})
    wishes = [placed(name, space) for name in WISHES]
    for wish in wishes:
        for manifest in build(wish, secrets=placeholders(wish)):
            target.cluster.apply(manifest)
    before = secrets_in(target, space)
    objects = tmp_path / "objects.yaml"
    objects.write_text(to_yaml([manifest for wish in wishes for manifest in build(wish)]))
    assert kubectl(target, tmp_path, "diff", f"-f={objects}") == (0, "")
    code, told = kubectl(target, tmp_path, "apply", f"-f={objects}", "--validate=strict")
    assert code == 0, told
    assert secrets_in(target, space) == before


def test_a_difference_is_found_by_kubectl(target: Target, space: str, tmp_path: Path) -> None:
    wish = placed("paused", space)
    for manifest in build(wish):
        target.cluster.apply(manifest)
    objects = tmp_path / "objects.yaml"
    objects.write_text(to_yaml(build(msgspec.structs.replace(wish, revision=3))))
    code, told = kubectl(target, tmp_path, "diff", f"-f={objects}")
    assert code == 1
    assert "+    timoneiro.dev/revision: " in told


def secrets_in(target: Target, space: str) -> dict[str, dict[str, str]]:
    return {each["metadata"]["name"]: each["data"] for each in target.cluster.list("Secret", space)}


def kubectl(target: Target, folder: Path, *arguments: str) -> tuple[int, str]:
    """Its exit code (of `diff`: 1 where something differs) and all that it says."""
    done = subprocess.run(
        (*target.kubectl, f"--cache-dir={folder}", *arguments),
        cwd=folder,
        env={"HOME": str(folder), "PATH": os.defpath},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout


def test_secrets_that_are_no_longer_wanted_are_given_up(target: Target, space: str) -> None:
    wish = placed("secret-variables", space)
    first = Secrets(values={"API_KEY.b7c2e1": "one", "DATABASE_URL.0a9f44": "two"})
    second = Secrets(values={"API_KEY.ffffff": "three"})
    for values in (first, second):
        target.cluster.apply(build(wish, secrets=values)[0])
    found = target.cluster.get(Ref("Secret", space, f"{wish.name}-env"))
    assert set(found["data"]) == {"API_KEY.ffffff"}
