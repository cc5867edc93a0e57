"""Clusters for platform admins: connect, see what is permitted, give teams namespaces, disconnect."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from dashboard.forms.clusters import ConnectionForm, IsolationForm, SpaceForm
from dashboard.forms.typed import refused, refused_form
from dashboard.views.frame import PageRequest
from dashboard.views.platform import admin_page, find_cluster
from deployments import ask, intent
from deployments.errors import DomainError, NotFound
from deployments.models import Cluster, Namespace
from teams.models import Team


@admin_page
@require_safe
def clusters(request: PageRequest) -> HttpResponse:
    rows = Cluster.objects.prefetch_related("namespaces__team").order_by("name")
    return render(request, "clusters/list.html", {"clusters": rows})


@admin_page
@require_http_methods(["GET", "HEAD", "POST"])
def connect(request: PageRequest) -> HttpResponse:
    form, status = ConnectionForm.of(None), None
    if request.method == "POST":
        form = ConnectionForm.typed(request)
        status = refused_form(form, lambda: intent.connect_cluster(form.payload(named=True), by=request.user))
        if status is None:
            messages.success(request, f"Cluster {form.values['name']} is being connected.")
            return redirect("clusters-one", form.values["name"])
    return render(request, "clusters/connect.html", {"form": form.without_secrets()}, status=status)


@admin_page
@require_http_methods(["GET", "HEAD", "POST"])
def one(request: PageRequest, cluster: str) -> HttpResponse:
    """A cluster; posting connects it by other credentials."""
    found = find_cluster(cluster)
    form, status = ConnectionForm.of(found), None
    if request.method == "POST":
        form = ConnectionForm.typed(request)
        status = refused_form(
            form, lambda: intent.reconnect_cluster(found, form.payload(named=False), by=request.user)
        )
        if status is None:
            messages.success(request, f"Cluster {cluster} is being connected anew.")
            return redirect("clusters-one", cluster)
    return show(request, found, form=form, status=status or 200)


def show(
    request: PageRequest,
    found: Cluster,
    *,
    form: ConnectionForm | None = None,
    space: SpaceForm | None = None,
    error: DomainError | None = None,
    status: int = 200,
) -> HttpResponse:
    spaces = found.namespaces.select_related("team").order_by("name")
    without = Team.objects.exclude(namespaces__cluster=found).order_by("name")
    context = {
        "cluster": found,
        "spaces": spaces,
        "teams": [(team.name, str(team)) for team in without],
        "form": (form or ConnectionForm.of(found)).without_secrets(),
        "space": space or SpaceForm(values={"team": "", "namespace": ""}),
        "error": error.detail if error else "",
    }
    return render(request, "clusters/one.html", context, status=error.status if error else status)


@admin_page
@require_safe
def permissions(request: PageRequest, cluster: str) -> HttpResponse:
    """Asked of the cluster now, by a worker."""
    found = find_cluster(cluster)
    try:
        inspection, error = ask.inspect(found), None
    except NotFound:
        raise
    except DomainError as refusal:
        inspection, error = None, refusal
    context = {"cluster": found, "inspection": inspection, "error": error.detail if error else ""}
    return render(request, "clusters/permissions.html", context, status=error.status if error else 200)


@admin_page
@require_POST
def give_namespace(request: PageRequest, cluster: str) -> HttpResponse:
    found, form = find_cluster(cluster), SpaceForm.typed(request.POST)
    status = refused_form(form, lambda: intent.give_namespace(found, form.payload(), by=request.user))
    if status is not None:
        return show(request, found, space=form, status=status)
    messages.success(request, f"Team {form.values['team']} may deploy to {cluster} now.")
    return redirect("clusters-one", cluster)


def find_namespace(cluster: str, name: str) -> Namespace:
    """Raises: NotFound."""
    rows = Namespace.objects.filter(cluster=find_cluster(cluster), name=name)
    space = rows.select_related("team", "cluster").first()
    if space is None:
        raise NotFound(f"No team of ours has namespace {name!r} in cluster {cluster}.")
    return space


@admin_page
@require_http_methods(["GET", "HEAD", "POST"])
def namespace(request: PageRequest, cluster: str, namespace: str) -> HttpResponse:
    """Who may connect to the pods of a team's namespace."""
    space, status = find_namespace(cluster, namespace), None
    form = IsolationForm.of(space)
    if request.method == "POST":
        form = IsolationForm.typed(request.POST)
        status = refused_form(form, lambda: intent.isolate_namespace(space, form.payload(), by=request.user))
        if status is None:
            messages.success(request, f"Namespace {namespace} is being changed.")
            return redirect("clusters-namespace", cluster, namespace)
    context = {"space": space, "form": form, "cluster": space.cluster}
    return render(request, "clusters/namespace.html", context, status=status)


@admin_page
@require_POST
def take_namespace(request: PageRequest, cluster: str, namespace: str) -> HttpResponse:
    space = find_namespace(cluster, namespace)
    return answered(
        request,
        space.cluster,
        refused(lambda: intent.take_namespace(space, by=request.user)),
        f"Team {space.team} may not deploy to {cluster} any more.",
    )


@admin_page
@require_POST
def disconnect(request: PageRequest, cluster: str) -> HttpResponse:
    found, typed = find_cluster(cluster), request.POST.get("confirm", "").strip()
    error = refused(lambda: intent.disconnect_cluster(found, confirm=typed, by=request.user))
    done = f"Cluster {cluster} is disconnected. What runs there runs on."
    return answered(request, found, error, done)


@admin_page
@require_POST
def forget(request: PageRequest, cluster: str) -> HttpResponse:
    found = find_cluster(cluster)
    error = refused(lambda: intent.forget_cluster(found, by=request.user))
    if error is not None:
        return show(request, found, error=error)
    messages.success(request, f"Cluster {cluster} is forgotten.")
    return redirect("clusters")


def answered(request: PageRequest, found: Cluster, error: DomainError | None, done: str) -> HttpResponse:
    """The cluster's page: with what was refused, or with a word that it is done."""
    if error is not None:
        return show(request, found, error=error)
    messages.success(request, done)
    return redirect("clusters-one", found.name)
