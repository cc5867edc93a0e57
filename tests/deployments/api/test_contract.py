"""What every address keeps to, whatever it is about; those that are no route included."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, resolve

from deployments.api.urls import urlpatterns
from deployments.errors import DomainError
from deployments.models import Deployment, Model, Pod
from teams.models import Team
from tests.deployments.api.caller import PROBLEM, Caller
from tests.deployments.api.test_permissions import RULES, callers, kept

__all__ = ["callers", "kept"]

ONE = "teams/pricing/deployments/house/"


@pytest.mark.parametrize("route", sorted({route for route, _ in RULES}))
def test_a_trailing_slash_is_optional_on_every_route(route: str, kept: dict[str, object]) -> None:
    address = next(address for (name, _), (_, address, _) in RULES.items() if name == route).partition("?")[0]
    path = "/api/v1/" + address.format_map(kept)
    with_slash, without = resolve(path), resolve(path.rstrip("/"))
    assert (with_slash.url_name, with_slash.kwargs) == (without.url_name, without.kwargs)
    assert with_slash.url_name == route


def test_no_route_is_left_out_of_the_rules() -> None:
    named = {str(found.name) for found in urlpatterns if isinstance(found, URLPattern)}
    assert named - {route for route, _ in RULES} == {"home", "docs", "not-here"}


@pytest.mark.parametrize(
    ("method", "address", "headers", "status"),
    [
        ("GET", "/api/v1/nothing/", {}, 404),
        ("POST", "/api/v2/teams/", {}, 404),
        ("GET", "/api/v1/teams/pricing/deployments/a%20b/", {}, 404),
        ("POST", "/api/", {}, 405),
        ("DELETE", "/api/docs/", {}, 405),
        ("DELETE", "/api/v1/me/", {}, 405),
        ("OPTIONS", "/api/v1/me/", {}, 405),
        ("GET", "/api/v1/me/", {"accept": "image/png"}, 406),
        ("GET", "/api/v1/me/", {"authorization": "Bearer nonsense"}, 401),
        ("POST", f"/api/v1/{ONE}scale/", {"content-type": "text/csv"}, 415),
    ],
)
def test_every_refusal_is_a_problem(
    api: Caller, house: Deployment, method: str, address: str, headers: dict[str, str], status: int
) -> None:
    media = headers.pop("content-type", "application/json")
    answer = api.client.generic(method, address, "{}", media, headers=headers)
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, PROBLEM)
    assert answer.json()["status"] == status
    if status == 405:
        assert "GET" in answer.headers["Allow"]


def test_a_host_that_is_not_ours_is_told_so_in_a_problem(db: None, settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["deploy.example.org"]
    api = Client().get("/api/v1/me/", headers={"Host": "evil.example.org"})
    assert (api.status_code, api.headers["Content-Type"]) == (400, PROBLEM)
    page = Client().get("/", headers={"Host": "evil.example.org"})
    assert (page.status_code, page.headers["Content-Type"]) == (400, "text/plain")
    assert b"evil" not in api.content + page.content


def every_error(kind: type[DomainError] = DomainError) -> Iterator[type[DomainError]]:
    for found in kind.__subclasses__():
        yield found
        yield from every_error(found)


def test_not_now_says_when() -> None:
    silent = [found for found in every_error() if found.status == 503 and not found.retry_after_seconds]
    assert silent == []


def test_a_pod_is_deleted_only_of_the_generation_that_was_seen(api: Caller, house: Deployment) -> None:
    assert api.delete(ONE + "pods/house-1/", if_match='"7"').status_code == 412
    assert api.delete(ONE + "pods/house-1/", if_match='"1"').status_code == 202


def test_lists_are_filtered_by_their_fields(api: Caller, house: Deployment, model: Model) -> None:
    Pod.objects.create(
        cluster=house.cluster,
        deployment=house,
        uid="2",
        namespace="pricing",
        name="house-2",
        phase="Pending",
        facts={"uid": "2", "name": "house-2"},
    )
    versions = "teams/pricing/models/house/versions/"
    api.patch(versions + "1.0/", {"archived": True, "framework": "numpy"})
    for address, count in (
        (ONE + "pods/?phase=Pending", 1),
        (ONE + "pods/?ready=true&node=local", 1),
        (ONE + "pods/?ready=false", 1),
        (ONE + "pods/?phase=Pending&ready=true", 0),
        ("teams/pricing/models/?task=regression", 1),
        ("teams/pricing/models/?task=other", 0),
        ("teams/pricing/models/?archived=true", 0),
        (versions + "?archived=true", 1),
        (versions + "?archived=false", 1),
        (versions + "?framework=numpy", 1),
        (versions + "?image=local/house:2.0", 1),
        ("operations/?action=create", 1),
        ("operations/?action=scale", 0),
    ):
        assert api.get(address).json()["count"] == count, address
    assert api.get(ONE + "pods/?ready=perhaps").status_code == 422


def test_a_page_holds_50_unless_asked_and_never_more_than_500(api: Caller, team: Team) -> None:
    Model.objects.bulk_create(Model(team=team, name=f"model-{number}") for number in range(501))
    sizes = [
        len(api.get(f"teams/pricing/models/{question}").json()["results"])
        for question in ("", "?limit=7", "?limit=1000", "?offset=500")
    ]
    assert sizes == [50, 7, 500, 1]
