"""Every address of the product."""

from django.urls import URLPattern, URLResolver, include, path

from dashboard import live
from dashboard.views import (
    account,
    actions,
    bulk,
    deployments,
    detail,
    logs,
    models,
    new_deployment,
    overview,
    probes,
    revisions,
    scaling,
    settings,
    try_it,
)

one_deployment: list[URLPattern | URLResolver] = [
    path("", detail.overview, name="deployment"),
    path("logs/", logs.logs, name="deployment-logs"),
    path("logs/follow", logs.follow, name="deployment-logs-follow"),
    path("logs/download", logs.download, name="deployment-logs-download"),
    path("events/", detail.events, name="deployment-events"),
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
    path("scale", actions.scale, name="deployment-scale"),
    path("pause", actions.pause, name="deployment-pause"),
    path("resume", actions.resume, name="deployment-resume"),
    path("restart", actions.restart, name="deployment-restart"),
    path("roll-out", actions.roll_out, name="deployment-roll-out"),
    path("delete", actions.delete, name="deployment-delete"),
    path("pods/<str:pod>/delete", actions.delete_pod, name="deployment-pod-delete"),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("", overview.overview, name="overview"),
    path("deployments/", deployments.deployments, name="deployments"),
    path("deployments/bulk", bulk.bulk, name="deployments-bulk"),
    path("deployments/new", new_deployment.new, name="deployments-new"),
    path("deployments/new/name", new_deployment.suggested_name, name="deployments-new-name"),
    path("deployments/<slug:team>/<slug:name>/", include(one_deployment)),
    path("models/", models.models, name="models"),
    path("models/new", models.new, name="models-new"),
    path("models/<slug:team>/<str:name>/", models.model, name="model"),
    path("models/<slug:team>/<str:name>/versions/new", models.new_version, name="model-version-new"),
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
