"""What admins keep for everybody, in a browser without JavaScript."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from deployments.models import Cluster, Model, NodePreset, SizePreset

SIZE = {
    "name": "huge",
    "description": "Transformers",
    "cpu": "4",
    "cpu_limit": "8",
    "memory": "16Gi",
    "memory_limit": "32Gi",
    "gpu": "2",
    "position": "7",
}
NODES = {"name": "a100", "description": "Nodes with an A100", "node_selector": "gpu=a100\n\n pool = big "}


def words_of(answer: Any) -> str:
    text: str = answer.content.decode()
    return text


@pytest.fixture(autouse=True)
def stage(cluster: Cluster) -> None:
    """The cluster local, and one size."""
    SizePreset.objects.create(
        name="small", cpu="100m", memory="128Mi", cpu_limit="500m", memory_limit="256Mi"
    )


@pytest.fixture
def desk(admin: User, browser_of: Callable[[User], Client]) -> Client:
    """The admin's browser."""
    return browser_of(admin)


def test_a_size_is_added_and_offered_in_its_place(desk: Client, house: Model, team: object) -> None:
    answer = desk.post(reverse("platform-size-new"), SIZE, follow=True)
    assert "Size huge is saved" in words_of(answer)
    size = SizePreset.objects.get(name="huge")
    assert (size.cpu, size.memory_limit, size.gpu, size.position) == ("4", "32Gi", 2, 7)
    offered = words_of(desk.get(reverse("deployments-new")))
    assert offered.index("128Mi") < offered.index("Transformers")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "Huge Size"),
        ("name", ""),
        ("name", "small"),
        ("cpu", "-1"),
        ("cpu", ""),
        ("memory", "1Gb"),
        ("memory_limit", "1Gi"),
        ("cpu_limit", "1"),
        ("gpu", "many"),
        ("position", "-3"),
    ],
)
def test_a_mistake_in_a_size_is_said_at_its_field_and_what_was_typed_stays(
    field: str, value: str, desk: Client
) -> None:
    answer = desk.post(reverse("platform-size-new"), {**SIZE, field: value})
    page = words_of(answer)
    assert answer.status_code in {409, 422}
    assert f'id="{field}-error"' in page
    assert 'value="Transformers"' in page
    assert f'name="{field}" value="{value}"' in page
    assert not SizePreset.objects.filter(name="huge").exists()


def test_a_size_is_changed_from_what_it_is(desk: Client) -> None:
    url = reverse("platform-size", args=["small"])
    assert 'value="128Mi"' in words_of(desk.get(url))
    desk.post(url, {**SIZE, "name": "small", "gpu": ""})
    assert (SizePreset.objects.get().memory, SizePreset.objects.get().gpu) == ("16Gi", 0)


def test_the_last_size_stays_and_the_page_says_why(desk: Client) -> None:
    answer = desk.post(reverse("platform-size-delete", args=["small"]))
    assert answer.status_code == 409
    assert "last size" in words_of(answer)
    SizePreset.objects.create(name="other", cpu="1", memory="1Gi", cpu_limit="1", memory_limit="1Gi")
    assert desk.post(reverse("platform-size-delete", args=["small"])).status_code == 302
    assert [size.name for size in SizePreset.objects.all()] == ["other"]


def test_prices_are_set_shown_and_emptied(desk: Client, cluster: Cluster) -> None:
    url = reverse("platform-cluster", args=["local"])
    typed = {
        "gpu_resource": "amd.com/gpu",
        "currency": "BRL",
        "price_cpu_hour": "0.2",
        "price_gpu_hour": "12",
        "cost_basis": "requested",
        "node_address": "node1.example.com",
        "prometheus_url": "https://prometheus.example.com",
    }
    page = words_of(desk.post(url, typed, follow=True))
    assert "0.2 BRL</span> a core" in page
    assert "12 BRL</span> a GPU" in page
    assert 'name="price_cpu_hour" value="0.2"' in words_of(desk.get(url))
    shown = words_of(desk.get(url))
    assert '<option value="requested" selected>' in shown
    assert 'value="https://prometheus.example.com"' in shown
    cluster.refresh_from_db()
    assert (cluster.node_address, cluster.cost_basis) == ("node1.example.com", "requested")
    desk.post(url, {"gpu_resource": "amd.com/gpu", "currency": "BRL", "cost_basis": "larger"})
    cluster.refresh_from_db()
    assert (cluster.node_address, cluster.prometheus_url) == ("", "")
    assert (cluster.price_cpu_hour, cluster.gpu_resource) == (None, "amd.com/gpu")
    assert "not known" in words_of(desk.get(reverse("platform")))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("gpu_resource", "gpu"),
        ("gpu_resource", ""),
        ("currency", "euro"),
        ("currency", "eur"),
        ("price_cpu_hour", "cheap"),
        ("price_memory_gib_hour", "-1"),
        ("price_gpu_hour", "NaN"),
        ("cost_basis", "free"),
        ("node_address", "http://node1/"),
        ("prometheus_url", "http://169.254.169.254/"),
    ],
)
def test_a_mistake_about_a_cluster_is_said_at_its_field(field: str, value: str, desk: Client) -> None:
    typed = {
        "gpu_resource": "nvidia.com/gpu",
        "currency": "USD",
        "price_cpu_hour": "0.04",
        "cost_basis": "larger",
        field: value,
    }
    answer = desk.post(reverse("platform-cluster", args=["local"]), typed)
    assert answer.status_code == 422
    assert f'id="{field.replace(".", "-")}-error"' in words_of(answer)
    assert f'value="{value}"' in words_of(answer)


