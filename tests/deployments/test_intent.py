"""Wishes: what is stored, who may, and what is refused."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User

from deployments import intent, selectors
from deployments.errors import (
    BeingDeleted,
    DuplicateName,
    NotFound,
    PermissionDenied,
    StaleGeneration,
    VersionInUse,
)
from deployments.intent import catalogue
from deployments.models import Cluster, Deployment, Model, ModelVersion, Operation, Pod
from deployments.spec import Choice, spec_of
from teams.models import AuditEntry, Team


def test_a_create_stores_the_wish_and_its_record(team: Team, cluster: Cluster, deployer: User) -> None:
    operation = intent.create_deployment(team, {"name": "h", "image": "local/house:1.0"}, by=deployer)
    row = operation.deployment
    assert (row.generation, row.revision, row.state, row.namespace) == (1, 1, "pending", "pricing")
    assert (operation.action, operation.state, operation.generation) == ("create", "queued", 1)
    assert row.version.image == "local/house:1.0"
    assert row.revisions.get().author == "deployer"
    assert row.timeline.get(kind="wish").actor == "deployer"
    audited = AuditEntry.objects.get(action="create")
    assert (audited.actor, audited.target, audited.allowed) == ("deployer", "pricing/h", True)


def test_an_image_registers_its_model_and_version_once(team: Team, cluster: Cluster, deployer: User) -> None:
    for name in ("a", "b"):
        intent.create_deployment(team, {"name": name, "image": "x/sentiment:1.0"}, by=deployer)
    assert Model.objects.get().name == "sentiment"
    assert ModelVersion.objects.get().image == "x/sentiment:1.0"


def test_a_name_is_taken_until_its_deployment_is_gone(
    team: Team, deployment: Deployment, deployer: User
) -> None:
    with pytest.raises(DuplicateName) as refused:
        intent.create_deployment(team, {"name": deployment.name, "image": "a:1"}, by=deployer)
    assert [error.field for error in refused.value.errors] == ["name"]
    Deployment.objects.filter(pk=deployment.pk).update(deleted_at=deployment.created_at)
    intent.create_deployment(team, {"name": deployment.name, "image": "a:1"}, by=deployer)


def test_a_newer_wish_supersedes_older_ones(deployment: Deployment, deployer: User) -> None:
    intent.scale(deployment, 3, by=deployer)
    newest = intent.scale(deployment, 5, by=deployer)
    states = dict(Operation.objects.values_list("generation", "state"))
    assert states == {1: "superseded", 2: "superseded", 3: "queued"}
    assert (newest.deployment.replicas, newest.deployment.revision) == (5, 1)


def test_a_change_of_the_spec_is_a_new_revision(deployment: Deployment, deployer: User) -> None:
    changes = {"version": "2.0", "replicas": 3, "change_cause": "better\nmodel"}
    row = intent.update_deployment(deployment, changes, by=deployer).deployment
    newest = row.revisions.first()
    assert newest is not None
    assert (newest.number, newest.change_cause) == (2, "better model")
    assert "version 1.0 -> 2.0" in newest.summary
    assert (row.replicas, row.spec["image"]) == (3, "local/house:2.0")


def test_a_restart_is_a_wish_without_a_revision(deployment: Deployment, deployer: User) -> None:
    row = intent.restart(deployment, by=deployer).deployment
    assert (row.generation, row.revision) == (2, 1)
    assert row.restarted_at is not None


def test_a_wish_on_an_old_generation_is_refused(deployment: Deployment, deployer: User) -> None:
    intent.scale(deployment, 3, by=deployer)
    with pytest.raises(StaleGeneration):
        intent.scale(deployment, 4, by=deployer, if_generation=1)
    intent.scale(deployment, 4, by=deployer, if_generation=2)


WRITES: list[Callable[[Deployment, User], object]] = [
    lambda row, by: intent.scale(row, 3, by=by),
    lambda row, by: intent.restart(row, by=by),
    lambda row, by: intent.update_deployment(row, {"version": "2.0"}, by=by),
    lambda row, by: intent.rollback(row, 1, by=by),
    lambda row, by: intent.pause(row, by=by),
    lambda row, by: intent.resume(row, by=by),
    lambda row, by: intent.autoscale(row, None, by=by),
    lambda row, by: intent.delete_pod(row, "p", by=by),
    lambda row, by: intent.delete(row, by=by),
]


@pytest.mark.parametrize("write", WRITES)
def test_nothing_is_done_to_what_is_being_deleted(
    deployment: Deployment, deployer: User, write: Callable[[Deployment, User], object]
) -> None:
    intent.delete(deployment, by=deployer)
    with pytest.raises(BeingDeleted):
        write(deployment, deployer)


@pytest.mark.parametrize("write", WRITES)
def test_a_viewer_changes_nothing_and_the_audit_knows(
    deployment: Deployment, viewer: User, write: Callable[[Deployment, User], object]
) -> None:
    with pytest.raises(PermissionDenied):
        write(deployment, viewer)
    assert AuditEntry.objects.get(actor="viewer").allowed is False
    deployment.refresh_from_db()
    assert deployment.generation == 1


@pytest.mark.parametrize("write", WRITES)
def test_a_stranger_is_told_that_there_is_nothing(
    deployment: Deployment, stranger: User, write: Callable[[Deployment, User], object]
) -> None:
    with pytest.raises(NotFound):
        write(deployment, stranger)


def test_others_work_is_deleted_by_leads_only(
    deployment: Deployment, deployer: User, lead: User, admin: User
) -> None:
    deployment.created_by = admin
    deployment.save()
    with pytest.raises(PermissionDenied):
        intent.delete(deployment, by=deployer)
    assert intent.delete(deployment, by=lead).action == "delete"


def test_only_pods_of_the_deployment_can_be_deleted(
    deployment: Deployment, cluster: Cluster, deployer: User
) -> None:
    with pytest.raises(NotFound):
        intent.delete_pod(deployment, "coredns", by=deployer)
    Pod.objects.create(
        cluster=cluster,
        deployment=deployment,
        uid="u",
        namespace="pricing",
        name="p",
        phase="Running",
        facts={},
    )
    assert intent.delete_pod(deployment, "p", by=deployer).arguments == {"pod": "p"}


def test_a_deployed_version_cannot_be_deleted(
    deployment: Deployment, house: ModelVersion, deployer: User
) -> None:
    with pytest.raises(VersionInUse):
        intent.delete_version(house, by=deployer)
    with pytest.raises(VersionInUse):
        intent.delete_model(house.model, by=deployer)
    Deployment.objects.filter(pk=deployment.pk).update(deleted_at=deployment.created_at)
    intent.delete_version(house, by=deployer)
    with pytest.raises(NotFound):
        selectors.get_version(deployer, "pricing", "house", "1.0")
    again = intent.add_version(house.model, {"version": "1.0", "image": "other/house:1.0"}, by=deployer)
    assert again.image == "other/house:1.0"


def test_two_changes_of_a_version_do_not_undo_each_other(house: ModelVersion, deployer: User) -> None:
    seen_earlier = ModelVersion.objects.get(pk=house.pk)
    intent.change_version(house, {"framework": "sklearn"}, by=deployer)
    changed = intent.change_version(seen_earlier, {"description": "prices"}, by=deployer)
    changed.refresh_from_db()
    assert (changed.framework, changed.description) == ("sklearn", "prices")


def test_what_was_deleted_meanwhile_stays_deleted(
    team: Team, house: ModelVersion, deployer: User, deployment: Deployment
) -> None:
    newer = ModelVersion.objects.get(version="2.0")
    intent.delete_version(newer, by=deployer)
    with pytest.raises(NotFound):
        intent.change_version(newer, {"description": "back"}, by=deployer)
    choice = Choice("house", "2.0", newer.image, newer)
    with pytest.raises(NotFound):
        catalogue.ensure_version(team, choice, spec_of(deployment), by=deployer)
    Deployment.objects.update(deleted_at=deployment.created_at)
    intent.delete_model(house.model, by=deployer)
    with pytest.raises(NotFound):
        intent.add_version(house.model, {"version": "3.0", "image": "local/house:3.0"}, by=deployer)
    assert not ModelVersion.objects.filter(deleted_at=None).exists()


def test_suggested_names_are_valid_and_free(team: Team, deployment: Deployment, deployer: User) -> None:
    assert intent.suggest_name("local/house:1.0", team) == "house"
    assert intent.suggest_name("a/house-prices:2", team) == "house-prices-2"
    assert intent.suggest_name("9Lives & More", team) == "lives-more"
    assert intent.suggest_name("", team) == "model"


def test_strangers_find_nothing(deployment: Deployment, stranger: User, viewer: User, admin: User) -> None:
    assert not selectors.deployments_visible_to(stranger).exists()
    with pytest.raises(NotFound):
        selectors.get_deployment(stranger, "pricing", deployment.name)
    assert selectors.get_deployment(viewer, "pricing", deployment.name) == deployment
    assert selectors.deployments_visible_to(admin).get() == deployment
