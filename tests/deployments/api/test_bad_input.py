"""Bad input is a problem that names the field: never a 500, never a guess."""

from typing import Any

import pytest

from deployments.models import Cluster, Deployment, Model
from deployments.spec.reader import MOST_ERRORS
from teams.models import Team
from tests.deployments.api.caller import Caller, fields

LIST = "teams/pricing/deployments/"
ONE = "teams/pricing/deployments/house/"
GOOD: dict[str, Any] = {"name": "new", "model": "house", "version": "1.0"}

CREATES: list[tuple[dict[str, Any], str]] = [
    ({"name": "Upper"}, "name"),
    ({"name": "a_b"}, "name"),
    ({"name": "-a"}, "name"),
    ({"name": "a" * 51}, "name"),
    ({"name": "1st"}, "name"),
    ({"name": ""}, "name"),
    ({"name": 7}, "name"),
    ({"name": None}, "name"),
    ({"image": "not an image", "model": None, "version": None}, "image"),
    ({"image": "x/UPPER:1", "model": None, "version": None}, "image"),
    ({"model": "nothing"}, "model"),
    ({"version": "9.9"}, "version"),
    ({"replicas": -1}, "replicas"),
    ({"replicas": 10**30}, "replicas"),
    ({"replicas": "3"}, "replicas"),
    ({"replicas": 1.5}, "replicas"),
    ({"replicas": True}, "replicas"),
    ({"replicas": 101}, "replicas"),
    ({"resources": {"memory": "1Gb"}}, "resources.memory"),
    ({"resources": {"cpu": "-1"}}, "resources.cpu"),
    ({"resources": {"cpu": "0.0001m"}}, "resources.cpu"),
    ({"resources": {"memory": "512Mi", "memory_limit": "256Mi"}}, "resources.memory_limit"),
    ({"resources": {"cpu": "2", "cpu_limit": "1"}}, "resources.cpu_limit"),
    ({"resources": {"disk": "1Gi"}}, "resources.disk"),
    ({"resources": []}, "resources"),
    ({"port": 0}, "port"),
    ({"port": 70000}, "port"),
    ({"service": {"type": "NodePort", "node_port": 80}}, "service.node_port"),
    ({"service": {"type": "NodePort", "node_port": 32768}}, "service.node_port"),
    ({"service": {"type": "ExternalName"}}, "service.type"),
    ({"env": [{"name": "9A", "value": "x"}]}, "env[0].name"),
    ({"env": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]}, "env[1].name"),
    ({"env": {"A": "1"}}, "env"),
    ({"cluster": "moon"}, "cluster"),
    ({"colour": "red"}, "colour"),
    ({"preset": "huge"}, "preset"),
    ({"status": {"state": "running"}}, "status"),
    ({"autoscaling": {"max_replicas": 2}}, "autoscaling.target_cpu_percent"),
    ({"autoscaling": {"target_cpu_percent": 70}}, "autoscaling.max_replicas"),
    (
        {"autoscaling": {"min_replicas": 3, "max_replicas": 2, "target_cpu_percent": 70}},
        "autoscaling.min_replicas",
    ),
    ({"autoscaling": {"max_replicas": "2", "target_cpu_percent": 70}}, "autoscaling.max_replicas"),
    ({"autoscaling": {"max_replicas": 2, "target_cpu_percent": 0}}, "autoscaling.target_cpu_percent"),
    ({"autoscaling": 3}, "autoscaling"),
    ({"rollout": {"strategy": "Sideways"}}, "rollout.strategy"),
    ({"rollout": {"auto_rollback": "yes"}}, "rollout.auto_rollback"),
    ({"security": {"run_as_user": -1}}, "security.run_as_user"),
    ({"security": {"privileged": True}}, "security.privileged"),
    ({"start_seconds": 0}, "start_seconds"),
    ({"node_preset": "moon"}, "node_preset"),
    ({"registry": "nowhere.example"}, "registry"),
    ({"env": [{"name": "KEY", "secret": True}]}, "env[0].value"),
    ({"env": [{"name": "KEY", "secret": "yes", "value": "1"}]}, "env[0].secret"),
]


@pytest.mark.parametrize(("change", "field"), CREATES)
def test_a_create_names_the_wrong_field(
    change: dict[str, Any], field: str, api: Caller, model: Model
) -> None:
    answer = api.post(LIST, {**GOOD, **change})
    assert answer.status_code == 422, answer.content
    assert field in fields(answer)
    assert not Deployment.objects.exists()


def test_all_wrong_fields_are_named_at_once(api: Caller, model: Model) -> None:
    answer = api.post(LIST, {**GOOD, "replicas": "3", "port": 0, "colour": 1})
    assert {"replicas", "port", "colour"} <= set(fields(answer))


def test_many_small_mistakes_get_no_large_answer(api: Caller, model: Model) -> None:
    many = {f"field{number}": 1 for number in range(5_000)}
    for address in (LIST, "deployments/bulk/"):
        answer = api.post(address, many)
        assert answer.status_code == 422
        assert len(answer.json()["errors"]) == MOST_ERRORS


def test_a_node_port_in_use_is_refused(api: Caller, make_house: Any) -> None:
    service = {"type": "NodePort", "node_port": 30001}
    make_house(service=service)
    assert "service.node_port" in fields(api.post(LIST, {**GOOD, "service": service}))


def test_a_duplicate_name_is_a_conflict(api: Caller, house: Deployment) -> None:
    answer = api.post(LIST, {**GOOD, "name": "house", "replicas": 7})
    assert (answer.status_code, answer.json()["code"]) == (409, "duplicate_name")


