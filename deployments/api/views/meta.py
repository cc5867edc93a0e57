"""The API about itself: changes as they happen, its schema, its documentation, and what is not there."""

from functools import cache
from typing import Any, NoReturn

from django.http import HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from drf_spectacular.generators import SchemaGenerator
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from deployments.api import openapi, present, streams
from deployments.api.base import ApiView
from deployments.api.problems import no_such_address
from deployments.api.renderers import ServerSentEvents, StructRenderer
from deployments.api.showing import add_examples


class Watch(ApiView):
    """Names only: read again what they name."""

    renderer_classes = (ServerSentEvents, StructRenderer)  # type: ignore[assignment]

    @openapi.describe(
        "Watch: names of what changed, as server-sent events",
        answers={"type": "string"},
        media="text/event-stream",
        may=(501,),
    )
    def get(self, request: Request) -> HttpResponseBase:
        return streams.watch_stream(request)


@cache
def schema() -> dict[str, Any]:
    """The OpenAPI 3.1 description; the same for everybody, and for as long as the process lives."""
    made: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    made.setdefault("components", {}).setdefault("schemas", {}).update(openapi.components())
    for methods in made["paths"].values():
        for operation in methods.values():
            add_examples(operation)
    made["info"]["description"] = openapi.INTRODUCTION
    made["tags"] = [{"name": name} for name in dict.fromkeys(openapi.TAGS.values())]
    return made


class Schema(ApiView):
    """Open to all: the source is, too, and generators of clients fetch it without signing in."""

    permission_classes = (AllowAny,)
    authentication_classes = ()

    @openapi.describe("The OpenAPI 3.1 description of this API", answers={"type": "object"})
    def get(self, request: Request) -> Response:  # noqa: ARG002 - DRF's signature
        return Response(schema())


class Page(APIView):
    """A page for people among the addresses of programs: what is refused is a problem here, too."""

    permission_classes = (AllowAny,)
    authentication_classes = ()
    http_method_names = ["get", "head"]
    schema = None

    def perform_content_negotiation(self, request: Request, force: bool = False) -> tuple[Any, str]:  # noqa: ARG002
        return StructRenderer(), "text/html"


class Home(Page):
    def get(self, request: Request) -> HttpResponse:  # noqa: ARG002 - DRF's signature
        return HttpResponseRedirect(reverse("api:docs"))


class Docs(Page):
    """Documentation to read and try, served from here: no foreign script, so that the CSP stays 'self'."""

    def get(self, request: Request) -> HttpResponse:
        # Django's own request: the page needs its CSRF token.
        plain = request._request  # noqa: SLF001
        return render(plain, "deployments/api_docs.html", {"schema_url": present.address("schema")})


class NotHere(ApiView):
    """Whatever no route matches, so that it too answers with a problem."""

    permission_classes = (AllowAny,)
    authentication_classes = ()
    schema = None  # type: ignore[assignment]

    def initial(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        raise no_such_address()
