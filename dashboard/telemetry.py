"""Traces for OpenTelemetry, from click to PATCH: requests, tasks, and what is asked of API servers.

Imported only where OTEL_EXPORTER_OTLP_ENDPOINT says where they go (`dashboard/apps.py`). Spans are made here,
not by the instrumentations for Django and Celery. That of Celery never ends the span of a message that is
sent by the name of a task, as the web tier sends all of them. That of Django tells whole addresses, in which
are codes of a sign-in and keys of an invitation, and leads each request under ASGI through a thread.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any

from asgiref.sync import iscoroutinefunction
from celery.signals import task_postrun, task_prerun, worker_process_shutdown
from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import NoOpTracer, Span, SpanKind, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from deployments import tracing
from k8s import journal

# A collector that does not answer must not hold up the end of a process.
_EXPORT_SECONDS = 3
# Asked every few seconds by machines, and nobody's click.
_NOT_TRACED = ("/healthz", "/readyz", "/metrics")
_SPAN = "timoneiro_span"
_carrier = TraceContextTextMapPropagator()


class Traces:
    """What this process tells a collector. Processes that are forked from it tell theirs by themselves."""

    def __init__(self) -> None:
        self.tracer: Tracer = NoOpTracer()
        self._provider: TracerProvider | None = None

    def begin(self, endpoint: str, *, service: str) -> None:
        """From here on spans go to `endpoint`, an address without /v1/traces.

        What it needs besides (headers, sampling, ...) the SDK takes from the environment.
        """
        exporter = OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces", timeout=_EXPORT_SECONDS)
        self._provider = TracerProvider(resource=Resource.create({SERVICE_NAME: service}))
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self.tracer = self._provider.get_tracer("timoneiro")
        tracing.carriers.append(_carrier.inject)
        journal.spans.append(_span_of_request_to_cluster)
        task_prerun.connect(_begin_task)
        task_postrun.connect(_end_task)
        worker_process_shutdown.connect(_flush)

    @contextmanager
    def span(
        self, name: str, before: Context | None, kind: SpanKind, about: Mapping[str, str]
    ) -> Iterator[Span]:
        """A span around the block. Of an error its kind alone: messages and stacks hold addresses."""
        with self.tracer.start_as_current_span(
            name,
            context=before,
            kind=kind,
            attributes=about,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                yield span
            except Exception as exc:
                span.set_attribute("error.type", type(exc).__name__)
                span.set_status(StatusCode.ERROR)
                raise

    def flush(self) -> None:
        """Sends what has not been sent."""
        if self._provider is not None:
            self._provider.force_flush()

    def end(self) -> None:
        """Sends the rest, and nothing from here on."""
        tracing.carriers.remove(_carrier.inject)
        journal.spans.remove(_span_of_request_to_cluster)
        task_prerun.disconnect(_begin_task)
        task_postrun.disconnect(_end_task)
        worker_process_shutdown.disconnect(_flush)
        if self._provider is not None:
            self._provider.shutdown()
        self.tracer, self._provider = NoOpTracer(), None


traces = Traces()


@sync_and_async_middleware
def traced(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """A span of each request, by its route: addresses may hold what is nobody else's business."""
    if iscoroutinefunction(get_response):

        async def trace_async(request: HttpRequest) -> HttpResponseBase:
            if _is_not_traced(request):
                return await get_response(request)  # type: ignore[no-any-return]
            with _span_of_request(request) as span:
                response: HttpResponseBase = await get_response(request)
                _note(span, request, response)
                return response

        return trace_async

    def trace(request: HttpRequest) -> HttpResponseBase:
        if _is_not_traced(request):
            return get_response(request)  # type: ignore[no-any-return]
        with _span_of_request(request) as span:
            response: HttpResponseBase = get_response(request)
            _note(span, request, response)
            return response

    return trace


def _is_not_traced(request: HttpRequest) -> bool:
    return request.path in _NOT_TRACED or request.path.startswith(settings.STATIC_URL)


def _span_of_request(request: HttpRequest) -> AbstractContextManager[Span]:
    # No tracestate: it is text of whoever asks.
    before = _carrier.extract({"traceparent": request.headers.get("traceparent", "")})
    method = request.method or ""
    return traces.span(method, before, SpanKind.SERVER, {"http.request.method": method})


def _note(span: Span, request: HttpRequest, response: HttpResponseBase) -> None:
    match = request.resolver_match
    if match is not None:
        span.update_name(f"{request.method} {match.view_name or match.route}")
        span.set_attribute("http.route", match.route)
    span.set_attribute("http.response.status_code", response.status_code)
    # By which lines of the log are found, those of workers too.
    span.set_attribute("timoneiro.request_id", response.headers.get("X-Request-ID", ""))
    if response.status_code >= 500:
        span.set_status(StatusCode.ERROR)


@contextmanager
def _span_of_request_to_cluster(method: str, path: str) -> Iterator[Callable[[int], None]]:
    ids = tracing.current()
    about = {
        "http.request.method": method,
        "url.path": path,
        "timoneiro.request_id": ids.request_id,
        "timoneiro.operation_id": ids.operation_id,
    }
    with traces.span(f"{method} cluster", None, SpanKind.CLIENT, about) as span:

        def answered(status: int) -> None:
            span.set_attribute("http.response.status_code", status)
            if status >= 400:
                span.set_status(StatusCode.ERROR)

        yield answered


def _begin_task(task: Any, task_id: str, **_signal: Any) -> None:
    told = getattr(task.request, tracing.HEADER, "")
    about = {"messaging.message.id": task_id, "timoneiro.request_id": tracing.well_formed(told)}
    before = _carrier.extract({"traceparent": getattr(task.request, "traceparent", "") or ""})
    begun = ExitStack()
    span = begun.enter_context(traces.span(task.name, before, SpanKind.CONSUMER, about))
    setattr(task.request, _SPAN, (begun, span))


def _end_task(task: Any, state: str | None = None, **_signal: Any) -> None:
    begun, span = getattr(task.request, _SPAN, (None, None))
    if begun is None or span is None:
        return
    if state == "FAILURE":
        span.set_status(StatusCode.ERROR)
    begun.close()


def _flush(**_signal: Any) -> None:
    """A worker's process ends without the handlers of an exit."""
    traces.flush()
