"""Each refusal of a genuine cluster becomes the exception that says what it means."""

import asyncio
import json

import pytest

from k8s import errors
from k8s.client import KubernetesCluster
from k8s.client_async import AsyncCluster
from k8s.cluster import Ref
from k8s.refusals import error_from, status_object, warnings_in
from tests.k8s.samples import FOLDER, exchange
from tests.k8s.scripted import recorded, serving

MEANINGS = {
    "already_exists": errors.AlreadyExists,
    "bad_field_selector": errors.MalformedRequest,
    "bad_json_patch": errors.Invalid,
    "bad_label_selector": errors.MalformedRequest,
    "bad_quantity": errors.MalformedRequest,
    "bad_type": errors.MalformedRequest,
    "conflict_stale_rv": errors.ObjectConflict,
    "conflict_uid_precondition": errors.ObjectConflict,
    "evict_429_pdb": errors.EvictionBlocked,
    "exec_get_no_upgrade": errors.MalformedRequest,
    "exec_not_running": errors.MalformedRequest,
    "immutable_pod": errors.Invalid,
    "immutable_selector": errors.Invalid,
    "invalid_deploy_selector_mismatch": errors.Invalid,
    "invalid_name": errors.Invalid,
    "invalid_pod": errors.Invalid,
    "limitrange_exceeded": errors.LimitRangeExceeded,
    "logs_badname": errors.LogsNotReady,
    "logs_container_creating": errors.LogsNotReady,
    "logs_initfail": errors.LogsNotReady,
    "logs_noconfig": errors.LogsNotReady,
    "logs_nosecretvol": errors.LogsNotReady,
    "logs_previous_none": errors.LogsGone,
    "logs_pull": errors.LogsNotReady,
    "logs_wrong_container": errors.MalformedRequest,
    "malformed_json": errors.MalformedRequest,
    "metrics_not_yet": errors.NotFound,
    "notfound": errors.NotFound,
    "ns_terminating_create": errors.NamespaceTerminating,
    "podsecurity_forbidden": errors.PodSecurityViolation,
    "proxy_no_endpoints": errors.NotFound,
    "quota_exceeded": errors.QuotaExceeded,
    "quota_missing_request": errors.QuotaExceeded,
    "rv_too_large": errors.ClusterUnavailable,
    "scale_negative": errors.Invalid,
    "ssa_conflict": errors.FieldConflict,
    "ssa_no_fieldmanager": errors.Invalid,
    "strict_unknown_field": errors.MalformedRequest,
    "unknown_path": errors.NotFound,
    "unsupported_media": errors.MethodNotAllowed,
}


@pytest.mark.parametrize(("name", "meaning"), MEANINGS.items())
def test_a_recorded_refusal_has_its_meaning_and_keeps_the_clusters_words(
    name: str, meaning: type[errors.ClusterError]
) -> None:
    found = exchange(name)
    error = error_from(found.status, found.headers, found.body)
    told = status_object(found.body)
    assert type(error) is meaning
    assert error.status == found.status
    assert str(error) == (told.message if told else found.body.decode().strip())


@pytest.mark.parametrize(("name", "meaning"), MEANINGS.items())
async def test_both_clients_raise_it(name: str, meaning: type[errors.ClusterError]) -> None:
    with serving(lambda _: recorded(name)) as server:
        cluster = KubernetesCluster(server.access)
        with pytest.raises(meaning) as refused:
            await asyncio.to_thread(cluster.get, Ref("Pod", "a", "b"))
        cluster.close()
        async with AsyncCluster(server.access) as reader:
            with pytest.raises(meaning) as refused_again:
                await reader.read("/api/v1/namespaces/a/pods/b", {})
    assert type(refused.value) is type(refused_again.value) is meaning
    assert str(refused.value) == str(refused_again.value)
    assert refused.value.causes == refused_again.value.causes


def test_every_recorded_refusal_is_in_the_table() -> None:
    refusals = {p.stem for p in (FOLDER / "api").glob("*.json") if exchange(p.stem).status >= 400}
    assert refusals == set(MEANINGS)


