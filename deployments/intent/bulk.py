"""One action on many deployments: each a wish of its own, with its own answer."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from django.contrib.auth.models import User

from deployments.errors import DomainError, FieldError, InvalidInput
from deployments.intent.changing import restart
from deployments.intent.scaling import pause, resume, scale
from deployments.models import Deployment, Operation
from deployments.selectors import get_deployment
from deployments.spec import parse_replicas

BULK_ACTIONS = ("scale", "pause", "resume", "restart")
MOST_TARGETS = 500


@dataclass(frozen=True, slots=True)
class BulkResult:
    """What became of one target: an operation, or why there is none."""

    team: str
    name: str
    operation: Operation | None = None
    error: DomainError | None = None


def bulk(
    action: str, targets: Sequence[tuple[str, str]], *, by: User, replicas: object = None
) -> list[BulkResult]:
    """Does `action` to each target, (team, name), in order; one that is refused stops no other.

    `replicas` is for "scale".

    Raises:
        InvalidInput: no such action, a count that cannot be, none or too many targets.
    """
    act = _act_of(action, replicas)
    if not targets:
        raise InvalidInput([FieldError("targets", "Choose at least one deployment.", "required")])
    if len(targets) > MOST_TARGETS:
        raise InvalidInput([FieldError("targets", f"At most {MOST_TARGETS} at once.", "too_many")])
    # Twice the same would scale once and then be told so twice.
    return [_one(act, team, name, by) for team, name in dict.fromkeys(targets)]


def _act_of(action: str, replicas: object) -> Callable[[Deployment, User], Operation]:
    if action == "scale":
        wanted = parse_replicas(replicas)
        return lambda row, by: scale(row, wanted, by=by)
    acts: Mapping[str, Callable[[Deployment, User], Operation]] = {
        "pause": lambda row, by: pause(row, by=by),
        "resume": lambda row, by: resume(row, by=by),
        "restart": lambda row, by: restart(row, by=by),
    }
    if action not in acts:
        text = f"Choose one of: {', '.join(BULK_ACTIONS)}."
        raise InvalidInput([FieldError("action", text, "not_a_choice")])
    return acts[action]


def _one(act: Callable[[Deployment, User], Operation], team: str, name: str, by: User) -> BulkResult:
    try:
        return BulkResult(team, name, operation=act(get_deployment(by, team, name), by))
    except DomainError as exc:
        return BulkResult(team, name, error=exc)
