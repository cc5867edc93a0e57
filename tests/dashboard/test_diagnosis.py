"""What is wrong stands on the pages, word for word and harmless, with the one press that mends it."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from dashboard.inert import made_inert
from deployments.models import Deployment, State
from tests.deployments.told import WRONG_PORT

HOSTILE = "</script><img src=x onerror=alert(1)> \x1b[31mred\x1b[0m \u202egnp.exe\u202c"


@pytest.fixture
def broken(deployment: Deployment) -> Deployment:
    return diagnosed(deployment, WRONG_PORT)


def diagnosed(deployment: Deployment, found: dict[str, Any], **columns: Any) -> Deployment:
    told = {**found, "generation": deployment.generation}
    columns = {"state": State.FAILED, "ready_replicas": 0, "message": "It is not ready", **columns}
    Deployment.objects.filter(pk=deployment.pk).update(diagnosis=told, **columns)
    deployment.refresh_from_db()
    return deployment


def page_of(client: Client, deployment: Deployment) -> str:
    return client.get(reverse("deployment", args=[deployment.team.name, deployment.name])).content.decode()


def press(client: Client, deployment: Deployment, **typed: str) -> Any:
    address = reverse("deployment-fix", args=[deployment.team.name, deployment.name])
    return client.post(address, {"code": "wrong_port", "generation": str(deployment.generation), **typed})


def test_the_page_says_cause_advice_evidence_and_what_the_fix_changes(
    browser: Client, broken: Deployment
) -> None:
    page = page_of(browser, broken)
    assert "The server listens on port 7007, but port 5001 is asked." in page
    assert "Set the container port to 7007." in page
    assert "serving on port 7007" in page
    assert "Unhealthy: connection refused" in page
    assert "Makes a new revision: port 5001 -&gt; 7007." in page


def test_one_press_makes_a_revision_and_twice_makes_no_more(browser: Client, broken: Deployment) -> None:
    for _ in range(2):
        assert press(browser, broken).status_code == 302
    now = Deployment.objects.get(pk=broken.pk)
    assert (now.revision, now.generation, now.spec["port"]) == (2, 2, 7007)
    # What is true of the new revision is not known yet.
    assert "The server listens on port 7007" not in page_of(browser, broken)


def test_a_press_on_what_is_no_longer_so_is_told(browser: Client, broken: Deployment) -> None:
    answer = press(browser, broken, code="no_room")
    assert answer.status_code == 409
    assert "What is wrong has changed" in answer.content.decode()
    assert Deployment.objects.get(pk=broken.pk).revision == 1


def test_a_viewer_reads_the_cause_and_is_offered_no_button(
    browser_of: Callable[[User], Client], viewer: User, broken: Deployment
) -> None:
    page = page_of(browser_of(viewer), broken)
    assert "The server listens on port 7007" in page
    assert reverse("deployment-fix", args=["pricing", broken.name]) not in page


def test_evidence_is_verbatim_and_inert(browser: Client, deployment: Deployment) -> None:
    evidence = [{"kind": kind, "source": "p", "text": HOSTILE, "at": None} for kind in ("log", "event")]
    page = page_of(browser, diagnosed(deployment, {**WRONG_PORT, "evidence": evidence}))
    assert page.count("&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt; red \\u202egnp.exe\\u202c") == 2
    assert "<img src=x" not in page
    assert not set("\x1b\u202e\u202c") & set(page)


def test_characters_that_hide_or_turn_are_shown_as_codes() -> None:
    assert made_inert("a\r\nb\tc") == "a\nb\tc"
    assert made_inert("10%\r100%\x00\x9b") == "10%\\x0d100%\\x00\\x9b"
    assert made_inert("\u200bzero\ufeff\u2066") == "\\u200bzero\\ufeff\\u2066"
    assert made_inert("\x1b]8;;http://x\x07link\x1b]8;;\x07 \x1b[1;31mé") == "link é"


def test_lists_say_the_cause(browser: Client, broken: Deployment) -> None:
    for address in ("deployments", "overview"):
        page = browser.get(reverse(address)).content.decode()
        assert "The server listens on port 7007, but port 5001 is asked." in page, address


def test_history_explains_nothing(browser: Client, broken: Deployment) -> None:
    Deployment.objects.filter(pk=broken.pk).update(deleted_at=broken.created_at, state=State.DELETED)
    assert 'id="diagnosis"' not in page_of(browser, broken)


def test_the_way_back_is_offered_once(browser: Client, deployment: Deployment) -> None:
    deployment.revisions.filter(number=1).update(served_at=deployment.created_at)
    browser.post(reverse("deployment-roll-out", args=["pricing", deployment.name]), {"version": "2.0"})
    deployment.refresh_from_db()
    label = {"en": "Roll back to revision 1", "pt": "Reverter para a revisão 1"}
    way_back = {"action": "roll_back", "label": label, "changes": {}, "revision": 1}
    diagnosed(deployment, {**WRONG_PORT, "fix": way_back}, applied_generation=2)
    page = page_of(browser, deployment)
    assert page.count("<span>Roll back to revision 1</span>") == 1
    assert "version 2.0 -&gt; 1.0" in page
    assert press(browser, deployment).status_code == 302
    assert Deployment.objects.get(pk=deployment.pk).spec["version"] == "1.0"