def test_a_deployed_version_cannot_be_deleted(api: Caller, house: Deployment) -> None:
    answer = api.delete("teams/pricing/models/house/versions/1.0/")
    assert (answer.status_code, answer.json()["code"]) == (409, "version_in_use")


@pytest.mark.parametrize(
    ("method", "address", "body"),
    [
        ("PATCH", ONE, {"replicas": 2}),
        ("POST", ONE + "scale/", {"replicas": 2}),
        ("POST", ONE + "restart/", None),
        ("POST", ONE + "pause/", None),
        ("POST", ONE + "resume/", None),
        ("POST", ONE + "rollback/", {"revision": 1}),
        ("DELETE", ONE, None),
    ],
)
def test_nothing_can_be_asked_of_what_is_being_deleted(
    method: str, address: str, body: Any, api: Caller, house: Deployment
) -> None:
    assert api.delete(ONE).status_code == 202
    answer = api.send(method, address, body)
    assert (answer.status_code, answer.json()["code"]) == (409, "being_deleted")


@pytest.mark.parametrize("body", [
    "", "{", "nope", "[]", '"text"', "3", "null", '{"name": NaN}', '{"a": 1e999}', '{"a": 1, "a": 2}',
    '{"name": "\\ud800"}', '{"name": "a\\u0000b"}', '{"\\u0000": 1}', '{"env": [["\\u0000"]]}',
    b"\xff\xfe", b'\xef\xbb\xbf{"name": "a"}', "[" * 100_000, '{"a":' * 50_000,
    '{"a":' * 150 + "1" + "}" * 150, '{"a": ' + "[" * 800 + "]" * 800 + "}",
    '{"replicas": ' + "9" * 5000 + "}",
])  # fmt: skip
def test_what_is_no_json_object_is_malformed(body: Any, api: Caller, team: Team) -> None:
    answer = api.post(LIST, body)
    assert answer.status_code in {400, 422}, answer.content
    assert fields(answer)


def test_a_body_over_a_megabyte_is_too_large(api: Caller, team: Team) -> None:
    answer = api.post(LIST, '{"name": "' + "a" * 5_000_000 + '"}')
    assert answer.status_code == 413


@pytest.mark.parametrize(
    "media", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "é"]
)
def test_another_media_type_is_415(media: str, api: Caller, team: Team) -> None:
    assert api.send("POST", LIST, '{"name": "a"}', media).status_code == 415


@pytest.mark.parametrize("address", [
    "deployments/?limit=x", "deployments/?limit=0", "deployments/?limit=-1", "deployments/?offset=-1",
    "deployments/?offset=99999999999999999999", "deployments/?ordering=colour", "deployments/?status=happy",
    "deployments/?search=%00", "deployments/?team=%00", "teams/pricing/deployments/house/logs/?tail=x",
    "teams/pricing/deployments/house/logs/?since=yesterday",
    "teams/pricing/deployments/house/logs/?follow=maybe",
    "operations/?state=lost", "teams/pricing/deployments/house/events/?type=Bad",
])  # fmt: skip
def test_a_bad_query_parameter_is_named(address: str, api: Caller, house: Deployment) -> None:
    answer = api.get(address)
    assert answer.status_code == 422
    assert list(fields(answer)) == [address.partition("?")[2].partition("=")[0]]


def test_a_bad_wait_stores_nothing(api: Caller, model: Model) -> None:
    assert fields(api.post(LIST + "?wait=soon", GOOD)) == {"wait": "invalid"}
    assert not Deployment.objects.exists()


@pytest.mark.parametrize("body", [None, {}, {"replicas": None}, {"replicas": "5"}, {"replicas": 5, "by": 1}])
def test_a_bad_scale_is_named(body: Any, api: Caller, house: Deployment) -> None:
    answer = api.post(ONE + "scale/", body)
    assert answer.status_code == 422
    assert set(fields(answer)) <= {"replicas", "by"}


@pytest.mark.parametrize(("method", "address", "status"), [
    ("GET", "nothing/", 404),
    ("POST", "nothing/", 404),
    ("GET", "/api/v1/", 404),
    ("GET", "/api/v2/deployments/", 404),
    ("GET", "teams/%00/deployments/", 404),
    ("GET", "teams/nobody/deployments/", 404),
    ("POST", "teams/nobody/deployments/", 404),
    ("GET", "teams/pricing/deployments/nothing/", 404),
    ("DELETE", "teams/pricing/deployments/house/pods/nothing/", 404),
    ("GET", "teams/pricing/deployments/house/revisions/99/", 404),
    ("GET", "operations/00000000-0000-0000-0000-000000000000/", 404),
    ("GET", "operations/" + "-" * 36 + "/", 404),
    ("PUT", "teams/pricing/deployments/house/", 405),
    ("OPTIONS", "deployments/", 405),
    ("DELETE", "deployments/", 405),
])  # fmt: skip
def test_what_is_not_there_is_a_problem_too(
    method: str, address: str, status: int, api: Caller, house: Deployment
) -> None:
    answer = api.send(method, address)
    assert answer.status_code == status
    if status == 405:
        assert "GET" in answer.headers["Allow"]


def test_the_registering_image_must_agree_with_the_catalogue(api: Caller, model: Model) -> None:
    answer = api.post(LIST, {"name": "new", "image": "elsewhere/house:1.0"})
    assert (answer.status_code, answer.json()["code"]) == (409, "version_has_another_image")


def test_an_accept_that_cannot_be_met_is_406(api: Caller, cluster: Cluster) -> None:
    assert api.get("deployments/", accept="image/png").status_code == 406
