"""The count has one writer at a time: people, an autoscaler, or nobody while paused."""

from typing import Any

import pytest
from django.contrib.auth.models import User

from deployments import intent, selectors
from deployments.counts import autoscaling_of
from deployments.errors import AutoscalerOwnsReplicas, InvalidInput, StaleGeneration
from deployments.models import Cluster, Deployment
from teams.models import Team

HPA = {"min_replicas": 2, "max_replicas": 6, "target_cpu_percent": 70}


@pytest.fixture
def autoscaled(deployment: Deployment, deployer: User) -> Deployment:
    return intent.autoscale(deployment, HPA, by=deployer).deployment


def last_word(deployment: Deployment) -> str:
    entry = deployment.timeline.filter(kind="wish").first()
    assert entry is not None
    return entry.text


def test_an_autoscaler_takes_the_count_and_gives_it_back(deployment: Deployment, deployer: User) -> None:
    row = intent.autoscale(deployment, HPA, by=deployer).deployment
    wish = selectors.wish_of(row)
    assert (wish.replicas, wish.autoscaling) == (None, autoscaling_of(row))
    assert (row.replicas, row.revision) == (2, 1)
    assert last_word(row) == "Autoscaling from 2 to 6 replicas, CPU at 70 %"
    row = intent.autoscale(row, None, by=deployer).deployment
    wish = selectors.wish_of(row)
    assert (wish.replicas, wish.autoscaling, row.revision) == (2, None, 1)
    assert last_word(row) == "Autoscaling off; 2 replicas from now on"


def test_a_count_is_refused_while_an_autoscaler_owns_it(autoscaled: Deployment, deployer: User) -> None:
    with pytest.raises(AutoscalerOwnsReplicas) as refused:
        intent.scale(autoscaled, 5, by=deployer)
    assert (refused.value.status, refused.value.code) == (409, "autoscaler_owns_replicas")
    assert "from 2 to 6 replicas" in refused.value.detail
    with pytest.raises(AutoscalerOwnsReplicas):
        intent.update_deployment(autoscaled, {"replicas": 5}, by=deployer)
    with pytest.raises(AutoscalerOwnsReplicas):
        intent.draft_change(autoscaled, {"replicas": 5}, by=deployer)
    autoscaled.refresh_from_db()
    assert (autoscaled.replicas, autoscaled.generation) == (2, 2)


def test_what_was_read_may_be_sent_back(autoscaled: Deployment, deployer: User) -> None:
    same = {"replicas": 2, "autoscaling": {**HPA, "scale_down_seconds": 300, "target_memory_percent": None}}
    row = intent.update_deployment(autoscaled, same, by=deployer).deployment
    assert (row.replicas, row.revision) == (2, 1)
    assert last_word(row) == "Apply again without a change"


def test_a_count_may_come_with_the_end_of_the_autoscaler(autoscaled: Deployment, deployer: User) -> None:
    changes = {"autoscaling": None, "replicas": 4}
    row = intent.update_deployment(autoscaled, changes, by=deployer).deployment
    assert (row.replicas, row.autoscaling) == (4, None)


def test_a_pause_remembers_the_count(deployment: Deployment, deployer: User) -> None:
    row = intent.pause(deployment, by=deployer).deployment
    assert (selectors.wish_of(row).replicas, row.replicas, row.revision) == (0, 2, 1)
    assert last_word(row) == "Pause; 2 replicas come back on resume"
    row = intent.scale(row, 4, by=deployer).deployment
    assert (selectors.wish_of(row).replicas, row.replicas) == (0, 4)
    assert last_word(row) == "Scale from 2 to 4; it takes effect on resume"
    row = intent.resume(row, by=deployer).deployment
    assert selectors.wish_of(row).replicas == 4
    assert last_word(row) == "Resume; 4 replicas come back"


def test_a_pause_takes_the_autoscaler_away_and_brings_it_back(autoscaled: Deployment, deployer: User) -> None:
    row = intent.pause(autoscaled, by=deployer).deployment
    wish = selectors.wish_of(row)
    assert (wish.replicas, wish.autoscaling) == (0, None)
    with pytest.raises(AutoscalerOwnsReplicas):
        intent.scale(row, 4, by=deployer)
    row = intent.autoscale(row, {"max_replicas": 8}, by=deployer).deployment
    assert selectors.wish_of(row).autoscaling is None
    row = intent.resume(row, by=deployer).deployment
    wish = selectors.wish_of(row)
    assert wish.autoscaling is not None
    assert (wish.replicas, wish.autoscaling.min_replicas, wish.autoscaling.max_replicas) == (None, 2, 8)


