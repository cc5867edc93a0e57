"""What each subcommand does, from its parsed arguments to what it prints."""

import getpass
import sys
from argparse import Namespace
from collections.abc import Callable, Mapping
from typing import Any

from timoneiro import output, waiting
from timoneiro.api import Answer, Api
from timoneiro.config import Config, checked_url, may_go_insecurely, save
from timoneiro.errors import NotAllowed, NotThere, WrongUsage
from timoneiro.following import follow
from timoneiro.waiting import Patience


def login(arguments: Namespace, environment: Mapping[str, str]) -> None:
    """Keeps the address and a token that works there."""
    insecure = arguments.insecure_http or may_go_insecurely(environment)
    address = arguments.url or environment.get("TIMONEIRO_URL") or _asked_for("Address: ")
    url = checked_url(address, insecure_http=insecure)
    token = environment.get("TIMONEIRO_TOKEN") or _token(arguments.token_stdin)
    with Api(Config(url, token)) as api:
        me = api.get("me/")
    names = [team["name"] for team in me["teams"]]
    team = arguments.team or (names[0] if len(names) == 1 else "")
    if team and team not in names:
        raise WrongUsage(f"{me['username']} is in no team {team!r}; there are: {', '.join(names) or 'none'}.")
    file = save(Config(url, token, team, insecure), environment)
    output.tell(f"Signed in to {url} as {me['username']}{f', team {team}' if team else ''}. Kept in {file}.")


def _asked_for(prompt: str) -> str:
    if not sys.stdin.isatty():
        raise WrongUsage("Name the address: timoneiro login --url https://...")
    return input(prompt).strip()


def _token(from_stdin: bool) -> str:
    token = sys.stdin.readline() if from_stdin or not sys.stdin.isatty() else getpass.getpass("Token: ")
    if not token.strip():
        raise NotAllowed("There is no token. Make one on the page of your account.")
    return token.strip()


class Target:
    """The deployment that a command is about."""

    def __init__(self, api: Api, arguments: Namespace) -> None:
        """Raises: WrongUsage: it is not clear of which team."""
        team, slash, name = arguments.name.partition("/")
        if not slash:
            team, name = arguments.team or api.team or _only_team(api), arguments.name
        self.list = f"teams/{team}/deployments/"
        self.address = f"{self.list}{name}/"
        self.name = name


def _only_team(api: Api) -> str:
    names = [team["name"] for team in api.get("me/")["teams"]]
    if len(names) != 1:
        said = ", ".join(names) or "none"
        raise WrongUsage(f"Say which team: --team, TIMONEIRO_TEAM or TEAM/NAME. Yours are: {said}.")
    return str(names[0])


def list_deployments(api: Api, arguments: Namespace) -> None:
    found = api.every(
        "deployments/",
        team=arguments.team,
        status=arguments.status,
        search=arguments.search,
        ordering="team,name",
    )
    if arguments.output == "json":
        output.show_json(found)
    else:
        output.show_deployments(found)


def deploy(api: Api, arguments: Namespace) -> None:
    """Makes the deployment, or changes the one that is there; and waits until it serves."""
    target = Target(api, arguments)
    try:
        before: Answer | None = api.get(target.address)
    except NotThere:
        before = None
    wish = _wish(arguments, before)
    method, address = ("PATCH", target.address) if before else ("POST", target.list)
    if before is None:
        wish |= {"name": target.name, **({"cluster": arguments.cluster} if arguments.cluster else {})}
    elif arguments.cluster and arguments.cluster != before["cluster"]:
        raise WrongUsage(f"{target.name} is in the cluster {before['cluster']!r} and cannot move.")
    _write(api, arguments, target, method, address, wish, serves=True)


def _wish(arguments: Namespace, before: Answer | None) -> dict[str, Any]:
    """The fields that were given, under the API's names."""
    if before is None and not arguments.image and not (arguments.model and arguments.version):
        raise WrongUsage("A new deployment needs --image, or --model and --version.")
    given = {
        "image": arguments.image,
        "model": arguments.model,
        "version": arguments.version,
        "replicas": arguments.replicas,
        "preset": arguments.size,
        "port": arguments.port,
        "change_cause": arguments.cause,
        "service": {"type": arguments.service} if arguments.service else None,
        "env": _env(arguments.env, before) if arguments.env else None,
    }
    wish = {name: value for name, value in given.items() if value is not None}
    if not wish:
        raise WrongUsage("Say what to change, for instance --image or --version.")
    return wish


