"""What every page's frame needs."""

from functools import cache

from django.http import HttpRequest

from dashboard.places import places_of
from deployments import selectors

THEMES = ("light", "dark", "auto")
SECTIONS = (
    # address name, word, icon, the addresses it is lit on
    ("overview", "Overview", "layout-dashboard", ("overview",)),
    ("deployments", "Deployments", "rocket", ("deployments", "deployment")),
    ("models", "Models", "cube", ("models", "model")),
    ("usage", "Usage", "chart-bar", ("usage",)),
    ("teams", "Teams", "users", ("teams", "team")),
)
FOR_ADMINS = (
    ("clusters", "Clusters", "server-2", ("clusters",)),
    ("platform", "Platform", "settings", ("platform",)),
)


def shell(request: HttpRequest) -> dict[str, object]:
    """Theme and navigation. No query by itself: it runs for fragments and error pages too."""
    theme = request.COOKIES.get("theme", "auto")
    match = request.resolver_match
    # "deployment-logs" and "deployment-scale" belong to "deployment".
    here = (match.url_name or "").split("-")[0] if match else ""

    def may_deploy() -> bool:
        # Asked by the template, and only where "New" may be shown.
        return places_of(request).may_deploy_somewhere

    @cache
    def unseen() -> int:
        # Asked by the template for the bell of whole pages.
        return selectors.count_unseen(places_of(request))

    def lit_sections() -> list[dict[str, object]]:
        known = (*SECTIONS, *(FOR_ADMINS if request.user.is_superuser else ()))
        return [
            {"address": address, "word": word, "icon": icon, "here": here in lit}
            for address, word, icon, lit in known
        ]

    return {
        "may_deploy": may_deploy,
        "unseen": unseen,
        "theme": theme if theme in THEMES else "auto",
        "next_theme": {"auto": "dark", "dark": "light"}.get(theme, "auto"),
        # Called by the template, for people who are signed in.
        "sections": lit_sections,
    }
