"""Lists: `{"count", "next", "previous", "results"}` by `?limit=` and `?offset=`."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from rest_framework.pagination import LimitOffsetPagination
from rest_framework.request import Request
from rest_framework.response import Response

from deployments.api import query

Row = TypeVar("Row", bound=Model)


class LimitOffset(LimitOffsetPagination):
    """50 unless asked, at most 500; what is not a number is refused, not ignored."""

    default_limit = 50
    max_limit = 500

    def get_limit(self, request: Request) -> int:
        return query.whole(request, "limit", default=self.default_limit, low=1, high=self.max_limit)

    def get_offset(self, request: Request) -> int:
        return query.whole(request, "offset", default=0, low=0, high=999_999_999)


def paged(
    request: Request, rows: QuerySet[Row], present: Callable[[Sequence[Row]], Sequence[Any]]
) -> Response:
    """One page of `rows`. `present` gets the page at once, so that it can look things up in bulk."""
    pages = LimitOffset()
    page = pages.paginate_queryset(rows, request)
    return pages.get_paginated_response(present(page or []))
