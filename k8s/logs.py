"""What the synchronous and the asynchronous reader of container logs share."""

from datetime import UTC, datetime
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


def stamped(line: str) -> tuple[str, str]:
    """Time and text of a line that was read with timestamps; the time is "" when it has none.

    Times are in UTC with nine digits of a second, so that they compare as text: a node may write
    its own zone, and no zeros at the end. A piece of an overlong line has no time.
    """
    stamp, _, text = line.partition(" ")
    if len(stamp) == 30 and stamp[10] == "T" and stamp[19] == "." and stamp[29] == "Z":
        return stamp, text
    try:
        moment = datetime.fromisoformat(stamp)
    except ValueError:
        return "", line
    if moment.tzinfo is None or "T" not in stamp:
        return "", line
    fraction = stamp[20:].rstrip("Zz").partition("+")[0].partition("-")[0] if stamp[19:20] == "." else ""
    seconds = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{seconds}.{fraction.ljust(9, '0')[:9]}Z", text
