"""A line of the log for each request to an API server: for what only reads, while debugging alone."""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Final

log: Final = logging.getLogger("k8s.requests")

# Asked in the form of a POST, and changes nothing.
_ASKING: Final = "/apis/authorization.k8s.io/"

Answered = Callable[[int, Mapping[str, str]], None]

spans: Final[list[Callable[[str, str], AbstractContextManager[Callable[[int], None]]]]] = []
"""What is around each request besides, with its method and path, and is told the answer's status: a trace."""


@contextmanager
def telling(method: str, path: str) -> Iterator[Answered]:
    """Call what it yields with the status and the headers of the answer, if there is one.

    The `Audit-Id` of the API server is told too: by it the request is found in the cluster's own audit.
    """
    level = logging.DEBUG if method == "GET" or path.startswith(_ASKING) else logging.INFO
    begun = time.perf_counter()
    fields: dict[str, object] = {"method": method, "path": path, "status": "no answer"}

    def answered(status: int, headers: Mapping[str, str]) -> None:
        fields["status"] = status
        for told in watching:
            told(status)
        if audit_id := headers.get("audit-id") or headers.get("Audit-Id"):
            fields["audit_id"] = audit_id

    with ExitStack() as around:
        watching = [around.enter_context(span(method, path)) for span in spans]
        try:
            yield answered
        finally:
            fields["ms"] = round((time.perf_counter() - begun) * 1000, 1)
            log.log(level, "%(method)s %(path)s %(status)s in %(ms)s ms", fields, extra={"fields": fields})
