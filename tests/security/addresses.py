"""Every address of the product, as the URLconf has it: what is walked over is never a list of our own."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from deployments.api.urls import urlpatterns as api_patterns

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
# They stay open: walked over by tests of their own.
STREAMS = {"live", "deployment-logs-follow", "watch"}


def page_routes(entries: list[Any] | None = None) -> Iterator[tuple[str, frozenset[str]]]:
    """Name and parameters of every page; the API has `api_routes`."""
    yield from _pages(get_resolver().url_patterns if entries is None else entries, frozenset())


def _pages(entries: list[Any], outer: frozenset[str]) -> Iterator[tuple[str, frozenset[str]]]:
    for entry in entries:
        parameters = outer | frozenset(entry.pattern.regex.groupindex)
        if isinstance(entry, URLResolver):
            if entry.namespace != "api":
                yield from _pages(entry.url_patterns, parameters)
        elif isinstance(entry, URLPattern):
            assert entry.name, f"{entry} has no name"
            yield entry.name, parameters


def api_routes() -> Iterator[tuple[str, str, frozenset[str]]]:
    """Name, method and parameters of every route of the API that answers to a method."""
    for pattern in api_patterns:
        for method in METHODS:
            if hasattr(getattr(pattern.callback, "view_class", None), method.lower()):
                yield str(pattern.name), method, frozenset(pattern.pattern.regex.groupindex)


def address_of(name: str, parameters: frozenset[str], values: Mapping[str, object]) -> str:
    """The address of a page, or with "api:" before its name of a route of the API."""
    return reverse(name, kwargs={parameter: values[parameter] for parameter in parameters})


def takes_posts(client: Client, name: str, address: str) -> bool:
    """Whether a form may be sent there."""
    return name not in STREAMS and client.post(address).status_code != 405
