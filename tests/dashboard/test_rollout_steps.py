"""The steps of the newest rollout, as the overview of a deployment and REST show them."""

from collections.abc import Callable
from datetime import timedelta

from django.test import Client
from django.urls import reverse

from deployments.models import Deployment, Revision


def came(row: Deployment, **seconds: float) -> None:
    """Says how many seconds after it was asked for each step came."""
    revision = Revision.objects.get(deployment=row, number=row.revision)
    revision.milestones = {
        step: (revision.created_at + timedelta(seconds=after)).isoformat() for step, after in seconds.items()
    }
    revision.save(update_fields=["milestones"])


def page_of(browser: Client, row: Deployment) -> str:
    return browser.get(reverse("deployment", args=[row.team.name, row.name])).content.decode()


def step(text: str, name: str) -> str:
    """One step's own part of the page, without its spaces."""
    begin = text.index(f'id="step-{name}"')
    return " ".join(text[begin : text.index("</li>", begin)].split())


def test_the_overview_shows_what_each_step_took_and_what_is_under_way(
    make: Callable[..., Deployment], browser: Client
) -> None:
    row = make("house-prices", state="deploying")
    came(row, applied=0.4, scheduled=1.5, pulled=63.5)
    text = page_of(browser, row)
    assert "+0.4 s" in step(text, "applied")
    assert "+1.1 s" in step(text, "scheduled")
    assert "+1 min 2 s" in step(text, "pulled")
    assert 'aria-current="step"' in step(text, "started")
    assert "data-age" in step(text, "started")
    assert "still to come" in step(text, "ready")


def test_a_step_that_something_prevents_is_not_shown_as_under_way(
    make: Callable[..., Deployment], browser: Client
) -> None:
    row = make("house-prices", state="failed")
    came(row, applied=0.4, scheduled=1.5, pulled=2.0, started=2.1)
    text = page_of(browser, row)
    assert 'class="step-stuck" aria-current="step"' in step(text, "ready")
    assert "stuck:" in step(text, "ready")
    assert "step-now" not in text


def test_a_rollout_that_runs_has_nothing_under_way(make: Callable[..., Deployment], browser: Client) -> None:
    row = make("house-prices", state="running")
    came(row, applied=0.4, ready=1.0)
    text = page_of(browser, row)
    assert "+0.6 s" in step(text, "ready")
    assert 'aria-current="step"' not in text
    assert 'id="step-pulled"' not in text


def test_without_milestones_there_is_no_panel(make: Callable[..., Deployment], browser: Client) -> None:
    assert 'id="rollout-steps"' not in page_of(browser, make("house-prices"))


def test_revisions_tell_them_over_rest(make: Callable[..., Deployment], browser: Client) -> None:
    row = make("house-prices", state="running")
    came(row, applied=0.5, answering=2.0)
    told = browser.get(f"/api/v1/teams/{row.team.name}/deployments/{row.name}/revisions/1/").json()[
        "milestones"
    ]
    assert [(each["name"], each["seconds"]) for each in told] == [
        ("asked", None),
        ("applied", 0.5),
        ("answering", 1.5),
    ]
