"""The aiohttp application: authentication, errors as Status bodies, and the way from a path to a handler."""

from __future__ import annotations

import hmac
import logging
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Middleware

from k8s.local import errors
from k8s.local.admission import warnings
from k8s.local.server import admin, discovery, reads, resource_metrics, reviews, subresources, watches, writes
from k8s.local.server.context import CONTEXT, Context, Target, flag, target_of
from k8s.local.server.encoding import to_json
from k8s.local.server.faults import Faults, WatchFaults
from k8s.local.server.faults import middleware as faults_middleware
from k8s.local.server.metrics import REQUESTS, count_requests, show_metrics
from k8s.local.server.proxy import SESSION, new_session, proxy

logger = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Verb = Callable[[web.Request, Target], Awaitable[web.StreamResponse]]

#: Open to everybody, as in Kubernetes (system:public-info-viewer).
_PUBLIC: Final = ("healthz", "livez", "readyz", "version")
_BODY_LIMIT_BYTES: Final = 3 * 1024 * 1024


def create_app(
    context: Context, *, middlewares: Sequence[Middleware] = (), with_faults: bool = False
) -> web.Application:
    """The application. ``middlewares`` (aiohttp's) come after authentication; tests put faults there."""
    faults = Faults(context.store) if with_faults else None
    if faults is not None:
        middlewares = (faults_middleware(faults), *middlewares)
        context.watch_faults = lambda target: WatchFaults(faults, target)
    app = web.Application(
        middlewares=[count_requests, _answer_errors, _authenticate, *middlewares],
        client_max_size=_BODY_LIMIT_BYTES,
    )
    app[CONTEXT] = context
    app[REQUESTS] = Counter()
    app.router.add_get("/metrics", show_metrics)
    if faults is not None:
        app[admin.FAULTS], app[admin.CONTROLS] = faults, []
        app.add_routes(admin.routes())
    app.add_routes(discovery.routes())
    app.add_routes(reviews.routes())
    app.add_routes(resource_metrics.routes())
    app.router.add_route("*", "/{path:.*}", _dispatch)
    app.cleanup_ctx.append(_proxy_session)

    async def end_watches(_: web.Application) -> None:
        context.end_watches()

    app.on_shutdown.append(end_watches)
    return app


async def _proxy_session(app: web.Application) -> AsyncIterator[None]:
    app[SESSION] = new_session()
    yield
    await app[SESSION].close()


@web.middleware
async def _answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        response = await handler(request)
    except errors.ApiError as error:
        response = _error_response(error)
    except web.HTTPRequestEntityTooLarge:
        response = _error_response(_TooLarge("Request entity too large: limit is 3145728"))
    except web.HTTPMethodNotAllowed:
        response = _error_response(errors.MethodNotAllowed())
    except ConnectionError:
        raise
    except web.HTTPException:
        raise
    except Exception:
        logger.exception("%s %s failed", request.method, request.path)
        response = _error_response(
            errors.InternalError("Internal error occurred: see the log of the local cluster")
        )
    if not response.prepared:
        response.headers.setdefault("Audit-Id", str(uuid.uuid4()))
        response.headers.setdefault("Cache-Control", "no-cache, private")
    return response


class _TooLarge(errors.ApiError):
    code = 413
    reason = "RequestEntityTooLarge"


def _error_response(error: errors.ApiError) -> web.Response:
    return reads.json_response(to_json(error.status()), status=error.code, headers=error.headers)


@web.middleware
async def _authenticate(request: web.Request, handler: Handler) -> web.StreamResponse:
    if request.path.split("/")[1] in _PUBLIC:
        return await handler(request)
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    known = request.app[CONTEXT].token
    if scheme.lower() != "bearer" or not hmac.compare_digest(token.strip().encode(), known.encode()):
        raise errors.Unauthorized
    return await handler(request)


async def _dispatch(request: web.Request) -> web.StreamResponse:
    target = target_of(request.rel_url.raw_path)
    if target is None:
        return discovery.not_found()
    with warnings.collected() as remarks:
        response = await _verb_for(request, target)(request, target)
    if remarks and not response.prepared:
        told = [response.headers["Warning"]] if "Warning" in response.headers else []
        response.headers["Warning"] = ", ".join([*told, warnings.header(remarks)])
    return response


def _verb_for(request: web.Request, target: Target) -> Verb:
    if target.subresource in ("", "status", "finalize"):
        return _plain_verb(request, target)
    found = _SUBRESOURCE_VERBS.get((target.subresource, request.method))
    if target.subresource == "proxy":
        found = proxy
    if found is None:
        raise errors.MethodNotAllowed
    return found


def _plain_verb(request: web.Request, target: Target) -> Verb:
    method = request.method
    if method == "GET" and not target.subresource and (flag(request, "watch") or not target.name):
        return watches.watch if flag(request, "watch") else reads.get_list
    if target.name:
        found = _NAMED_VERBS.get(method)
    else:
        found = {"POST": writes.create, "DELETE": writes.delete_collection}.get(method)
    if found is None or (method == "POST" and target.kind.namespaced and not target.namespace):
        raise errors.MethodNotAllowed
    return found


_NAMED_VERBS: Final[dict[str, Verb]] = {
    "GET": reads.get_one,
    "PUT": writes.replace,
    "PATCH": writes.patch,
    "DELETE": writes.delete,
}
_SUBRESOURCE_VERBS: Final[dict[tuple[str, str], Verb]] = {
    ("scale", "GET"): subresources.scale,
    ("scale", "PUT"): subresources.scale,
    ("scale", "PATCH"): subresources.scale,
    ("log", "GET"): subresources.log,
    ("eviction", "POST"): subresources.evict,
    ("exec", "GET"): subresources.execute,
    ("exec", "POST"): subresources.execute,
    ("binding", "POST"): subresources.bind,
}
