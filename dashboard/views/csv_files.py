"""CSV files that leave batch by batch: they are never whole in memory."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse


def csv_file(request: HttpRequest, batches: Iterator[str], filename: str) -> HttpResponse:
    """An answer that is kept as `filename`; each batch is made when the one before has left."""
    streamed: Any = StreamingHttpResponse(
        # Whoever serves by ASGI would otherwise read it all before the first line is sent.
        in_threads(batches) if isinstance(request, ASGIRequest) else batches,
        content_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="{filename}"',
            "X-Content-Type-Options": "nosniff",
        },
    )
    answer: HttpResponse = streamed
    return answer


async def in_threads(batches: Iterator[str]) -> AsyncIterator[str]:
    """The same, each batch made in a thread that may use the database."""
    while batch := await sync_to_async(lambda: next(batches, ""))():
        yield batch
