"""Paths into a Service through the API server's proxy, pinned to that Service."""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote, unquote

from k8s.errors import UnsafePath

_MAX_CHARACTERS: Final = 2000
_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,251}[a-z0-9])?", re.ASCII)
_LEFT_AS_IS: Final = "/:@!$&'()*+,;=~-._%"
# Whatever has nothing to do with the caller's request or answer: connection
# matters, and what would make a browser or a server take it for somebody.
_NOT_PASSED_ON: Final = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "set-cookie",
        "set-cookie2",
        "authorization",
        "www-authenticate",
        "content-encoding",  # bodies are passed on decoded
    }
)


def proxy_path(namespace: str, service: str, port: int, path: str) -> str:
    """Path and query, relative to the API server, that reach `path` of one Service and nothing else.

    Raises:
        UnsafePath: `path` is not one, or could be read as leading elsewhere by
            any of the programs that will decode it.
    """
    if not (_NAME.fullmatch(namespace) and _NAME.fullmatch(service) and 0 < port < 65536):
        raise UnsafePath(f"{namespace}/{service}:{port} does not name a Service")
    return f"/api/v1/namespaces/{namespace}/services/{service}:{port}/proxy{checked_path(path)}"


def checked_path(path: str) -> str:
    """`path` with its query, percent-encoded where needed. Raises UnsafePath."""
    if len(path) > _MAX_CHARACTERS:
        raise UnsafePath(f"the path is longer than {_MAX_CHARACTERS} characters")
    if not path.startswith("/"):
        raise UnsafePath("the path must start with /, without a host before it")
    if not path.isprintable() or "\\" in path or "#" in path:
        raise UnsafePath("the path has characters that a path cannot have")
    route, mark, query = path.partition("?")
    decoded = route
    # Each proxy on the way may decode once more than the one before it.
    for _ in range(4):
        _check_segments(decoded)
        decoded = unquote(decoded)
    return quote(route, safe=_LEFT_AS_IS) + mark + quote(query, safe=_LEFT_AS_IS + "?")


def passed_on(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers of an answer without cookies, credentials and connection matters, names in lower case."""
    return {name.lower(): value for name, value in headers.items() if name.lower() not in _NOT_PASSED_ON}


def _check_segments(route: str) -> None:
    lowered = route.lower()
    if "//" in route or "\\" in route or "%2f" in lowered or "%5c" in lowered:
        raise UnsafePath("the path may not have empty parts or encoded slashes")
    if any(segment.partition(";")[0] in (".", "..") for segment in route.split("/")):
        raise UnsafePath("the path may not have . or .. as a part")
    if not route.isprintable():
        raise UnsafePath("the path has characters that a path cannot have")
