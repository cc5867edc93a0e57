"""`running` is said when the deployment's own address has answered for its newest pods, and not before."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from deployments import diagnosing, endpoint, intent
from deployments.endpoint_check import check_endpoint
from deployments.models import Deployment, Operation
from deployments.observe import liveness, recording
from deployments.observe.batches import Word
from deployments.reconcile import find_unsettled, reconcile_deployment
from k8s import errors
from k8s.cluster import ProxyResponse
from k8s.facts import Facts
from k8s.watch import Changed, Listed
from tests.deployments import sights
from tests.deployments.fake_cluster import FakeCluster

LONG_AGO = timedelta(minutes=5)


class Answering(FakeCluster):
    """A cluster whose Services say what they are told to; `asked` are the addresses that were asked."""

    def __init__(self) -> None:
        super().__init__()
        self.says: int | errors.ClusterError = 200
        self.asked: list[tuple[str, str, int, str]] = []

    def service_proxy(self, namespace: str, service: str, port: int, **request: Any) -> ProxyResponse:
        self.asked.append((namespace, service, port, request["path"]))
        if isinstance(self.says, errors.ClusterError):
            raise self.says
        return ProxyResponse(self.says, {}, b"", False, 1.0)


@pytest.fixture(autouse=True)
def asked_for(settings: Any) -> None:
    settings.ENDPOINT_CHECK = True


@pytest.fixture
def cluster_there() -> Answering:
    return Answering()


@pytest.fixture
def ready(deployment: Deployment, cluster_there: Answering) -> Deployment:
    """Applied, and every pod ready."""
    reconcile_deployment(deployment.pk, connect=cluster_there)
    return see(deployment)


def words(row: Deployment, generation: int = 1, ready_for: timedelta = timedelta()) -> list[Word]:
    pods: list[Facts] = []
    for number in range(row.replicas):
        pod = sights.pod(row, number)
        pods.append(sights.ready_since(pod, datetime.now(UTC) - ready_for) if ready_for else pod)
    return [
        ("Deployment", Listed([sights.workload(row, generation=generation)], "1")),
        ("Pod", Listed(pods, "1")),
    ]


def see(row: Deployment, **how: Any) -> Deployment:
    row = Deployment.objects.get(pk=row.pk)
    recording.record(row.cluster_id, words(row, **how))
    return Deployment.objects.get(pk=row.pk)


def test_ready_pods_wait_for_their_address(ready: Deployment) -> None:
    assert (ready.state, ready.message) == (
        "deploying",
        "2 of 2 replicas ready: waiting for its address to answer",
    )
    assert Operation.objects.get().state == "waiting"
    recorded = recording.record(ready.cluster_id, words(ready))
    assert recorded.to_check == {ready.pk}
    assert liveness.recheck(ready.cluster_id).to_check == {ready.pk}
    assert find_unsettled().unanswered == [ready.pk]


def test_an_answer_makes_it_running(ready: Deployment, cluster_there: Answering) -> None:
    assert check_endpoint(ready.pk, connect=cluster_there) == "answered"
    assert cluster_there.asked == [("pricing", "house-prices", 5001, "/healthz")]
    ready.refresh_from_db()
    assert (ready.state, ready.message) == ("running", "2 of 2 replicas ready")
    assert Operation.objects.get().state == "succeeded"
    assert recording.record(ready.cluster_id, words(ready)).to_check == set()
    assert find_unsettled().unanswered == []


@pytest.mark.parametrize("status", [200, 204, 301, 307])
def test_any_good_answer_counts(ready: Deployment, cluster_there: Answering, status: int) -> None:
    cluster_there.says = status
    assert check_endpoint(ready.pk, connect=cluster_there) == "answered"


@pytest.mark.parametrize(
    ("says", "problem"),
    [
        (404, "/healthz is answered with 404"),
        (500, "/healthz is answered with 500"),
        (errors.AnswerTooSlow("time is up"), "no answer from /healthz within 3 s"),
        (errors.ServiceHasNoEndpoints("dial tcp: connection refused"), "dial tcp: connection refused"),
    ],
)
def test_no_answer_becomes_a_failure_that_says_why(
    ready: Deployment, cluster_there: Answering, says: int | errors.ClusterError, problem: str
) -> None:
    cluster_there.says = says
    assert check_endpoint(ready.pk, connect=cluster_there) == "silent"
    ready.refresh_from_db()
    assert (ready.state, ready.answer_problem, ready.diagnosis) == ("deploying", problem, None)

    ready = see(ready, ready_for=LONG_AGO)
    assert ready.state == "failed"
    assert ready.message == f"2 of 2 replicas ready: its address does not answer: {problem}"
    diagnosis = ready.diagnosis or {}
    assert (diagnosis["code"], diagnosis["evidence"][0]["text"]) == ("no_answer", problem)

    cluster_there.says = 200
    assert find_unsettled().unanswered == [ready.pk]
    assert check_endpoint(ready.pk, connect=cluster_there) == "answered"
    ready.refresh_from_db()
    assert (ready.state, ready.diagnosis, ready.answer_problem) == ("running", None, "")


def test_the_same_silence_is_told_once(ready: Deployment, cluster_there: Answering) -> None:
    cluster_there.says = 500
    check_endpoint(ready.pk, connect=cluster_there)
    see(ready, ready_for=LONG_AGO)
    assert diagnosing.rediagnose([ready.pk]) == {}


@pytest.mark.parametrize("trouble", [errors.ClusterUnavailable("gone"), errors.TooManyRequests("slowly")])
def test_the_clusters_own_trouble_says_nothing_about_it(
    ready: Deployment, cluster_there: Answering, trouble: errors.ClusterError
) -> None:
    cluster_there.says = trouble
    assert check_endpoint(ready.pk, connect=cluster_there) == "unknown"
    assert see(ready, ready_for=LONG_AGO).state == "deploying"


def test_where_we_may_not_ask_the_nodes_own_check_has_to_do(
    ready: Deployment, cluster_there: Answering
) -> None:
    cluster_there.says = errors.Forbidden('cannot get resource "services/proxy"')
    assert check_endpoint(ready.pk, connect=cluster_there) == "answered"


def test_a_count_or_a_crash_asks_no_second_time(
    ready: Deployment, cluster_there: Answering, deployer: User
) -> None:
    check_endpoint(ready.pk, connect=cluster_there)
    intent.scale(ready, 3, by=deployer)
    reconcile_deployment(ready.pk, connect=cluster_there)
    ready = see(ready, generation=2)
    assert ready.state == "running"
    crashed = sights.pod(ready, 0, ready=False, crashes=1)
    recording.record(ready.cluster_id, [("Pod", Changed(crashed))])
    assert see(ready, generation=2).state == "running"
    assert len(cluster_there.asked) == 1


def test_other_pods_are_asked_anew(ready: Deployment, cluster_there: Answering, deployer: User) -> None:
    check_endpoint(ready.pk, connect=cluster_there)
    intent.restart(ready, by=deployer)
    reconcile_deployment(ready.pk, connect=cluster_there)
    ready = see(ready, generation=2)
    assert ready.state == "deploying"
    assert check_endpoint(ready.pk, connect=cluster_there) == "answered"
    ready.refresh_from_db()
    assert (ready.state, len(cluster_there.asked)) == ("running", 2)


def test_what_older_pods_said_is_not_held_against_newer_ones(
    ready: Deployment, cluster_there: Answering, deployer: User
) -> None:
    cluster_there.says = 500
    check_endpoint(ready.pk, connect=cluster_there)
    intent.update_deployment(ready, {"version": "2.0"}, by=deployer)
    reconcile_deployment(ready.pk, connect=cluster_there)
    ready = see(ready, generation=2, ready_for=LONG_AGO)
    assert (ready.state, ready.answer_problem) == ("deploying", "")


def test_an_answer_of_pods_that_were_replaced_meanwhile_is_forgotten(
    ready: Deployment, cluster_there: Answering, deployer: User
) -> None:
    class Replacing(Answering):
        def service_proxy(self, *place: Any, **request: Any) -> ProxyResponse:
            intent.update_deployment(ready, {"version": "2.0"}, by=deployer)
            reconcile_deployment(ready.pk, connect=self)
            see(ready, generation=2)
            return super().service_proxy(*place, **request)

    check_endpoint(ready.pk, connect=_continued(Replacing(), cluster_there))
    ready.refresh_from_db()
    assert (ready.state, ready.answered_template) == ("deploying", "")


def _continued(new: Answering, old: Answering) -> Answering:
    new.objects = old.objects
    return new


def test_nothing_is_asked_before_every_pod_is_ready(deployment: Deployment, cluster_there: Answering) -> None:
    reconcile_deployment(deployment.pk, connect=cluster_there)
    row = Deployment.objects.get(pk=deployment.pk)
    first: list[Word] = [
        ("Deployment", Listed([sights.workload(row)], "1")),
        ("Pod", Changed(sights.pod(row, 0))),
    ]
    assert recording.record(row.cluster_id, first).to_check == set()
    assert check_endpoint(row.pk, connect=cluster_there) == "settled"
    assert (find_unsettled().unanswered, cluster_there.asked) == ([], [])


def test_what_ran_before_addresses_were_asked_goes_on_running(
    deployment: Deployment, cluster_there: Answering, settings: Any
) -> None:
    settings.ENDPOINT_CHECK = False
    reconcile_deployment(deployment.pk, connect=cluster_there)
    assert see(deployment).state == "running"
    settings.ENDPOINT_CHECK = True
    assert see(deployment).state == "running"


def test_patience_counts_from_the_last_pod_that_became_ready(ready: Deployment) -> None:
    now = timezone.now()
    pods = [sights.ready_since(sights.pod(ready, n), now - timedelta(seconds=n)) for n in (40, 5)]
    assert endpoint.ready_since(ready, pods, now) == now - timedelta(seconds=5)
