"""NetworkPolicies are kept, checked and served as on a real cluster; nothing here enforces them."""

from __future__ import annotations

from typing import Any

import pytest

from k8s.manifests import isolation
from tests.k8s.local.api_kit import Api

POLICIES = "/apis/networking.k8s.io/v1/namespaces/default/networkpolicies"


async def test_what_we_write_is_taken_and_kubectl_tells_it(api: Api) -> None:
    made = isolation("default", "pricing", ["monitoring", "team=platform", "10.0.0.0/24"])
    kept = await api.create(POLICIES, made)
    assert kept["spec"] == made["spec"]
    assert kept["metadata"]["generation"] == 1
    assert "timoneiro" in await api.kubectl("get", "netpol")
    told = await api.kubectl("describe", "networkpolicy", "timoneiro")
    for word in (
        "kubernetes.io/metadata.name=monitoring",
        "team=platform",
        "10.0.0.0/24",
        "Policy Types: Ingress",
    ):
        assert word in told


async def test_types_are_filled_in_as_the_server_does(api: Api) -> None:
    spec: dict[str, Any] = {"podSelector": {}, "egress": [{"ports": [{"port": 53}]}]}
    kept = await api.create(POLICIES, {"metadata": {"name": "p"}, "spec": spec})
    assert kept["spec"]["policyTypes"] == ["Ingress", "Egress"]
    assert kept["spec"]["egress"][0]["ports"][0]["protocol"] == "TCP"


@pytest.mark.parametrize(
    ("peer", "field"),
    [
        ({}, "spec.ingress[0].from[0]"),
        ({"ipBlock": {"cidr": "10.0.0.0/99"}}, "spec.ingress[0].from[0].ipBlock.cidr"),
        ({"ipBlock": {"cidr": "10.0.0.7"}}, "spec.ingress[0].from[0].ipBlock.cidr"),
        ({"ipBlock": {"cidr": "10.0.0.0/8"}, "podSelector": {}}, "spec.ingress[0].from[0]"),
        (
            {"namespaceSelector": {"matchLabels": {"a b": "c"}}},
            "spec.ingress[0].from[0].namespaceSelector.matchLabels",
        ),
    ],
)
async def test_peers_that_cannot_be_are_refused_by_their_field(
    api: Api, peer: dict[str, Any], field: str
) -> None:
    spec = {"podSelector": {}, "ingress": [{"from": [peer]}]}
    response = await api.http.post(POLICIES, json={"metadata": {"name": "p"}, "spec": spec})
    assert response.status_code == 422
    assert [cause["field"] for cause in response.json()["details"]["causes"]] == [field]
