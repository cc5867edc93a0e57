"""An example of every body that is sent or answered, by the name of its shape. Tests hold them to be true."""

from collections.abc import Mapping
from typing import Any

from deployments.api import people_examples, usage_examples

AT = "2026-03-02T09:30:00Z"
ONE = "/api/v1/teams/pricing/deployments/house-prices/"
OPERATION_ID = "6f1c0b52-5f0e-4b39-9d51-6c0f2f9f7d11"
HOOK_ID = "0d3c6a7e-52f1-4a57-8d2b-1f6f0a0c9b11"

RESOURCES = {"cpu": "100m", "memory": "64Mi", "cpu_limit": "500m", "memory_limit": "128Mi", "gpu": 0}
SERVICE = {"type": "NodePort", "port": 5001, "node_port": 30001}
ENV = [{"name": "LOG_LEVEL", "value": "info"}, {"name": "API_KEY", "secret": True}]
ROLLOUT = {
    "strategy": "RollingUpdate",
    "max_surge": 1,
    "max_unavailable": 0,
    "deadline_seconds": 600,
    "auto_rollback": False,
}
SECURITY = {"run_as_user": 1000, "read_only_root": False}
SAMPLE = {
    "path": "/v1/models/house:predict",
    "method": "POST",
    "body": {"instances": [{"lotsize": 5850, "bedrooms": 3, "bathrooms": 1, "stories": 2}]},
}
MANIFEST = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "house-prices", "namespace": "pricing"},
    "spec": {"type": "NodePort", "ports": [{"port": 5001, "nodePort": 30001}]},
}
NODES = {
    "name": "a100",
    "description": "Fast GPUs",
    "node_selector": {"accelerator": "a100"},
    "tolerations": [{"key": "gpu", "operator": "Exists", "value": "", "effect": "NoSchedule"}],
}
SIZE = {
    "name": "small",
    "description": "Most models",
    "position": 10,
    "cpu": "100m",
    "memory": "128Mi",
    "cpu_limit": "500m",
    "memory_limit": "256Mi",
    "gpu": 0,
}
SERVED = {
    "model": "house",
    "version": "1.0",
    "image": "local/house:1.0",
    "port": 5001,
    "health_path": "/healthz",
    "start_seconds": 60,
    "resources": RESOURCES,
    "service": SERVICE,
    "env": ENV,
    "rollout": ROLLOUT,
    "security": SECURITY,
    "node_preset": None,
    "registry": None,
}
DEPLOYMENT = {
    "name": "house-prices",
    "team": "pricing",
    "cluster": "local",
    "namespace": "pricing",
    **SERVED,
    "replicas": 2,
    "paused": False,
    "autoscaling": None,
    "autoscaler": None,
    "status": {
        "state": "running",
        "message": "2 of 2 replicas ready",
        "ready_replicas": 2,
        "wanted_replicas": 2,
        "since": AT,
        "observed_at": AT,
        "stale": False,
        "diagnosis": None,
    },
    "endpoint": "http://127.0.0.1:30001",
    "generation": 3,
    "applied_generation": 3,
    "revision": 2,
    "next_change": None,
    "created_at": AT,
    "created_by": "deployer",
    "updated_at": AT,
    "links": {
        "self": ONE,
        **{
            part: f"{ONE}{part}/"
            for part in (
                "pods",
                "logs",
                "events",
                "revisions",
                "schedules",
                "manifests",
                "metrics",
                "predict",
            )
        },
    },
}
OPERATION = {
    "id": OPERATION_ID,
    "action": "scale",
    "state": "succeeded",
    "team": "pricing",
    "deployment": "house-prices",
    "generation": 3,
    "steps": [
        {"name": "queued", "at": AT, "detail": None},
        {"name": "applying", "at": AT, "detail": None},
        {"name": "waiting", "at": AT, "detail": None},
        {"name": "succeeded", "at": AT, "detail": None},
    ],
    "error": None,
    "created_by": "deployer",
    "created_at": AT,
    "finished_at": AT,
    "links": {"self": f"/api/v1/operations/{OPERATION_ID}/", "deployment": ONE},
}
PREFLIGHT = {
    "checks": [{"code": "quota", "state": "ok", "text": "The team's quota has room for it.", "field": ""}],
    "cost": {"per_hour": "0.0100", "currency": "EUR", "text": "0.01 EUR an hour"},
    "warnings": [],
}
VERSION = {
    "version": "1.0",
    "image": "local/house:1.0",
    "digest": None,
    "framework": "linear regression",
    "description": "Trained in March",
    "port": 5001,
    "health_path": "/healthz",
    "resources": RESOURCES,
    "sample_request": SAMPLE,
    "env_schema": [
        {"name": "LOG_LEVEL", "description": "", "default": "info", "required": False, "secret": False}
    ],
    "links": [{"title": "Paper", "url": "https://example.org/paper"}],
    "run_as_user": None,
    "archived": False,
    "deployments": ["house-prices"],
    "created_at": AT,
    "updated_at": AT,
}
HAPPENING = {
    "id": "8a0d7a44-8f7b-4f0e-9c73-0c1d1f3f0a77",
    "type": "deployment.failed",
    "at": AT,
    "team": "pricing",
    "deployment": "house-prices",
    "message": "house-prices failed: the image cannot be pulled.",
}
PROBLEM = {
    "type": "about:blank",
    "title": "Some fields are not valid",
    "status": 422,
    "detail": "replicas: Replicas must be a whole number.",
    "code": "invalid_input",
    "errors": [{"field": "replicas", "message": "Replicas must be a whole number.", "code": "not_a_number"}],
}