@pytest.mark.parametrize(
    ("name", "meaning"), [("unauthorized_401", errors.Unauthorized), ("forbidden_403", errors.Forbidden)]
)
def test_refused_credentials_and_rights(name: str, meaning: type[errors.ClusterError]) -> None:
    error = error_from(int(name[-3:]), {}, (FOLDER / f"{name}.json").read_bytes())
    assert type(error) is meaning
    assert not error.retryable


def test_a_too_old_version_inside_a_success_is_expired() -> None:
    found = exchange("watch_rv_too_old_probe")
    inner = found.body[found.body.index(b'{"kind"') : -1]
    assert type(error_from(200, {}, inner)) is errors.Expired


def test_causes_name_the_fields() -> None:
    found = exchange("ssa_conflict")
    error = error_from(found.status, found.headers, found.body)
    assert error.causes[0] == errors.Cause(".spec.replicas", 'conflict with "one"', "FieldManagerConflict")


def test_how_long_to_wait_is_taken_from_the_header_or_the_body() -> None:
    found = exchange("rv_too_large")
    assert error_from(504, {}, found.body).retry_after_seconds == 1
    assert error_from(429, {"Retry-After": "7"}, b"slow down").retry_after_seconds == 7
    assert error_from(429, {"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, b"").retry_after_seconds is None


@pytest.mark.parametrize(
    ("status", "body", "meaning"),
    [
        (200, b"<html><title>Sign in</title>", errors.ClusterUnavailable),
        (302, b"", errors.ClusterUnavailable),
        (500, b"", errors.ClusterUnavailable),
        (502, b"<html>Bad gateway</html>", errors.ClusterUnavailable),
        (429, b"slow down", errors.TooManyRequests),
        (401, b"<html>who?</html>", errors.Unauthorized),
        (418, b"\xff\xfe", errors.MalformedRequest),
        (503, b'{"kind": "Other", "message": "x"}', errors.ClusterUnavailable),
        (503, b'{"kind": "Status", "code": "text"}', errors.ClusterUnavailable),
    ],
)
def test_what_is_not_from_kubernetes_is_understood_by_its_code(
    status: int, body: bytes, meaning: type[errors.ClusterError]
) -> None:
    error = error_from(status, {}, body)
    assert type(error) is meaning
    assert str(error)


def test_a_service_without_endpoints_is_not_a_cluster_out_of_reach() -> None:
    body = b'{"kind":"Status","message":"no endpoints available for service \\"x\\"","code":503}'
    assert type(error_from(503, {}, body)) is errors.ServiceHasNoEndpoints


def test_a_node_that_does_not_answer_for_its_logs_keeps_its_words() -> None:
    # Recorded from a node whose kubelet was stopped: no reason, no details.
    words = (
        'Get "https://198.18.0.2:10250/containerLogs/demo/house/server": dial tcp 198.18.0.2:10250: connect: '
    )
    told = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": 500}
    error = error_from(500, {}, json.dumps({**told, "message": words + "connection refused"}).encode())
    assert type(error) is errors.ClusterUnavailable
    assert str(error) == words + "connection refused"


def test_a_continue_token_that_is_too_old_is_expired_though_it_offers_another() -> None:
    told = {"kind": "Status", "metadata": {"continue": "another"}, "status": "Failure", "code": 410}
    message = "The provided continue parameter is too old to display a consistent list result."
    error = error_from(410, {}, json.dumps({**told, "reason": "Expired", "message": message}).encode())
    assert type(error) is errors.Expired
    assert str(error) == message


def test_warnings_are_read_from_their_header() -> None:
    header = exchange("_psa").headers["Warning"]
    first, second = warnings_in(header)
    assert (
        first
        == 'existing pods in namespace "err" violate the new PodSecurity enforce level "restricted:latest"'
    )
    assert second.startswith("d-69c4dbf549-749gn (and 1 other pod): allowPrivilegeEscalation != false,")
    assert warnings_in("") == ()
