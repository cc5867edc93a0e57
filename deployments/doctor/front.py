"""The web side from outside, as a browser reaches it: through the proxy, by the name that people type."""

from typing import Final
from urllib.parse import urlsplit

import httpx

from deployments.doctor.findings import Area

_SECONDS: Final = 5.0


def look_at_front(area: Area, url: str) -> None:
    """`url` is where the pages are, such as "https://deploy.example.com"; "" looks at nothing."""
    if not url:
        area.note("not asked: name it with --url https://deploy.example.com")
        return
    try:
        # Readiness is asked by machines, of any name and without TLS: only a page tells what people see.
        page, ready = (
            httpx.get(f"{url.rstrip('/')}{path}", timeout=_SECONDS, follow_redirects=False)
            for path in ("/sign-in/", "/readyz")
        )
    except (httpx.HTTPError, httpx.InvalidURL) as exc:
        area.problem(
            "web_unreachable",
            f"{url} does not answer: {exc}",
            why="Nobody can use the product.",
            remedy="Start the web process and its proxy, and see what they say: "
            "docker compose up -d web; docker compose logs --tail 50 web",
        )
        return
    _judge(area, url, page, ready)


def _judge(area: Area, url: str, page: httpx.Response, ready: httpx.Response) -> None:
    leads_to = page.headers.get("location", "")
    if page.is_redirect and urlsplit(leads_to).hostname == urlsplit(url).hostname:
        area.problem(
            "proxy_header_missing",
            f"{url} leads to {leads_to}, again and again: the proxy does not say that people come by https.",
            why="No page opens.",
            remedy="Let it set the header: X-Forwarded-Proto: https (Caddy does; nginx: "
            "proxy_set_header X-Forwarded-Proto $scheme;)",
        )
    elif page.status_code == httpx.codes.BAD_REQUEST:
        area.problem(
            "host_not_allowed",
            f"The web process does not answer to the name {urlsplit(url).hostname}.",
            why="No page opens by this name.",
            remedy=f"Add it and restart web and live: ALLOWED_HOSTS={urlsplit(url).hostname}",
        )
    elif ready.status_code != httpx.codes.OK:
        area.problem(
            "web_not_ready",
            f"{url}/readyz answers {ready.status_code}: {ready.text[:200]}",
            why="Pages do not open, or cannot store anything.",
            remedy="See what the web process says: docker compose logs --tail 50 web",
        )
    else:
        area.note(f"{url} is ready")
