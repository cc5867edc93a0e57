"""What platform admins keep: sizes, prices of clusters, presets of nodes."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

from django.contrib import messages
from django.db.models import Max
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_noop
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from dashboard.forms.platform import (
    BASES,
    EFFECTS,
    OPERATORS,
    PRICES,
    ClusterForm,
    NodePresetForm,
    SizeForm,
    price_text,
)
from dashboard.forms.typed import refused, refused_form
from dashboard.views.frame import PageRequest, View, page
from deployments import intent, selectors
from deployments.errors import DomainError, NotFound, PermissionDenied
from deployments.models import Cluster, NodePreset, SizePreset

P = ParamSpec("P")


def admin_page(view: View[P]) -> Callable[..., HttpResponse]:
    """A page for platform admins; everybody else is told that it is theirs."""

    @wraps(view)
    def checked(request: PageRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if not request.user.is_superuser:
            raise PermissionDenied("Sizes, prices and node presets are kept by the platform's admins.")
        return view(request, *args, **kwargs)

    # Asked inside: signing in comes first, and the refusal becomes a page.
    return page(checked)


@admin_page
@require_safe
def platform(request: PageRequest) -> HttpResponse:
    return show_platform(request)


def show_platform(request: PageRequest, *, error: DomainError | None = None) -> HttpResponse:
    clusters = Cluster.objects.prefetch_related("node_presets").order_by("name")
    context = {
        "sizes": SizePreset.objects.all(),
        "clusters": [{"cluster": one, "prices": prices_of(one)} for one in clusters],
        "error": error.detail if error else "",
    }
    return render(request, "platform/platform.html", context, status=error.status if error else 200)


def prices_of(cluster: Cluster) -> list[dict[str, str]]:
    """The prices that are known, each with what it is for."""
    units = (gettext_noop("a core"), gettext_noop("a GiB of memory"), gettext_noop("a GPU"))
    known = [(getattr(cluster, name), unit) for name, unit in zip(PRICES, units, strict=True)]
    return [{"amount": price_text(price), "unit": unit} for price, unit in known if price is not None]


@admin_page
@require_http_methods(["GET", "HEAD", "POST"])
def new_size(request: PageRequest) -> HttpResponse:
    last = SizePreset.objects.aggregate(last=Max("position"))["last"]
    return edit_size(request, None, SizeForm.of(None, position=0 if last is None else last + 1))


@admin_page
@require_http_methods(["GET", "HEAD", "POST"])
def size(request: PageRequest, size: str) -> HttpResponse:
    found = selectors.get_size_preset(size)
    return edit_size(request, found, SizeForm.of(found))


def edit_size(request: PageRequest, found: SizePreset | None, form: SizeForm) -> HttpResponse:
    status = None
    if request.method == "POST":
        form = SizeForm.typed(request.POST)
        status = refused_form(
            form, lambda: intent.save_size_preset(form.payload(), by=request.user, current=found)
        )
        if status is None:
            messages.success(request, f"Size {form.values['name']} is saved.")
            return redirect("platform")
    return render(request, "platform/size.html", {"form": form, "size": found}, status=status)


@admin_page
@require_POST
def delete_size(request: PageRequest, size: str) -> HttpResponse:
    found = selectors.get_size_preset(size)
    error = refused(lambda: intent.delete_size_preset(found, by=request.user))
    if error is not None:
        return show_platform(request, error=error)
    messages.success(request, f"Size {size} is not offered any more. Deployments keep what they have.")
    return redirect("platform")


def find_cluster(name: str) -> Cluster:
    """Raises: NotFound."""
    found = Cluster.objects.filter(name=name).first()
    if found is None:
        raise NotFound(f"There is no cluster {name!r}.")
    return found


@admin_page
@require_http_methods(["GET", "HEAD", "POST"])
def cluster(request: PageRequest, cluster: str) -> HttpResponse:
    found = find_cluster(cluster)
    form, status = ClusterForm.of(found), None
    if request.method == "POST":
        form = ClusterForm.typed(request.POST)
        status = refused_form(form, lambda: intent.change_cluster(found, form.payload(), by=request.user))
        if status is None:
            messages.success(request, f"Cluster {cluster} is saved.")
            return redirect("platform")
    context = {"form": form, "cluster": found, "bases": BASES}
    return render(request, "platform/cluster.html", context, status=status)


@admin_page
@require_http_methods(["GET", "HEAD", "POST"])
def new_nodes(request: PageRequest, cluster: str) -> HttpResponse:
    return edit_nodes(request, find_cluster(cluster), None)


@admin_page
@require_http_methods(["GET", "HEAD", "POST"])
def nodes(request: PageRequest, cluster: str, preset: str) -> HttpResponse:
    found = find_cluster(cluster)
    return edit_nodes(request, found, selectors.get_node_preset(found, preset))


def edit_nodes(request: PageRequest, cluster: Cluster, found: NodePreset | None) -> HttpResponse:
    form, status = NodePresetForm.of(found), None
    if request.method == "POST":
        form = NodePresetForm.typed(request.POST)
        payload = form.payload()
        status = refused_form(
            form, lambda: intent.save_node_preset(cluster, payload, by=request.user, current=found)
        )
        if status is None:
            messages.success(request, f"Node preset {form.values['name']} is saved.")
            return redirect("platform")
    context = {"form": form, "cluster": cluster, "preset": found, "operators": OPERATORS, "effects": EFFECTS}
    return render(request, "platform/nodes.html", context, status=status)


@admin_page
@require_POST
def delete_nodes(request: PageRequest, cluster: str, preset: str) -> HttpResponse:
    found = selectors.get_node_preset(find_cluster(cluster), preset)
    error = refused(lambda: intent.delete_node_preset(found, by=request.user))
    if error is not None:
        return show_platform(request, error=error)
    messages.success(request, f"Node preset {preset} is not offered any more. Deployments keep their nodes.")
    return redirect("platform")
