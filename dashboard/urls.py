"""Every address of the product."""

from django.urls import URLPattern, URLResolver, include, path

from dashboard import live
from dashboard.views import (
    account,
    actions,
    bulk,
    clusters,
    deployments,
    detail,
    diagnosis,
    events,
    log_stream,
    logs,
    models,
    new_deployment,
    notifications,
    overview,
    platform,
    preview,
    probes,
    revisions,
    scaling,
    settings,
    team,
    try_it,
    versions,
    webhooks,
)

one_deployment: list[URLPattern | URLResolver] = [
    path("", detail.overview, name="deployment"),
    path("logs/", logs.logs, name="deployment-logs"),
    path("logs/follow", log_stream.follow, name="deployment-logs-follow"),
    path("logs/download", logs.download, name="deployment-logs-download"),
    path("events/", events.events, name="deployment-events"),
    path("revisions/", revisions.revisions, name="deployment-revisions"),
    path("revisions/<int:number>/roll-back", revisions.roll_back, name="deployment-rollback"),
    path("scaling/", scaling.scaling, name="deployment-scaling"),
    path("scaling/next", scaling.next_times, name="deployment-schedule-next"),
    path("scaling/schedules", scaling.add_schedule, name="deployment-schedule-add"),
    path("scaling/schedules/<int:number>", scaling.change_schedule, name="deployment-schedule-change"),
    path("scaling/schedules/<int:number>/delete", scaling.remove_schedule, name="deployment-schedule-delete"),
    path("try/", try_it.try_it, name="deployment-try"),
    path("yaml/", detail.manifests, name="deployment-yaml"),
    path("yaml/download", detail.download_manifests, name="deployment-yaml-download"),
    path("settings/", settings.settings, name="deployment-settings"),
    path("settings/preview", preview.change_preview, name="deployment-settings-preview"),
    path("settings/preflight", preview.change_preflight, name="deployment-settings-preflight"),
    path("scale", actions.scale, name="deployment-scale"),
    path("pause", actions.pause, name="deployment-pause"),
    path("resume", actions.resume, name="deployment-resume"),
    path("restart", actions.restart, name="deployment-restart"),
    path("fix", diagnosis.fix, name="deployment-fix"),
    path("roll-out", actions.roll_out, name="deployment-roll-out"),
    path("delete", actions.delete, name="deployment-delete"),
    path("pods/<str:pod>/delete", actions.delete_pod, name="deployment-pod-delete"),
]

one_model: list[URLPattern | URLResolver] = [
    path("", models.model, name="model"),
    path("edit", models.edit, name="model-edit"),
    path("archive", models.archive, name="model-archive"),
    path("delete", models.delete, name="model-delete"),
    path("versions/new", versions.new, name="model-version-new"),
    path("versions/<str:version>/edit", versions.edit, name="model-version-edit"),
    path("versions/<str:version>/archive", versions.archive, name="model-version-archive"),
    path("versions/<str:version>/delete", versions.delete, name="model-version-delete"),
]

one_team: list[URLPattern | URLResolver] = [
    path("", team.team, name="team"),
    path("time-zone", team.time_zone, name="team-time-zone"),
    path("registries", team.set_registry, name="team-registry"),
    path("registries/remove", team.remove_registry, name="team-registry-remove"),
    path("webhooks/new", webhooks.new, name="team-webhook-new"),
    path("webhooks/<uuid:webhook>/", webhooks.webhook, name="team-webhook"),
    path("webhooks/<uuid:webhook>/test", webhooks.test, name="team-webhook-test"),
    path("webhooks/<uuid:webhook>/delete", webhooks.delete, name="team-webhook-delete"),
]

platform_pages: list[URLPattern | URLResolver] = [
    path("", platform.platform, name="platform"),
    path("sizes/new", platform.new_size, name="platform-size-new"),
    path("sizes/<slug:size>/", platform.size, name="platform-size"),
    path("sizes/<slug:size>/delete", platform.delete_size, name="platform-size-delete"),
    path("clusters/<slug:cluster>/", platform.cluster, name="platform-cluster"),
    path("clusters/<slug:cluster>/nodes/new", platform.new_nodes, name="platform-nodes-new"),
    path("clusters/<slug:cluster>/nodes/<slug:preset>/", platform.nodes, name="platform-nodes"),
    path(
        "clusters/<slug:cluster>/nodes/<slug:preset>/delete",
        platform.delete_nodes,
        name="platform-nodes-delete",
    ),
]

cluster_pages: list[URLPattern | URLResolver] = [
    path("", clusters.clusters, name="clusters"),
    path("connect", clusters.connect, name="clusters-connect"),
    path("<slug:cluster>/", clusters.one, name="clusters-one"),
    path("<slug:cluster>/permissions", clusters.permissions, name="clusters-permissions"),
    path("<slug:cluster>/disconnect", clusters.disconnect, name="clusters-disconnect"),
    path("<slug:cluster>/forget", clusters.forget, name="clusters-forget"),
    path("<slug:cluster>/namespaces", clusters.give_namespace, name="clusters-namespace-give"),
    path(
        "<slug:cluster>/namespaces/<slug:namespace>/remove",
        clusters.take_namespace,
        name="clusters-namespace-take",
    ),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("", overview.overview, name="overview"),
    path("deployments/", deployments.deployments, name="deployments"),
    path("deployments/bulk", bulk.bulk, name="deployments-bulk"),
    path("deployments/new", new_deployment.new, name="deployments-new"),
    path("deployments/new/name", new_deployment.suggested_name, name="deployments-new-name"),
    path("deployments/new/preview", preview.new_preview, name="deployments-new-preview"),
    path("deployments/new/preflight", preview.new_preflight, name="deployments-new-preflight"),
    path("deployments/<slug:team>/<slug:name>/", include(one_deployment)),
    path("models/", models.models, name="models"),
    path("models/new", models.new, name="models-new"),
    path("models/<slug:team>/<str:name>/", include(one_model)),
    path("teams/", team.teams, name="teams"),
    path("teams/<slug:team>/", include(one_team)),
    path("clusters/", include(cluster_pages)),
    path("platform/", include(platform_pages)),
    path("notifications/", notifications.notifications, name="notifications"),
    path("notifications/bell", notifications.bell, name="notifications-bell"),
    path("notifications/seen", notifications.seen, name="notifications-seen"),
    path("account/", account.account, name="account"),
    path("sign-in/", account.SignIn.as_view(), name="sign-in"),
    path("sign-out/", account.SignOut.as_view(), name="sign-out"),
    path("theme/", account.theme, name="theme"),
    path("live/", live.live, name="live"),
    path("api/", include("deployments.api.urls")),
    path("healthz", probes.alive, name="healthz"),
    path("readyz", probes.ready, name="readyz"),
]

handler403 = "dashboard.views.errors.forbidden"
handler404 = "dashboard.views.errors.not_found"
handler500 = "dashboard.views.errors.broken"