def test_nodes_are_named_by_labels_and_tolerations(desk: Client) -> None:
    typed = {
        **NODES,
        "tolerations.key": ["nvidia.com/gpu", "team", ""],
        "tolerations.operator": ["Exists", "Equal", "Exists"],
        "tolerations.value": ["", "pricing", ""],
        "tolerations.effect": ["NoSchedule", "any effect", "any effect"],
    }
    page = words_of(desk.post(reverse("platform-nodes-new", args=["local"]), typed, follow=True))
    preset = NodePreset.objects.get()
    assert preset.node_selector == {"gpu": "a100", "pool": "big"}
    assert preset.tolerations == [
        {"key": "nvidia.com/gpu", "operator": "Exists", "value": "", "effect": "NoSchedule"},
        {"key": "team", "operator": "Equal", "value": "pricing", "effect": ""},
    ]
    for shown in ("gpu=a100", "nvidia.com/gpu:NoSchedule", "team=pricing"):
        assert shown in page
    form = words_of(desk.get(reverse("platform-nodes", args=["local", "a100"])))
    assert "pool=big" in form
    assert 'value="pricing"' in form


@pytest.mark.parametrize(
    ("typed", "place"),
    [
        ({"name": "A 100"}, "name-error"),
        ({"name": "taken"}, "name-error"),
        ({"node_selector": "gpu"}, "node_selector-error"),
        ({"node_selector": "gpu=a100\ngpu=h100"}, "node_selector-error"),
        ({"node_selector": "-x=1"}, "node_selector-error"),
        ({"node_selector": "nvidia.com/gpu=a b"}, "node_selector-error"),
        ({"node_selector": ""}, "node_selector-error"),
        ({"tolerations.key": "a b", "tolerations.operator": "Exists"}, "taint-1-error"),
        (
            {"tolerations.key": "a", "tolerations.value": "1", "tolerations.operator": "Exists"},
            "taint-1-error",
        ),
        ({"tolerations.key": "", "tolerations.value": "1", "tolerations.operator": "Equal"}, "taint-1-error"),
    ],
)
def test_a_mistake_about_nodes_is_said_where_it_was_typed(
    typed: dict[str, str], place: str, desk: Client, cluster: Cluster
) -> None:
    NodePreset.objects.create(cluster=cluster, name="taken", node_selector={"a": "b"})
    answer = desk.post(reverse("platform-nodes-new", args=["local"]), {**NODES, **typed})
    page = words_of(answer)
    assert answer.status_code in {409, 422}
    assert f'id="{place}"' in page
    assert 'value="Nodes with an A100"' in page
    assert all(value.splitlines()[0] in page for value in typed.values() if value)


def test_nodes_are_not_offered_any_more_once_deleted(desk: Client, cluster: Cluster) -> None:
    NodePreset.objects.create(cluster=cluster, name="a100", node_selector={"a": "b"})
    desk.post(reverse("platform-nodes-delete", args=["local", "a100"]))
    assert not NodePreset.objects.exists()


@pytest.mark.parametrize(
    ("address", "arguments"),
    [
        ("platform-size", ["none"]),
        ("platform-cluster", ["none"]),
        ("platform-nodes", ["local", "none"]),
        ("platform-nodes-new", ["none"]),
    ],
)
def test_what_does_not_exist_is_not_found(address: str, arguments: list[str], desk: Client) -> None:
    assert desk.get(reverse(address, args=arguments)).status_code == 404


def test_only_admins_are_led_there(desk: Client, browser: Client) -> None:
    link = f'href="{reverse("platform")}"'
    assert link in words_of(desk.get(reverse("overview")))
    assert link not in words_of(browser.get(reverse("overview")))


def test_the_page_costs_the_same_however_much_it_lists(desk: Client, cluster: Cluster) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            assert desk.get(reverse("platform")).status_code == 200
        return len(seen)

    NodePreset.objects.create(cluster=cluster, name="first", node_selector={"a": "b"})
    before = queries()
    for number in range(15):
        more = Cluster.objects.create(name=f"more-{number}")
        NodePreset.objects.create(cluster=more, name="nodes", node_selector={"a": "b"})
        SizePreset.objects.create(
            name=f"s-{number}", cpu="1", memory="1Gi", cpu_limit="1", memory_limit="1Gi"
        )
    assert queries() == before <= 8
