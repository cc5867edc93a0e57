"""Going back: what a rollback brings back, what it leaves alone, and when nobody has to ask."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from deployments import intent, selectors
from deployments.errors import InvalidInput, VersionArchived
from deployments.models import Deployment, Model, ModelVersion, RegistryCredential, Revision
from deployments.spec import spec_of

AUTO = {"rollout": {"auto_rollback": True}}


@pytest.fixture
def rolled_out(deployment: Deployment, deployer: User) -> Deployment:
    """Revision 2 serves house 2.0; revision 1 has served house 1.0."""
    Revision.objects.filter(deployment=deployment, number=1).update(served_at=timezone.now())
    return intent.update_deployment(deployment, {"version": "2.0", **AUTO}, by=deployer).deployment


def gave_up(deployment: Deployment, **facts: Any) -> None:
    """The cluster says that the newest revision's rollout is past its deadline."""
    told = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}
    seen = {
        "uid": "u",
        "name": deployment.name,
        "generation": 7,
        "observed_generation": 7,
        "revision": deployment.revision,
        "conditions": [told],
    }
    Deployment.objects.filter(pk=deployment.pk).update(
        facts={**seen, **facts}, applied_generation=deployment.generation, cluster_generation=7
    )


def test_a_rollback_is_a_new_revision_and_leaves_the_count(rolled_out: Deployment, deployer: User) -> None:
    intent.scale(rolled_out, 5, by=deployer)
    operation = intent.rollback(rolled_out, 1, by=deployer)
    row = operation.deployment
    newest = row.revisions.first()
    assert newest is not None
    assert (newest.number, newest.restores, newest.author) == (3, 1, "deployer")
    assert (row.replicas, row.version.version, operation.action) == (5, "1.0", "rollback")
    assert spec_of(row) == spec_of(Revision.objects.get(number=1))
    assert newest.summary.startswith("Roll back to revision 1: version 2.0 -> 1.0")
    entry = row.timeline.filter(kind="wish").first()
    assert entry is not None
    assert entry.text.startswith("Revision 3: back to revision 1: version 2.0 -> 1.0")


