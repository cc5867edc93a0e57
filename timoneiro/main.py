"""The command line: what can be typed, and the exit code."""

import argparse
import os
import sys
from collections.abc import Sequence

from timoneiro import commands, config, output
from timoneiro.api import Api
from timoneiro.errors import CommandError

EPILOG = """\
Where and who: TIMONEIRO_URL and TIMONEIRO_TOKEN, else what `timoneiro login` has kept.
Names are NAME, with the team from --team, TIMONEIRO_TEAM or the login, or TEAM/NAME.

exit codes: 0 done   1 refused, or it does not run   2 wrong usage   3 not signed in or not allowed
            4 no such thing   5 not in time   6 the server cannot be reached
"""
INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; the exit code."""
    arguments = parser().parse_args(argv)
    try:
        if arguments.command == "login":
            commands.login(arguments, os.environ)
        else:
            with Api(config.load(os.environ, insecure_http=arguments.insecure_http)) as api:
                commands.COMMANDS[arguments.command](api, arguments)
    except CommandError as error:
        output.tell(f"timoneiro: {error}")
        return error.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output has seen enough; what is buffered must not complain at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def parser() -> argparse.ArgumentParser:
    """All that can be typed."""
    made = argparse.ArgumentParser(
        prog="timoneiro",
        description="Deploy and scale models with Timoneiro.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    kinds = made.add_subparsers(dest="command", required=True, metavar="COMMAND")
    common, waits, named = _parents()

    login = kinds.add_parser("login", help="keep an address and a token", parents=[common])
    login.add_argument("--url", help="where Timoneiro is, such as https://deploy.example.org")
    login.add_argument("--token-stdin", action="store_true", help="read the token from standard input")

    _add_deploy(kinds.add_parser("deploy", help="deploy or change, and wait", parents=[common, named, waits]))

    found = kinds.add_parser("list", help="list deployments", parents=[common])
    found.add_argument("--status", help="only those in this state")
    found.add_argument("--search", help="only those that contain this")

    scale = kinds.add_parser("scale", help="set the number of replicas", parents=[common, named, waits])
    scale.add_argument("replicas", type=int)

    _add_logs(kinds.add_parser("logs", help="show or follow logs", parents=[common, named]))

    back = kinds.add_parser("rollback", help="bring an older revision back", parents=[common, named, waits])
    back.add_argument("revision", type=int, nargs="?", help="without it, the one before the present one")

    still = kinds.add_parser("wait", help="wait until it serves", parents=[common, named])
    _add_timeout(still)
    kinds.add_parser("pause", help="stop every pod, keep the address", parents=[common, named, waits])
    kinds.add_parser("resume", help="bring the replicas back", parents=[common, named, waits])
    gone = kinds.add_parser("delete", help="delete a deployment", parents=[common, named, waits])
    gone.add_argument("--yes", action="store_true", help="do not ask")
    return made


def _parents() -> tuple[argparse.ArgumentParser, argparse.ArgumentParser, argparse.ArgumentParser]:
    """What many commands share: team and output; waiting; the name."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--team", default="")
    common.add_argument(
        "--insecure-http", action="store_true", help="let the token go without TLS to another machine"
    )
    common.add_argument("-o", "--output", choices=("text", "json"), default="text")
    waits = argparse.ArgumentParser(add_help=False)
    waits.add_argument(
        "--no-wait",
        dest="wait",
        action="store_false",
        help="return when the wish is stored, not when it is done",
    )
    _add_timeout(waits)
    named = argparse.ArgumentParser(add_help=False)
    named.add_argument("name", metavar="[TEAM/]NAME")
    return common, waits, named


def _add_timeout(made: argparse.ArgumentParser) -> None:
    made.add_argument(
        "--timeout", type=float, default=600, metavar="SECONDS", help="give up after this (600)"
    )


def _add_deploy(made: argparse.ArgumentParser) -> None:
    made.add_argument("--image", help="the image; its name and tag become model and version")
    made.add_argument("--model")
    made.add_argument("--version")
    made.add_argument("--replicas", type=int)
    made.add_argument("--size", help="a size such as small")
    made.add_argument("--port", type=int, help="where the container listens")
    made.add_argument("--service", choices=("ClusterIP", "NodePort", "LoadBalancer"))
    made.add_argument("--env", action="append", metavar="NAME=VALUE", help="may be given several times")
    made.add_argument("--cause", help="why, for the list of revisions")
    made.add_argument("--cluster", help="only for a new one")


def _add_logs(made: argparse.ArgumentParser) -> None:
    made.add_argument("-f", "--follow", action="store_true", help="go on with what is written from now on")
    made.add_argument("--pod", help="only this one; without it, all replicas")
    made.add_argument("--container")
    made.add_argument("--tail", type=int, default=200, metavar="LINES", help="from the end (200)")
    made.add_argument("--since", metavar="DURATION", help="such as 90s, 10m or 2h")
    made.add_argument("--previous", action="store_true", help="of the run before the last restart")