def _env(given: list[str], before: Answer | None) -> list[dict[str, Any]]:
    """The variables as they will be: those that are there, and over them the given ones."""
    found = {one["name"]: one for one in (before["env"] if before else [])}
    for pair in given:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise WrongUsage(f"--env takes NAME=VALUE, not {pair!r}.")
        found[name] = {"name": name, "value": value}
    return list(found.values())


def scale(api: Api, arguments: Namespace) -> None:
    target = Target(api, arguments)
    body = {"replicas": arguments.replicas}
    _write(api, arguments, target, "POST", f"{target.address}scale/", body, serves=False)


def rollback(api: Api, arguments: Namespace) -> None:
    """To the revision that is named, or to the one before the present one."""
    target = Target(api, arguments)
    number = arguments.revision or api.get(target.address)["revision"] - 1
    if number < 1:
        raise WrongUsage(f"{target.name} has no earlier revision.")
    _write(api, arguments, target, "POST", f"{target.address}rollback/", {"revision": number}, serves=True)


def pause(api: Api, arguments: Namespace) -> None:
    target = Target(api, arguments)
    _write(api, arguments, target, "POST", f"{target.address}pause/", None, serves=False)


def resume(api: Api, arguments: Namespace) -> None:
    target = Target(api, arguments)
    _write(api, arguments, target, "POST", f"{target.address}resume/", None, serves=True)


def delete(api: Api, arguments: Namespace) -> None:
    target = Target(api, arguments)
    if not arguments.yes:
        if not sys.stdin.isatty():
            raise WrongUsage("Deleting needs --yes where nobody can be asked.")
        if input(f"Type {target.name} to delete it: ").strip() != target.name:
            raise WrongUsage("Nothing was deleted.")
    patience = Patience(arguments.timeout)
    answer = api.write("DELETE", target.address, wait=_held(arguments, patience))
    if arguments.wait:
        waiting.operation(api, answer["operation"], target.address, patience, output.tell)
    if arguments.output == "json":
        output.show_json(answer)
    else:
        output.tell(f"{target.name} is deleted." if arguments.wait else f"{target.name} is being deleted.")


def wait(api: Api, arguments: Namespace) -> None:
    target = Target(api, arguments)
    found = waiting.running(api, target.address, Patience(arguments.timeout), output.tell)
    _show(arguments, found)


def logs(api: Api, arguments: Namespace) -> None:
    target = Target(api, arguments)
    question = {
        "pod": arguments.pod,
        "container": arguments.container,
        "tail": arguments.tail,
        "since": arguments.since,
    }
    if arguments.follow:
        follow(api, f"{target.address}logs/", question)
        return
    text = api.text(f"{target.address}logs/", **question, previous=arguments.previous)
    if text:
        output.show(text.rstrip("\n"))


def _write(
    api: Api,
    arguments: Namespace,
    target: Target,
    method: str,
    address: str,
    body: Mapping[str, Any] | None,
    *,
    serves: bool,
) -> None:
    """Stores a wish, waits for its end unless told not to, and shows the deployment.

    `serves` says that the end is a deployment that answers, not just one that is as it was asked to be.
    """
    patience = Patience(arguments.timeout)
    answer = api.write(method, address, body, wait=_held(arguments, patience))
    found = answer["deployment"]
    if arguments.wait:
        waiting.operation(api, answer["operation"], target.address, patience, output.tell)
        found = (
            waiting.running(api, target.address, patience, output.tell) if serves else api.get(target.address)
        )
    _show(arguments, found)


def _held(arguments: Namespace, patience: Patience) -> int:
    return int(min(waiting.HELD_SECONDS, patience.left)) if arguments.wait else 0


def _show(arguments: Namespace, found: Answer) -> None:
    if arguments.output == "json":
        output.show_json(found)
    else:
        output.show_deployment(found)


COMMANDS: Mapping[str, Callable[[Api, Namespace], None]] = {
    "deploy": deploy,
    "list": list_deployments,
    "scale": scale,
    "logs": logs,
    "rollback": rollback,
    "wait": wait,
    "pause": pause,
    "resume": resume,
    "delete": delete,
}
"""Those that talk to the server that one is signed in to."""