@pytest.mark.parametrize(
    ("revision", "code"),
    [
        (2, "same_revision"),
        (9, "unknown_revision"),
        (0, "out_of_range"),
        ("1", "not_a_number"),
        (None, "not_a_number"),
        (10**30, "out_of_range"),
    ],
)
def test_only_older_revisions_come_back(
    rolled_out: Deployment, deployer: User, revision: object, code: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        intent.rollback(rolled_out, revision, by=deployer)
    assert [(error.field, error.code) for error in refused.value.errors] == [("revision", code)]


@pytest.mark.parametrize("gone", ["archived version", "archived model", "deleted version"])
def test_what_left_the_catalogue_comes_back_only_when_confirmed(
    rolled_out: Deployment, deployer: User, gone: str
) -> None:
    now = timezone.now()
    if gone == "archived model":
        Model.objects.update(archived_at=now)
    else:
        column = "archived_at" if gone == "archived version" else "deleted_at"
        ModelVersion.objects.filter(version="1.0").update(**{column: now})
    with pytest.raises(VersionArchived) as refused:
        intent.rollback(rolled_out, 1, by=deployer)
    assert (refused.value.status, refused.value.code) == (409, "version_archived")
    rolled_out.refresh_from_db()
    assert rolled_out.revision == 2
    row = intent.rollback(rolled_out, 1, by=deployer, confirm_archived=True).deployment
    assert (row.revision, row.version.version) == (3, "1.0")


def test_a_node_port_that_is_anothers_now_is_refused(
    rolled_out: Deployment, deployer: User, lead: User
) -> None:
    port = {"service": {"type": "NodePort", "node_port": 30017}}
    row = intent.update_deployment(rolled_out, port, by=deployer).deployment
    row = intent.update_deployment(row, {"service": {"type": "ClusterIP"}}, by=deployer).deployment
    other = {"name": "other", "model": "house", "version": "1.0", **port}
    intent.create_deployment(row.team, other, by=lead)
    with pytest.raises(InvalidInput) as refused:
        intent.rollback(row, 3, by=deployer)
    assert [error.field for error in refused.value.errors] == ["service.node_port"]


def test_a_login_that_is_gone_is_left_out(rolled_out: Deployment, deployer: User) -> None:
    login = RegistryCredential.objects.create(
        team=rolled_out.team, registry="docker.io", username="u", updated_by="lead"
    )
    row = intent.update_deployment(rolled_out, {"registry": "docker.io"}, by=deployer).deployment
    row = intent.update_deployment(row, {"registry": None}, by=deployer).deployment
    assert spec_of(intent.rollback(row, 3, by=deployer).deployment).registry == "docker.io"
    row = intent.update_deployment(row, {"registry": None}, by=deployer).deployment
    login.delete()
    assert spec_of(intent.rollback(row, 3, by=deployer).deployment).registry == ""


def test_the_offer_is_the_newest_that_served_and_differs(rolled_out: Deployment, deployer: User) -> None:
    target = selectors.rollback_target(rolled_out)
    assert target is not None
    assert target.number == 1
    row = intent.rollback(rolled_out, 1, by=deployer).deployment
    # Revision 2 never served, and revision 1 says what revision 3 says.
    assert selectors.rollback_target(row) is None


def test_two_revisions_are_compared_as_the_objects_they_are(rolled_out: Deployment, deployer: User) -> None:
    first, second = (selectors.get_revision(rolled_out, number) for number in (1, 2))
    diff = selectors.diff_revisions(first, second)
    assert "--- revision 1\n+++ revision 2" in diff.replace("\n\n", "\n")
    assert "-          image: local/house:1.0" in diff
    assert "+          image: local/house:2.0" in diff
    assert selectors.diff_revisions(first, first) == ""


def test_a_stuck_rollout_rolls_back_by_itself_once(rolled_out: Deployment) -> None:
    gave_up(rolled_out)
    operation = intent.automatic_rollback(rolled_out.pk)
    assert operation is not None
    row = operation.deployment
    assert (row.revision, row.version.version, operation.created_by) == (3, "1.0", "automatic rollback")
    assert row.revisions.get(number=3).restores == 1
    entry = row.timeline.filter(kind="wish").first()
    assert entry is not None
    assert entry.text.startswith("Revision 2 made no progress for 600 s. Revision 3: back to revision 1")
    assert entry.actor == "automatic rollback"
    assert intent.automatic_rollback(rolled_out.pk) is None
    # Stuck again: what a rollback could not mend is for people.
    Revision.objects.filter(number=3).update(served_at=None)
    gave_up(row)
    Deployment.objects.filter(pk=row.pk).update(spec={**row.spec, **AUTO})
    assert intent.automatic_rollback(rolled_out.pk) is None


@pytest.mark.parametrize(
    "state",
    [
        {"facts": None},
        {"paused_at": timezone.now()},
        {"drifted": True},
        {"applied_generation": 1},
        {"delete_requested_at": timezone.now()},
        {"deleted_at": timezone.now()},
    ],
    ids=lambda state: next(iter(state)),
)
def test_nothing_rolls_back_by_itself_that_is_not_stuck(
    rolled_out: Deployment, state: dict[str, Any]
) -> None:
    gave_up(rolled_out)
    Deployment.objects.filter(pk=rolled_out.pk).update(**state)
    assert intent.automatic_rollback(rolled_out.pk) is None


@pytest.mark.parametrize("facts", [{"observed_generation": 6}, {"revision": 1}, {"conditions": []}])
def test_facts_of_an_older_rollout_roll_nothing_back(rolled_out: Deployment, facts: dict[str, Any]) -> None:
    gave_up(rolled_out, **facts)
    assert intent.automatic_rollback(rolled_out.pk) is None


def test_nobody_asked_or_nothing_served(rolled_out: Deployment, deployer: User) -> None:
    row = intent.update_deployment(rolled_out, {"rollout": {"auto_rollback": False}}, by=deployer).deployment
    gave_up(row)
    assert intent.automatic_rollback(row.pk) is None
    row = intent.update_deployment(row, AUTO, by=deployer).deployment
    Revision.objects.update(served_at=None)
    gave_up(row)
    assert intent.automatic_rollback(row.pk) is None
