"""Addresses of the API. A trailing slash is optional on every one, and no write is redirected."""

from django.urls import URLPattern, re_path
from django.views.generic import RedirectView
from rest_framework.views import APIView

from deployments.api.views import (
    account,
    actions,
    catalogue,
    clusters,
    deployments,
    meta,
    notices,
    observed,
    platform,
    schedules,
    team,
)

app_name = "api"

# Narrow, so that nothing that no name can be (a NUL, a slash) reaches the database.
PARTS = {
    "team": r"(?P<team>[A-Za-z0-9_-]{1,60})",
    "name": r"(?P<name>[A-Za-z0-9._-]{1,253})",
    "model": r"(?P<model>[A-Za-z0-9._-]{1,253})",
    "version": r"(?P<version>[A-Za-z0-9._+-]{1,128})",
    "pod": r"(?P<pod>[A-Za-z0-9._-]{1,253})",
    "captured": r"(?P<captured>[0-9]{1,18})",
    "number": r"(?P<number>[0-9]{1,9})",
    "size": r"(?P<size>[A-Za-z0-9_-]{1,40})",
    "cluster": r"(?P<cluster>[A-Za-z0-9_-]{1,40})",
    "namespace": r"(?P<namespace>[a-z0-9-]{1,63})",
    "preset": r"(?P<preset>[A-Za-z0-9_-]{1,40})",
    "registry": r"(?P<registry>[A-Za-z0-9.:_-]{1,200})",
    "webhook": r"(?P<webhook>[0-9A-Fa-f-]{32,36})",
    "operation": r"(?P<operation>[0-9A-Fa-f-]{32,36})",
}


def route(address: str, view: type[APIView], name: str) -> URLPattern:
    return re_path(rf"^{address.format_map(PARTS)}/?$", view.as_view(), name=name)


TEAM = "v1/teams/{team}"
ONE = f"{TEAM}/deployments/{{name}}"

urlpatterns = [
    route(TEAM, team.Team, "team"),
    route(f"{TEAM}/registries", team.Registries, "registries"),
    route(f"{TEAM}/registries/{{registry}}", team.Registry, "registry"),
    route(f"{TEAM}/happenings", notices.Happenings, "happenings"),
    route(f"{TEAM}/webhooks", notices.Webhooks, "webhooks"),
    route(f"{TEAM}/webhooks/{{webhook}}", notices.Webhook, "webhook"),
    route(f"{TEAM}/webhooks/{{webhook}}/test", notices.TestWebhook, "webhook-test"),
    route(f"{TEAM}/webhooks/{{webhook}}/deliveries", notices.Deliveries, "deliveries"),
    route(f"{TEAM}/models", catalogue.Models, "models"),
    route(f"{TEAM}/models/{{model}}", catalogue.Model, "model"),
    route(f"{TEAM}/models/{{model}}/versions", catalogue.Versions, "versions"),
    route(f"{TEAM}/models/{{model}}/versions/{{version}}", catalogue.Version, "version"),
    route("v1/deployments", deployments.AllDeployments, "all-deployments"),
    route(f"{TEAM}/deployments", deployments.Deployments, "deployments"),
    route(ONE, deployments.Deployment, "deployment"),
    route("v1/deployments/bulk", actions.Bulk, "bulk"),
    route(f"{ONE}/scale", actions.Scale, "scale"),
    route(f"{ONE}/restart", actions.Restart, "restart"),
    route(f"{ONE}/pause", actions.Pause, "pause"),
    route(f"{ONE}/resume", actions.Resume, "resume"),
    route(f"{ONE}/rollback", actions.Rollback, "rollback"),
    route(f"{ONE}/fix", actions.Fix, "fix"),
    route(f"{ONE}/schedules", schedules.Schedules, "schedules"),
    route(f"{ONE}/schedules/{{number}}", schedules.Schedule, "schedule"),
    route(f"{ONE}/revisions", observed.Revisions, "revisions"),
    route(f"{ONE}/revisions/{{number}}", observed.Revision, "revision"),
    route(f"{ONE}/pods", observed.Pods, "pods"),
    route(f"{ONE}/pods/{{pod}}", observed.Pod, "pod"),
    route(f"{ONE}/events", observed.Events, "events"),
    route(f"{ONE}/timeline", observed.Timeline, "timeline"),
    route(f"{ONE}/manifests", observed.Manifests, "manifests"),
    route(f"{ONE}/logs", observed.Logs, "logs"),
    route(f"{ONE}/logs/captured", observed.CapturedLogs, "captured-logs"),
    route(f"{ONE}/logs/captured/{{captured}}", observed.CapturedLog, "captured-log"),
    route(f"{ONE}/predict", observed.Predict, "predict"),
    route("v1/operations", account.Operations, "operations"),
    route("v1/operations/{operation}", account.Operation, "operation"),
    route("v1/sizes", platform.Sizes, "sizes"),
    route("v1/sizes/{size}", platform.Size, "size"),
    route("v1/clusters", platform.Clusters, "clusters"),
    route("v1/clusters/{cluster}", platform.Cluster, "cluster"),
    route("v1/clusters/{cluster}/node-presets", platform.NodePresets, "node-presets"),
    route("v1/clusters/{cluster}/node-presets/{preset}", platform.NodePreset, "node-preset"),
    route("v1/clusters/{cluster}/connection", clusters.Connection, "cluster-connection"),
    route("v1/clusters/{cluster}/permissions", clusters.Permissions, "cluster-permissions"),
    route("v1/clusters/{cluster}/namespaces", clusters.Namespaces, "cluster-namespaces"),
    route("v1/clusters/{cluster}/namespaces/{namespace}", clusters.Namespace, "cluster-namespace"),
    route("v1/me", account.Me, "me"),
    route("v1/watch", meta.Watch, "watch"),
    route("v1/schema", meta.Schema, "schema"),
    re_path(r"^$", RedirectView.as_view(pattern_name="api:docs"), name="home"),
    re_path(r"^docs/?$", meta.docs, name="docs"),
    re_path(r"", meta.NotHere.as_view(), name="not-here"),
]
