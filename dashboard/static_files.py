"""Static files: in production as they were collected, on one machine straight from the source folders.

Hashing and compressing everything with `collectstatic`, as production does, would take longer
than the whole start of `./dev up`. That compresses what changed since the last one, and an
address carries the digest of its file instead of a new name.
"""

import gzip
import os
from collections.abc import Awaitable, Callable
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any
from wsgiref.headers import Headers

import brotli
from asgiref.sync import iscoroutinefunction
from django.conf import settings
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import StaticFilesStorage
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.decorators import async_only_middleware, sync_and_async_middleware
from servestatic import ServeStatic
from servestatic.middleware import ServeStaticMiddleware

from dashboard.fronting import WsgiApplication

# Under DATA_DIR; the setting SERVESTATIC_ROOT lays it over what the finders find.
SERVED = "web"
TEXTS = (".css", ".js", ".svg")
# Better compression of all files would take as long as the rest of the start;
# what each first visit waits for most is worth half a second.
BROTLI_QUALITY = 7
BROTLI_QUALITY_OF_VENDORED = 10
GZIP_LEVEL = 7


class VersionedStaticFilesStorage(StaticFilesStorage):
    """Addresses that change with their file, so that browsers may keep the file for long."""

    def url(self, name: str | None) -> str:
        address = super().url(name)
        version = digest(name or "")
        return f"{address}?v={version}" if version else address


@cache
def digest(name: str) -> str:
    """The first characters of a static file's hash; "" when there is no such file."""
    found = finders.find(name)
    return sha256(Path(found).read_bytes()).hexdigest()[:12] if isinstance(found, str) else ""


@async_only_middleware
def compressed_static(get_response: Callable[[HttpRequest], Awaitable[HttpResponseBase]]) -> Any:
    """Serves what the finders find; of texts the copies that have compressed siblings."""
    folder = Path(settings.DATA_DIR) / SERVED / settings.STATIC_URL.strip("/")
    for finder in finders.get_finders():
        for name, storage in finder.list(None):
            if name.endswith(TEXTS):
                vendored = name.startswith("vendor/")
                quality = BROTLI_QUALITY_OF_VENDORED if vendored else BROTLI_QUALITY
                compress(Path(storage.path(name)), folder / name, quality=quality)
    return ServeStaticMiddleware(get_response)


@sync_and_async_middleware
def static_under_asgi(get_response: Callable[[HttpRequest], Any]) -> Any:
    """Serves what was collected. Under WSGI it is not there at all: see `static_under_wsgi`."""
    return ServeStaticMiddleware(get_response) if iscoroutinefunction(get_response) else get_response


def static_under_wsgi(application: WsgiApplication) -> WsgiApplication:
    """Serves what was collected, before Django sees the request.

    As a middleware it would lead each page through an event loop, which costs more than all the others.
    """
    if not Path(settings.STATIC_ROOT).is_dir():
        return application
    served: WsgiApplication = ServeStatic(
        application,
        root=settings.STATIC_ROOT,
        prefix=settings.STATIC_URL,
        add_headers_function=_as_django_does,
    )
    return served


def _as_django_does(headers: Headers, _path: str, _url: str) -> None:
    headers["X-Content-Type-Options"] = "nosniff"


def compress(source: Path, copy: Path, *, quality: int = BROTLI_QUALITY) -> None:
    """Copy `source` with a .br and a .gz beside it, unless that was done since it changed."""
    at = source.stat().st_mtime_ns
    done = copy.with_name(copy.name + ".gz")
    if done.exists() and copy.stat().st_mtime_ns == at:
        return
    content = source.read_bytes()
    copy.parent.mkdir(parents=True, exist_ok=True)
    copy.write_bytes(content)
    copy.with_name(copy.name + ".br").write_bytes(brotli.compress(content, quality=quality))
    done.write_bytes(gzip.compress(content, GZIP_LEVEL, mtime=0))
    os.utime(copy, ns=(at, at))
