"""What can go wrong, each with the exit code that scripts may rely on."""

from collections.abc import Mapping, Sequence
from typing import Any


class CommandError(Exception):
    """Base of everything that ends the command with words instead of a traceback.

    Exit codes: 1 refused or failed, 2 wrong usage, 3 not signed in or not allowed,
    4 no such thing, 5 not in time, 6 not reachable.
    """

    exit_code = 1


class WrongUsage(CommandError):
    exit_code = 2


class NotAllowed(CommandError):
    exit_code = 3


class NotThere(CommandError):
    exit_code = 4


class TooLate(CommandError):
    exit_code = 5


class NotReachable(CommandError):
    exit_code = 6


_MEANINGS: Mapping[int, type[CommandError]] = {
    401: NotAllowed,
    403: NotAllowed,
    404: NotThere,
    429: NotReachable,
    502: NotReachable,
    503: NotReachable,
    504: TooLate,
}


def error_of(status: int, problem: Mapping[str, Any]) -> CommandError:
    """The error that an answer of the API stands for; `problem` is its body (RFC 9457), or empty."""
    unknown = f"The server answered {status}, which is not how Timoneiro answers; is the address right?"
    said = str(problem.get("detail") or problem.get("title") or unknown)
    wrong: Sequence[Mapping[str, Any]] = problem.get("errors") or ()
    lines = [f"  {one.get('field')}: {one.get('message')}" for one in wrong if one.get("field")]
    # One field is in the detail already.
    text = "\n".join([said, *lines]) if len(lines) > 1 else said
    return _MEANINGS.get(status, CommandError)(text)
