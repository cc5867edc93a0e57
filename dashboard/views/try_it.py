"""Asking a deployment for a prediction from the browser."""

import json
import shlex
from dataclasses import dataclass, field

from django.http import HttpResponse
from django.views.decorators.http import require_http_methods

from dashboard.views.frame import PageRequest, page
from dashboard.views.one import find, show_tab
from deployments import ask, selectors
from deployments.errors import DomainError, PermissionDenied
from deployments.models import Deployment
from deployments.spec.json_text import UnusableJson, parse_json
from teams.roles import Role

METHODS = ("POST", "GET", "PUT")
SHOWN_CHARACTERS = 100_000


@dataclass
class TryForm:
    """A request as typed, and why it was not sent."""

    method: str = "POST"
    path: str = "/"
    body: str = ""
    errors: dict[str, str] = field(default_factory=dict)

    @classmethod
    def sample(cls, deployment: Deployment) -> "TryForm":
        """The version's own sample request."""
        sample = deployment.version.sample_request or {}
        body = sample.get("body")
        return cls(
            method=str(sample.get("method", "POST")),
            path=str(sample.get("path", "/")),
            body="" if body is None else spread(body),
        )

    @classmethod
    def typed(cls, request: PageRequest) -> "TryForm":
        form = cls(
            method=request.POST.get("method", "POST"),
            path=request.POST.get("path", "").strip() or "/",
            body=request.POST.get("body", ""),
        )
        if form.method not in METHODS:
            form.errors["method"] = "Choose one of " + ", ".join(METHODS) + "."
        if not form.path.startswith("/"):
            form.errors["path"] = "A path begins with /."
        return form

    def parsed_body(self) -> object:
        """The body as JSON; None when it is empty. Leaves the mistake's place in `errors`."""
        if not self.body.strip() or self.method == "GET":
            return None
        try:
            return parse_json(self.body)
        except json.JSONDecodeError as error:
            self.errors["body"] = f"Not JSON: {error.msg} at line {error.lineno}, column {error.colno}."
        except UnusableJson as error:
            self.errors["body"] = str(error)
        return None

    def snippets(self, address: str) -> dict[str, str]:
        """The same request for a terminal and for a program."""
        url = address + self.path
        quoted = " ".join(self.body.split())
        data = f" \\\n  -H 'Content-Type: application/json' \\\n  -d {shlex.quote(quoted)}" if quoted else ""
        sent = f"    json={python_literal(quoted)},\n" if quoted else ""
        python = (
            "import requests\n\n"
            f"answer = requests.request(\n    {self.method!r},\n    {url!r},\n{sent}    timeout=20,\n)\n"
            "print(answer.json())"
        )
        return {"curl": f"curl -X {self.method} {shlex.quote(url)}{data}", "python": python}


def spread(value: object, indent: str = "") -> str:
    """JSON as a person would write it: a row of numbers stays one line."""
    inner = indent + "  "
    if isinstance(value, dict) and value:
        parts = [f"{inner}{json.dumps(key)}: {spread(part, inner)}" for key, part in value.items()]
        return "{\n" + ",\n".join(parts) + f"\n{indent}}}"
    if isinstance(value, list) and any(isinstance(part, (dict, list)) for part in value):
        rows = [inner + spread(part, inner) for part in value]
        return "[\n" + ",\n".join(rows) + f"\n{indent}]"
    return json.dumps(value, ensure_ascii=False)


def python_literal(text: str) -> str:
    try:
        return repr(parse_json(text))
    except ValueError:
        return repr(text)


@page
@require_http_methods(["GET", "HEAD", "POST"])
def try_it(request: PageRequest, team: str, name: str) -> HttpResponse:
    deployment = find(request, team, name)
    if request.method != "POST":
        return show(request, deployment, TryForm.sample(deployment))
    role = selectors.role_of(request.user, deployment.team)
    if role is None or not role.covers(Role.DEPLOYER):
        raise PermissionDenied("Sending requests to a deployment needs the role deployer.")
    form = TryForm.typed(request)
    body = form.parsed_body()
    if form.errors:
        return show(request, deployment, form, status=422)
    try:
        answer = ask.predict(deployment, path=form.path, method=form.method, body=body)
    except DomainError as error:
        return show(request, deployment, form, failure=error, status=error.status)
    return show(request, deployment, form, answer=readable(answer))


def readable(answer: dict[str, object]) -> dict[str, object]:
    """The answer with its body as text: nothing a model sends is markup to us."""
    body = answer.get("body")
    try:
        text = body if isinstance(body, str) else spread(body)
    except RecursionError:
        text = "The answer is JSON nested too deeply to be shown."
    status = answer.get("status")
    return {**answer, "text": text[:SHOWN_CHARACTERS], "good": isinstance(status, int) and status < 400}


def show(
    request: PageRequest,
    deployment: Deployment,
    form: TryForm,
    *,
    answer: dict[str, object] | None = None,
    failure: DomainError | None = None,
    status: int = 200,
) -> HttpResponse:
    address = selectors.endpoint_of(deployment) or f"http://{deployment.name}.{deployment.namespace}.svc"
    context = {
        "form": form,
        "methods": METHODS,
        "answer": answer,
        "failure": failure,
        "snippets": form.snippets(address),
    }
    part = "exchange" if request.method == "POST" else "live"
    return show_tab(
        request, deployment, "deployment-try", "deployments/try.html", context, part=part, status=status
    )
