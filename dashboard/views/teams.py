"""Teams for platform admins: made, called otherwise, archived, brought back."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from dashboard.forms.team import TEAM_FIELDS, TeamForm
from dashboard.forms.typed import refused, refused_form
from dashboard.views.frame import PageRequest
from dashboard.views.platform import admin_page
from dashboard.views.team import show
from deployments import intent, selectors
from deployments.models import Cluster


@admin_page
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: PageRequest) -> HttpResponse:
    form, status = TeamForm.blank(), None
    if request.method == "POST":
        form = TeamForm.typed(request.POST, TEAM_FIELDS)
        status = refused_form(form, lambda: intent.make_team(form.payload(), by=request.user))
        if status is None:
            messages.success(request, f"Team {form.values['name']} is there. Add its members here.")
            return redirect("team", form.values["name"])
    names = Cluster.objects.order_by("name").values_list("name", flat=True)
    clusters = [("", "None yet"), *((name, name) for name in names)]
    return render(request, "teams/new.html", {"form": form, "clusters": clusters}, status=status)


@admin_page
@require_POST
def rename(request: PageRequest, team: str) -> HttpResponse:
    found, form = selectors.get_team(request.user, team), TeamForm.typed(request.POST)
    status = refused_form(form, lambda: intent.change_team(found, form.payload(), by=request.user))
    if status is not None:
        return show(request, found, people={"naming": form}, status=status)
    messages.success(request, f"The team is called {form.values['title'] or team} now.")
    return redirect("team", team)


@admin_page
@require_POST
def archive(request: PageRequest, team: str) -> HttpResponse:
    """Archives it, or with `back` brings it back."""
    found, away = selectors.get_any_team(request.user, team), "back" not in request.POST
    error = refused(lambda: intent.change_team(found, {"archived": away}, by=request.user))
    if error is not None:
        return show(request, found, error=error.detail, status=error.status)
    messages.success(request, f"Team {team} is {'archived' if away else 'back'}.")
    return redirect("teams") if away else redirect("team", team)
