"""How much the API server is asked, in the Prometheus text format and under Kubernetes' own metric name."""

from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

REQUESTS: Final = web.AppKey("requests", Counter[str])


@web.middleware
async def count_requests(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Count a request when it comes: a watch lasts for minutes, and it has cost its request by then."""
    verb = "WATCH" if request.query.get("watch") in {"1", "true"} else request.method
    request.app[REQUESTS][verb] += 1
    return await handler(request)


async def show_metrics(request: web.Request) -> web.Response:
    """`GET /metrics`: requests begun since the start of the process, by verb."""
    lines = ["# TYPE apiserver_request_total counter"]
    lines += [
        f'apiserver_request_total{{verb="{verb}"}} {count}'
        for verb, count in sorted(request.app[REQUESTS].items())
    ]
    return web.Response(text="\n".join(lines) + "\n", content_type="text/plain", charset="utf-8")