ANSWERS: Mapping[str, Any] = {
    "Deployment": DEPLOYMENT,
    "Operation": OPERATION,
    "Accepted": {"operation": OPERATION, "deployment": DEPLOYMENT},
    "Preview": {
        "manifests": [MANIFEST],
        "diff": "-  replicas: 2\n+  replicas: 3\n",
        "warnings": [],
        "preflight": PREFLIGHT,
        "replaces_pods": False,
    },
    "Revision": {
        "number": 2,
        "summary": "version 1.0 -> 2.0",
        "change_cause": "newer data",
        "author": "deployer",
        "restores": None,
        "served_at": AT,
        "created_at": AT,
        "milestones": [{"name": "asked", "at": AT, "seconds": None}],
        "spec": SERVED,
    },
    "Schedule": {
        "id": 1,
        "cron": "0 8 * * 1-5",
        "time_zone": "Europe/Berlin",
        "replicas": 4,
        "min_replicas": None,
        "max_replicas": None,
        "enabled": True,
        "next_at": AT,
        "last_at": None,
        "last_outcome": "",
        "created_by": "lead",
        "created_at": AT,
    },
    "Pod": {
        "name": "house-prices-7d9c6b5f4-x2x9k",
        "phase": "Running",
        "ready": True,
        "restarts": 0,
        "reason": "",
        "node": "node-1",
        "revision": 2,
        "deleting": False,
        "created_at": AT,
        "containers": [
            {
                "name": "model",
                "image": "local/house:1.0",
                "ready": True,
                "restarts": 0,
                "state": "running",
                "reason": "",
                "message": "",
                "last_reason": "",
                "last_exit_code": None,
            }
        ],
    },
    "Event": {
        "type": "Normal",
        "reason": "Started",
        "message": "Started container model",
        "object_kind": "Pod",
        "object_name": "house-prices-7d9c6b5f4-x2x9k",
        "count": 1,
        "first_at": AT,
        "last_at": AT,
    },
    "CapturedLog": {
        "id": 1,
        "pod": "house-prices-7d9c6b5f4-x2x9k",
        "container": "model",
        "run": 0,
        "revision": 2,
        "exit_code": 1,
        "reason": "Error",
        "ended_at": AT,
        "captured_at": AT,
        "text": f"{ONE}logs/captured/1/",
    },
    "TimelineEntry": {"at": AT, "kind": "wish", "text": "Scale to 3", "actor": "deployer"},
    "Manifests": {"manifests": [MANIFEST]},
    "Prediction": {
        "status": 200,
        "latency_ms": 12.5,
        "headers": {"content-type": "application/json"},
        "body": {"predictions": [66000.0]},
        "truncated": False,
    },
    "BulkResults": {
        "results": [{"deployment": "pricing/house-prices", "operation": OPERATION, "error": None}]
    },
    "Version": VERSION,
    "Model": {
        "name": "house",
        "team": "pricing",
        "description": "What a house is worth",
        "task": "regression",
        "archived": False,
        "versions": [VERSION],
        "created_at": AT,
        "updated_at": AT,
    },
    "Cluster": {
        "price_cpu_hour": "0.04",
        "price_memory_gib_hour": "0.005",
        "price_gpu_hour": None,
        "currency": "EUR",
        "name": "local",
        "state": "connected",
        "version": "v1.34.0",
        "gpu_resource": "nvidia.com/gpu",
        "cost_basis": "larger",
        "node_address": "node1.example.com",
        "prometheus_url": "http://prometheus.monitoring.svc:9090",
    },
    "NodePreset": NODES,
    "Size": SIZE,
    "Registry": {"registry": "ghcr.io", "username": "robot", "updated_by": "lead", "updated_at": AT},
    "Team": {
        "name": "pricing",
        "title": "Pricing",
        "time_zone": "Europe/Berlin",
        "role": "lead",
        "archived": False,
    },
    "Me": {
        "username": "deployer",
        "is_admin": False,
        "teams": [{"name": "pricing", "title": "Pricing", "role": "deployer"}],
        "token": {"name": "ci", "scopes": ["deploy"], "expires_at": AT},
    },
    "Quota": {
        "team": "pricing",
        "cluster": "local",
        "cpu": {"limit": "4", "ceiling": "8", "requested": "400m", "used": "200m", "left": "3600m"},
        "memory": {"limit": "8Gi", "ceiling": None, "requested": "512Mi", "used": "256Mi", "left": "7680Mi"},
        "gpu": {"limit": 0, "ceiling": 0, "requested": 0, "used": 0, "left": 0},
        "replicas": {"limit": 20, "ceiling": None, "requested": 4, "used": 2, "left": 16},
        "deployments": {"limit": None, "ceiling": None, "requested": 2, "used": 2, "left": None},
        "message": "",
    },
    "Happening": HAPPENING,
    "Webhook": {
        "id": HOOK_ID,
        "team": "pricing",
        "url": "https://example.org/hooks/deployments",
        "events": ["deployment.failed"],
        "enabled": True,
        "created_by": "lead",
        "created_at": AT,
        "updated_at": AT,
        "links": {"self": f"/api/v1/teams/pricing/webhooks/{HOOK_ID}/"},
    },
    "Delivery": {
        "id": 1,
        "happening": HAPPENING,
        "state": "delivered",
        "attempts": 1,
        "status": 204,
        "answer": "",
        "created_at": AT,
        "next_at": None,
        "finished_at": AT,
    },
    "Problem": PROBLEM,
    **people_examples.ANSWERS,
    **usage_examples.ANSWERS,
}
"""What is answered."""

