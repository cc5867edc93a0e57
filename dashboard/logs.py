"""How a line of the log looks: for people, or as JSON. Whatever text it quotes, it stays one line.

Names of things, words of clusters and addresses are written by others: a line break or an escape
sequence in them must not make up a line, nor paint a terminal.
"""

import json
import logging
import re
from datetime import UTC, datetime
from typing import Any, Final

from deployments import tracing

# Control characters of ASCII and Latin-1, and Unicode's own ends of lines and changes of direction.
_UNSAFE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_SHORT: Final = {"request_id": "request", "operation_id": "operation", "task_id": "task"}


def escaped(text: str) -> str:
    """`text` with what could be taken for more than text written out: "\\n" for a line break."""
    return _UNSAFE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


class Lines(logging.Formatter):
    """`12:00:01 INFO deployments.reconcile text [request=... operation=... task=...]`.

    Lines of a traceback are indented, so that none of them can pass for a line of its own.
    """

    def __init__(self) -> None:
        super().__init__(datefmt="%H:%M:%S")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  logging's own name
        head = f"{self.formatTime(record, self.datefmt)} {record.levelname} {record.name}"
        ids = " ".join(f"{_SHORT[name]}={value}" for name, value in ids_now().items())
        return f"{head} {escaped(record.getMessage())}{f' [{ids}]' if ids else ''}"

    def formatException(self, ei: Any) -> str:  # noqa: N802  logging's own name
        return indented(super().formatException(ei))

    def formatStack(self, stack_info: str) -> str:  # noqa: N802  logging's own name
        return indented(stack_info)


class JsonLines(logging.Formatter):
    """One JSON object a line: time (UTC), level, logger, message, the ids, and what the line is about."""

    def format(self, record: logging.LogRecord) -> str:
        told: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **ids_now(),
            **getattr(record, "fields", {}),
            "pid": record.process,
        }
        if record.exc_info:
            told["exception"] = self.formatException(record.exc_info)
        # ASCII alone: no character outside of it can be a line's end to whoever reads.
        return json.dumps(told, default=str)


def ids_now() -> dict[str, str]:
    """The ids that there are, by name."""
    ids = tracing.current()
    return {name: value for name in _SHORT if (value := getattr(ids, name))}


def indented(text: str) -> str:
    return "\n".join(f"  | {escaped(line)}" for line in text.split("\n"))


def log_config(*, level: str, format_name: str) -> dict[str, Any]:
    """Django's LOGGING. `format_name` is "human" or "json"."""
    formatter = JsonLines if format_name == "json" else Lines
    quiet = ("celery", "kubernetes", "axes", "httpx", "opentelemetry")
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": formatter}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            **{name: {"level": "WARNING"} for name in quiet},
            # The server's own handlers would write lines of another form.
            **{name: {"handlers": [], "propagate": True} for name in ("uvicorn", "uvicorn.error")},
            # What it would say of each request is said by dashboard.requests, with the ids.
            "uvicorn.access": {"handlers": [], "propagate": False},
        },
    }
