"""Examples of bodies about people, programs, the audit and the connection of clusters; see `examples`."""

from collections.abc import Mapping
from typing import Any

AT = "2026-03-02T09:30:00Z"
_TEAM = "/api/v1/teams/pricing/"
_TOKEN_ID = "c0c4a3f2-97ad-4c5a-8d55-5d8f0c6b7a11"  # noqa: S105  an id, no secret

ANSWERS: Mapping[str, Any] = {
    "Member": {"username": "ana", "role": "deployer", "links": {"self": f"{_TEAM}members/ana/"}},
    "ServiceAccount": {
        "name": "ci",
        "username": "pricing:ci",
        "team": "pricing",
        "role": "deployer",
        "description": "Deploys what the pipeline built",
        "created_by": "lead",
        "created_at": AT,
        "links": {"self": f"{_TEAM}service-accounts/ci/"},
    },
    "Token": {
        "id": _TOKEN_ID,
        "name": "pipeline",
        "owner": "pricing:ci",
        "scopes": ["deploy"],
        "team": "pricing",
        "created_by": "lead",
        "created_at": AT,
        "expires_at": None,
        "last_used_at": AT,
        "links": {"self": f"{_TEAM}tokens/{_TOKEN_ID}/"},
    },
    "AuditEntry": {
        "id": 1,
        "at": AT,
        "actor": "pricing:ci",
        "token": "pipeline",
        "address": "203.0.113.7",
        "request_id": "7d5c1a52f0a84b6f",
        "team": "pricing",
        "action": "scale",
        "target": "pricing/house-prices",
        "allowed": True,
        "detail": {},
        "before": {"replicas": 2},
        "after": {"replicas": 3},
    },
    "ClusterNamespace": {
        "team": "pricing",
        "namespace": "pricing",
        "isolated": True,
        "ingress_from": ["ingress-nginx", "team=platform", "10.0.0.0/24"],
        "message": "",
    },
    "ClusterPermissions": {
        "version": "v1.34.0",
        "permissions": [
            {
                "who": "worker",
                "resource": "deployments.apps/scale",
                "why": "the count of replicas",
                "verbs": {"patch": "cluster"},
            }
        ],
        "missing_role": "",
    },
}

BODIES: Mapping[str, Any] = {
    "NewMember": {"username": "ana", "role": "deployer"},
    "MemberChanges": {"role": "lead"},
    "NewServiceAccount": {"name": "cd", "description": "Deploys what the pipeline built"},
    "ServiceAccountChanges": {"role": "viewer"},
    "NewAccountToken": {"service_account": "ci", "name": "deploys", "scopes": ["read"]},
    "NewOwnToken": {"name": "laptop", "scopes": ["read"]},
    "NewCluster": {"name": "production", "in_cluster": True, "node_address": "node1.example.com"},
    "Connection": {"in_cluster": True},
    "NewNamespace": {"team": "vision", "namespace": "vision"},
    "NamespaceChanges": {"isolated": True, "ingress_from": ["ingress-nginx", "10.0.0.0/24"]},
}