BODIES: Mapping[str, Any] = {
    "NewDeployment": {
        "name": "house-prices",
        "model": "house",
        "version": "1.0",
        "replicas": 2,
        "service": {"type": "NodePort", "port": 5001},
        "env": [{"name": "LOG_LEVEL", "value": "info"}],
    },
    "DeploymentChanges": {"version": "2.0", "change_cause": "newer data"},
    "Scale": {"replicas": 3},
    "Rollback": {"revision": 1},
    "Bulk": {"action": "restart", "deployments": ["pricing/house"]},
    "FixChoice": {"code": "wrong_port"},
    "NewSchedule": {"cron": "0 8 * * 1-5", "replicas": 4},
    "ScheduleChanges": {"enabled": False},
    "Nothing": {},
    "NewModel": {"name": "iris", "description": "Flowers", "task": "classification"},
    "ModelChanges": {"task": "regression"},
    "NewVersion": {"version": "3.0", "image": "local/house:3.0", "port": 5001, "sample_request": SAMPLE},
    "VersionChanges": {"framework": "linear regression"},
    "NewSize": {**SIZE, "name": "tiny"},
    "SizeChanges": {"cpu": "200m"},
    "ClusterChanges": {"price_cpu_hour": "0.04", "currency": "EUR", "cost_basis": "larger"},
    "NewNodePreset": {**NODES, "name": "t4"},
    "NodePresetChanges": {"description": "Fast GPUs"},
    "Login": {"registry": "quay.io", "username": "robot", "password": "made for robots"},
    "NameAndPassword": {"username": "robot"},
    "NewTeam": {"name": "speech", "title": "Speech", "cluster": "local"},
    "TeamChanges": {"time_zone": "Europe/Berlin"},
    "QuotaChanges": {"cpu": {"limit": "4"}, "replicas": {"limit": 20}},
    "Ask": SAMPLE,
    "NewWebhook": {"url": "https://example.org/hooks/deployments", "events": ["deployment.failed"]},
    "WebhookChanges": {"enabled": False},
    **people_examples.BODIES,
}
"""What is sent."""