@pytest.mark.parametrize("given", [{}, {"max_replicas": 3}, {**HPA, "min_replicas": 9}, [], "on"])
def test_settings_that_cannot_be_are_refused(deployment: Deployment, deployer: User, given: Any) -> None:
    with pytest.raises(InvalidInput):
        intent.autoscale(deployment, given, by=deployer)
    deployment.refresh_from_db()
    assert (deployment.generation, deployment.autoscaling) == (1, None)


def test_a_deployment_may_begin_with_an_autoscaler(team: Team, cluster: Cluster, deployer: User) -> None:
    payload = {"name": "h", "image": "local/house:1.0", "replicas": 3, "autoscaling": HPA}
    row = intent.create_deployment(team, payload, by=deployer).deployment
    row.refresh_from_db()
    assert (row.replicas, selectors.wish_of(row).replicas) == (3, None)
    assert last_word(row) == "Create house 1.0; Autoscaling from 2 to 6 replicas, CPU at 70 %"


def test_a_late_writer_is_told_what_others_did(deployment: Deployment, deployer: User, lead: User) -> None:
    intent.update_deployment(deployment, {"version": "2.0"}, by=lead)
    intent.scale(deployment, 5, by=lead)
    intent.pause(deployment, by=lead)
    intent.resume(deployment, by=lead)
    with pytest.raises(StaleGeneration) as refused:
        intent.update_deployment(deployment, {"port": 7000}, by=deployer, if_generation=1)
    assert "lead: Scale from 2 to 5" in refused.value.detail
    diff = str(refused.value.as_problem()["diff"])
    assert "-  replicas: 2\n+  replicas: 5" in diff
    assert "+          image: local/house:2.0" in diff
    deployment.refresh_from_db()
    assert (deployment.generation, deployment.spec["port"]) == (5, 5002)


def test_who_wants_what_is_already_so_is_not_late(deployment: Deployment, deployer: User, lead: User) -> None:
    wish = {"version": "2.0", "replicas": 5}
    newest = intent.update_deployment(deployment, wish, by=lead)
    assert intent.update_deployment(deployment, wish, by=deployer, if_generation=1) == newest
    assert intent.scale(deployment, 5, by=deployer, if_generation=1) == newest
    with pytest.raises(StaleGeneration):
        intent.restart(deployment, by=deployer, if_generation=1)


def test_a_draft_stores_nothing(team: Team, deployment: Deployment, deployer: User) -> None:
    new = intent.draft(team, {"name": "other", "model": "house", "version": "1.0"}, by=deployer)
    assert (new.wish.name, new.wish.replicas, new.before) == ("other", 1, None)
    changes = {"version": "2.0", "replicas": 4, "autoscaling": HPA}
    draft = intent.draft_change(deployment, changes, by=deployer)
    assert draft.before is not None
    assert (draft.before.revision, draft.wish.revision) == (1, 2)
    assert (draft.wish.spec.version, draft.wish.replicas) == ("2.0", None)
    assert draft.wish.change_cause.startswith("version 1.0 -> 2.0")
    assert Deployment.objects.get().generation == 1
    deployment.refresh_from_db()
    assert (deployment.revision, deployment.autoscaling, deployment.spec["version"]) == (1, None, "1.0")
    stored = intent.update_deployment(deployment, changes, by=deployer).deployment
    assert selectors.wish_of(stored) == draft.wish


def test_a_late_change_that_became_impossible_is_late(
    deployment: Deployment, deployer: User, lead: User
) -> None:
    secret = {"name": "KEY", "secret": True}
    row = intent.update_deployment(deployment, {"env": [{**secret, "value": "x"}]}, by=lead).deployment
    intent.update_deployment(row, {"env": []}, by=lead)
    with pytest.raises(StaleGeneration):
        intent.update_deployment(row, {"env": [secret], "port": 7000}, by=deployer, if_generation=2)
