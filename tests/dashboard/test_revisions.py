"""Pausing, resuming, comparing revisions and going back, from the pages."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from deployments import intent
from deployments.models import Deployment, ModelVersion, Revision, State

HTMX = {"HX-Request": "true"}


def url(name: str, *more: object) -> str:
    return reverse(name, args=["pricing", "house-prices", *more])


@pytest.fixture
def two_revisions(deployment: Deployment, deployer: User) -> Deployment:
    """Revision 1 has served; revision 2 is house 2.0 with another environment."""
    Revision.objects.filter(deployment=deployment, number=1).update(served_at=timezone.now())
    changes = {"model": "house", "version": "2.0", "env": [{"name": "LOG_LEVEL", "value": "debug"}]}
    intent.update_deployment(deployment, changes, by=deployer)
    deployment.refresh_from_db()
    return deployment


def fail(deployment: Deployment, state: State = State.DEGRADED) -> None:
    Deployment.objects.filter(pk=deployment.pk).update(
        state=state, applied_generation=deployment.generation, applied_at=timezone.now()
    )


def test_pausing_says_what_is_kept_and_resuming_brings_it_back(
    browser: Client, deployment: Deployment
) -> None:
    page = browser.get(url("deployment")).content.decode()
    assert "Address and count are kept" in page
    assert 'id="resume"' not in page
    answer = browser.post(url("deployment-pause"), follow=True)
    page = answer.content.decode()
    deployment.refresh_from_db()
    assert deployment.paused_at is not None
    assert answer.redirect_chain == [(url("deployment"), 302)]
    assert "1 replica comes back" in page
    assert 'id="pause"' not in page
    browser.post(url("deployment-resume"), {"next": "scaling"})
    deployment.refresh_from_db()
    assert deployment.paused_at is None


def test_a_count_set_while_paused_waits_for_the_resume_and_says_so(
    browser: Client, deployment: Deployment
) -> None:
    browser.post(url("deployment-pause"))
    page = browser.post(url("deployment-scale"), {"replicas": "4"}, follow=True).content.decode()
    deployment.refresh_from_db()
    assert (deployment.replicas, deployment.paused_at is None) == (4, False)
    assert "4 replicas start when it is resumed" in page


@pytest.mark.parametrize("state", [State.DEGRADED, State.FAILED])
def test_a_rollout_that_fails_offers_the_way_back_in_one_click(
    state: State, browser: Client, two_revisions: Deployment
) -> None:
    assert "Roll back to revision" not in browser.get(url("deployment")).content.decode()
    fail(two_revisions, state)
    page = browser.get(url("deployment")).content.decode()
    assert "Roll back to revision 1" in page
    answer = browser.post(url("deployment-rollback", 1), headers=HTMX, follow=True)
    assert answer.content.decode().lstrip().startswith('<div id="live"')
    two_revisions.refresh_from_db()
    newest = two_revisions.revisions.get(number=3)
    assert (two_revisions.revision, newest.restores, two_revisions.version.version) == (3, 1, "1.0")


def test_no_way_back_is_offered_from_a_revision_that_has_served(
    browser: Client, two_revisions: Deployment
) -> None:
    two_revisions.revisions.update(served_at=timezone.now())
    fail(two_revisions)
    assert "Roll back to revision" not in browser.get(url("deployment")).content.decode()


def test_a_viewer_is_offered_no_way_back(
    browser_of: Callable[[User], Client], viewer: User, two_revisions: Deployment
) -> None:
    fail(two_revisions)
    for address in (url("deployment"), url("deployment-revisions")):
        page = browser_of(viewer).get(address).content.decode()
        assert "Roll back to revision" not in page
        assert 'id="pause"' not in page


def test_revisions_tell_who_changed_what_and_what_served(browser: Client, two_revisions: Deployment) -> None:
    page = browser.get(url("deployment-revisions")).content.decode()
    assert "version 1.0 -&gt; 2.0" in page
    assert "environment LOG_LEVEL" in page
    assert "not yet seen" in page
    assert "deployer" in page


def test_any_two_revisions_can_be_compared_at_an_address_of_their_own(
    browser: Client, two_revisions: Deployment
) -> None:
    page = browser.get(url("deployment-revisions"), {"from": "2", "to": "1"}).content.decode()
    assert "Revision 2 to 1" in page
    assert '<span class="diff-removed">-' in page
    assert "local/house:1.0" in page
    for wrong in ("9", "x", "99999999999999999999", "-1"):
        assert browser.get(url("deployment-revisions"), {"from": wrong, "to": "1"}).status_code == 404


def test_going_back_is_confirmed_with_what_changes(browser: Client, two_revisions: Deployment) -> None:
    page = browser.get(url("deployment-rollback", 1)).content.decode()
    assert "version 2.0 -&gt; 1.0" in page
    assert "It becomes revision 3" in page
    answer = browser.post(url("deployment-rollback", 1), {"generation": two_revisions.generation})
    assert answer["Location"] == url("deployment")


def test_going_back_to_what_is_archived_asks_once_more(browser: Client, two_revisions: Deployment) -> None:
    ModelVersion.objects.filter(version="1.0").update(archived_at=timezone.now())
    answer = browser.post(url("deployment-rollback", 1))
    page = answer.content.decode()
    assert answer.status_code == 409
    assert 'name="confirm_archived" value="1"' in page
    assert "archived or deleted in the catalogue" in page
    two_revisions.refresh_from_db()
    assert two_revisions.revision == 2
    browser.post(url("deployment-rollback", 1), {"confirm_archived": "1"})
    two_revisions.refresh_from_db()
    assert two_revisions.revision == 3


def test_going_back_from_an_old_page_changes_nothing_and_shows_the_newest(
    browser: Client, two_revisions: Deployment, lead: User
) -> None:
    seen = two_revisions.generation
    intent.scale(two_revisions, 3, by=lead)
    answer = browser.post(url("deployment-rollback", 1), {"generation": seen})
    assert answer.status_code == 412
    assert 'role="alert"' in answer.content.decode()
    two_revisions.refresh_from_db()
    assert two_revisions.revision == 2


def test_many_revisions_cost_as_much_as_few(browser: Client, two_revisions: Deployment) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            assert browser.get(url("deployment-revisions"), {"from": 1, "to": 2}).status_code == 200
        return len(seen)

    few = queries()
    newest = two_revisions.revisions.get(number=2)
    Revision.objects.bulk_create(
        Revision(
            deployment=two_revisions, number=n, spec=newest.spec, version=newest.version, author="deployer"
        )
        for n in range(3, 60)
    )
    assert queries() == few <= 15
