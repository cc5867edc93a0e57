"""The OpenAPI 3.1 description: struct shapes as components, and one decorator that describes a method."""

import inspect
import re
from collections.abc import Callable, Collection, Sequence
from typing import Any, TypeVar

import msgspec
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema

from deployments.api import (
    catalogue_shapes,
    notice_shapes,
    payloads,
    people_shapes,
    shapes,
    sizing_shapes,
    usage_shapes,
)

Method = TypeVar("Method", bound=Callable[..., Any])

REF = "#/components/schemas/{name}"

MEANINGS = {
    400: "The request cannot be read.",
    401: "Nobody is signed in, or the token is not valid.",
    403: "The role, or the token's scope, does not allow this.",
    404: "There is no such thing, or none that you may know of.",
    405: "The address has no such method.",
    406: "None of the accepted media types is offered.",
    409: "It does not fit the present state.",
    412: "If-Match names another generation than the newest.",
    413: "The body is too large.",
    415: "The body is not JSON by its Content-Type.",
    422: "Understood, but not acceptable; `errors` names each field.",
    429: "Too many requests; see Retry-After.",
    501: "This server process does not stream.",
    502: "The cluster refused.",
    503: "Not reachable now; see Retry-After.",
    504: "No answer in time.",
}


class BearerToken(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How tokens are described; found by drf-spectacular through its name."""

    target_class = "deployments.api.authentication.TokenAuthentication"
    name = "bearerToken"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:  # noqa: ARG002
        return {"type": "http", "scheme": "bearer"}


TAGS = {
    "deployments": "deployments",
    "actions": "deployments",
    "schedules": "deployments",
    "observed": "deployments",
    "catalogue": "models and versions",
    "platform": "sizes and clusters",
    "savings": "usage",
    "clusters": "sizes and clusters",
    "team": "teams",
    "usage": "usage",
    "notices": "teams",
    "people": "members and tokens",
    "audit": "members and tokens",
    "account": "operations and me",
    "meta": "about the API",
}
"""Headings of the documentation, by module of the views."""

INTRODUCTION = """Deploy and scale ML models on Kubernetes.

Authenticate with `Authorization: Bearer tim_...`, or by being signed in to the pages. A write stores a wish
and answers
202 with its operation; `?wait=30` holds the answer until it has ended. Every error is a problem (RFC 9457)
that names the fields. A trailing slash is optional on every address.

A token, or a signed-in person, may make so many requests a minute; `RateLimit-Policy` and `RateLimit` of each
answer say how many, how many are left (`r`) and when they are all back (`t`, in seconds)."""

VERBS = {"GET": "read", "PATCH": "change", "PUT": "set", "DELETE": "delete"}


class Described(AutoSchema):
    """Names and headings from the views' own names."""

    def get_operation_id(self) -> str:
        name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(self.view).__name__).lower()
        if self.method == "POST":
            # On a list it makes one of them; elsewhere the view is named after what it does.
            return f"create_{_one_of(name)}" if name.endswith("s") else name
        return f"{VERBS.get(self.method, self.method.lower())}_{name}"

    def get_tags(self) -> list[str]:
        return [TAGS[type(self.view).__module__.rpartition(".")[2]]]

    def get_description(self) -> str:  # type: ignore[override]
        return inspect.cleandoc(vars(type(self.view)).get("__doc__") or "")


def _one_of(plural: str) -> str:
    return f"{plural[:-3]}y" if plural.endswith("ies") else plural[:-1]


def parameter(
    name: str,
    text: str,
    *,
    kind: type = str,
    enum: Collection[Any] | None = None,
    header: bool = False,
    default: Any = None,
    schema: dict[str, Any] | None = None,
) -> OpenApiParameter:
    """A query parameter, or a header."""
    if enum:
        schema = {"type": "string", "enum": [str(value) for value in enum]}
    return OpenApiParameter(
        name,
        schema or kind,
        OpenApiParameter.HEADER if header else OpenApiParameter.QUERY,
        description=text,
        default=default,
    )


def whole(low: int, default: int | None) -> dict[str, Any]:
    """The schema of a whole number of at least `low`."""
    return {"type": "integer", "minimum": low} | ({} if default is None else {"default": default})


WAIT = parameter(
    "wait",
    "Hold the answer up to this many seconds (at most 60), until the operation has ended.",
    schema=whole(0, 0),
)
DRY_RUN = parameter("dry_run", "Only tell what would happen; store nothing. Answers 200.", kind=bool)
IF_MATCH = parameter("If-Match", "Only if this is still the ETag (the generation); else 412.", header=True)
CONDITIONAL = (WAIT, IF_MATCH)
"""Of every write on one deployment."""
IDEMPOTENCY_KEY = parameter(
    "Idempotency-Key", "The first answer with this key is kept for 24 hours and repeated.", header=True
)
ORDERING = parameter("ordering", "Fields to order by, separated by commas; a leading hyphen reverses.")
LIST = (
    parameter("limit", "How many at most; more than 500 means 500.", schema=whole(1, 50)),
    parameter("offset", "How many to skip.", schema=whole(0, 0)),
)


def describe(
    summary: str,
    *,
    answers: Any = None,
    many: bool = False,
    takes: type[msgspec.Struct] | None = None,
    status: int = 200,
    parameters: Sequence[OpenApiParameter] = (),
    may: Collection[int] = (),
    media: str = "application/json",
    also: Collection[str] = (),
) -> Callable[[Method], Method]:
    """Describes one method of a view: what it takes, answers, and may fail with.

    `answers` is a struct, a raw schema, or None for an empty body. `may` adds
    statuses to those that every method may answer, `also` other media types of the same answer, as text.
    """
    extra = set(may) | ({400, 413, 415, 422} if takes else set())
    extra |= {422} if parameters else set()
    problems = {401, 403, 404, 406, 429} | extra
    responses: dict[Any, Any] = {
        (status, media): OpenApiResponse(_schema(answers, many=many), description=summary)
    }
    for other in also:
        responses[(status, other)] = OpenApiResponse({"type": "string"}, description=summary)
    if DRY_RUN in parameters:
        responses[(200, media)] = OpenApiResponse(_schema(shapes.Preview), description="A dry run")
    for code in sorted(problems):
        responses[(code, "application/problem+json")] = OpenApiResponse(
            _schema(shapes.Problem), description=MEANINGS[code]
        )
    keyed = (IDEMPOTENCY_KEY,) if status == 202 or takes else ()
    return extend_schema(
        summary=summary,
        request={"application/json": _schema(takes)} if takes else None,
        responses=responses,
        parameters=[*parameters, *keyed],
    )


def _schema(shape: Any, *, many: bool = False) -> Any:
    if shape is None or isinstance(shape, dict):
        return shape
    one = {"$ref": REF.format(name=shape.__name__)}
    if not many:
        return one
    link = {"type": ["string", "null"], "format": "uri"}
    return {
        "type": "object",
        "required": ["count", "next", "previous", "results"],
        "properties": {
            "count": {"type": "integer"},
            "next": link,
            "previous": link,
            "results": {"type": "array", "items": one},
        },
    }


def components() -> dict[str, Any]:
    """JSON schemas of every shape by name."""
    structs = [
        value
        for module in (
            shapes,
            catalogue_shapes,
            notice_shapes,
            people_shapes,
            usage_shapes,
            sizing_shapes,
            payloads,
        )
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, msgspec.Struct) and value is not msgspec.Struct
    ]
    _, found = msgspec.json.schema_components(structs, ref_template=REF)
    return found
