"""What the synchronous and the asynchronous reader of container logs share."""

from typing import Final

from k8s.cluster import LogQuery

MAX_LINE_BYTES: Final = 64 * 1024
"""A line longer than this is cut in pieces: a container need never end one."""

_MAX_BYTES: Final = 16 * 1024 * 1024
_VANISHED: Final = "unable to retrieve container logs for "


def log_parameters(query: LogQuery, *, follow: bool = False) -> dict[str, str]:
    """The query of the log endpoint; entries that are "" are to be left out."""
    return {
        "container": query.container or "",
        "previous": "true" if query.previous else "",
        "tailLines": "" if query.tail_lines is None else str(query.tail_lines),
        "sinceSeconds": "" if query.since_seconds is None else str(max(1, query.since_seconds)),
        "timestamps": "true" if query.timestamps else "",
        "follow": "true" if follow else "",
        "limitBytes": "" if follow else str(_MAX_BYTES),
    }


def vanished(text: str) -> bool:
    """Whether a log is none: the node answers HTTP 200 and this sentence when the container is gone."""
    return text.startswith(_VANISHED) and len(text) < 300 and "\n" not in text.strip()


def split_lines(data: bytes, longest: int) -> tuple[list[str], bytes]:
    """Whole lines of `data` without their newline, and its rest; an overlong rest is cut to lines."""
    *lines, rest = data.split(b"\n")
    while len(rest) > longest:
        lines.append(rest[:longest])
        rest = rest[longest:]
    return [line.removesuffix(b"\r").decode("utf-8", "replace") for line in lines], rest
