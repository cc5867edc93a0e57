"""The audit: who asked for what, from where, what it changed, and whether it was allowed."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any, TypedDict

from teams.models import AuditEntry

MASK = "***"
# Of one value; a deployment has some twenty of them, most of which are short.
MOST_CHARACTERS = 4_000
_SECRET = re.compile(r"secret|passw|token|credential|api_?key|private|authoriz|^auth$", re.IGNORECASE)
# Variables are called so, other things are not: a taint has a "key", too.
_SECRET_VARIABLE = re.compile(r"key$|^key|_pw$|dsn$", re.IGNORECASE)
_LOGIN_IN_ADDRESS = re.compile(r"(://)[^/@\s]+@")
# In a variable: whether it is one.
_HARMLESS = frozenset({"secret"})


@dataclass(frozen=True)
class Origin:
    """Where a request came from: its network address, its id, and the name of the token it used."""

    address: str = ""
    request_id: str = ""
    token: str = ""


class Change(TypedDict, total=False):
    """What something was like before and after; see `record`."""

    before: Mapping[str, object]
    after: Mapping[str, object]


_NOWHERE = Origin()
_origin: ContextVar[Origin] = ContextVar("origin", default=_NOWHERE)


@contextmanager
def coming_from(origin: Origin) -> Iterator[None]:
    """What is recorded inside came from there."""
    before = _origin.set(origin)
    try:
        yield
    finally:
        _origin.reset(before)


def note_token(name: str) -> None:
    """The request being answered used the token of this name; until the end of its `coming_from`."""
    _origin.set(replace(_origin.get(), token=name))


def record(
    actor: str,
    action: str,
    target: str,
    *,
    team: str = "",
    allowed: bool = True,
    detail: Mapping[str, object] | None = None,
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
) -> AuditEntry:
    """Appends one entry. `target` is a path of names such as "pricing/house-prices".

    Of `before` and `after` only what differs is kept; a new thing has no `before`, an ended one no
    `after`. Whatever is called like a secret is masked, and what is long is cut: nothing here can be
    deleted again.
    """
    origin = _origin.get()
    old, new = _differing(before or {}, after or {})
    return AuditEntry.objects.create(
        actor=actor[:150],
        token=origin.token[:60],
        address=origin.address[:45],
        request_id=origin.request_id[:40],
        action=action[:60],
        target=target[:200],
        team=team[:40],
        allowed=allowed,
        detail=_kept(detail or {}),
        before=old,
        after=new,
    )


def refuse(actor: str, action: str, target: str, *, team: str = "", why: str = "") -> None:
    """Appends a refusal."""
    record(actor, action, target, team=team, allowed=False, detail={"why": why} if why else None)


def _differing(
    before: Mapping[str, object], after: Mapping[str, object]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The entries that are not the same in both, masked after they were compared."""
    names = [name for name in {**before, **after} if _written(before.get(name)) != _written(after.get(name))]
    old = {name: before[name] for name in names if name in before}
    new = {name: after[name] for name in names if name in after}
    return _kept(old), _kept(new)


def _kept(values: Mapping[str, object]) -> dict[str, Any]:
    """Masked, and each value that is longer than `MOST_CHARACTERS` as the beginning of its text.

    Cut after it was masked: of half a text nobody could tell what it is called.
    """
    found: dict[str, Any] = masked(values)
    return {name: _cut(value) for name, value in found.items()}


def _cut(value: Any) -> Any:
    text = value if isinstance(value, str) else _written(value)
    if len(text) <= MOST_CHARACTERS:
        return value
    return f"{text[:MOST_CHARACTERS]}... ({len(text)} characters)"


def _written(value: object) -> str:
    """As JSON, in which a list that was read is the same as a tuple that will be written."""
    return json.dumps(value, sort_keys=True, default=str)


def masked(value: Any) -> Any:
    """JSON with `MASK` in place of what is called like a secret: {"password": "x"}, {"name": "API_KEY", ...}.

    What a key of that kind leads to is masked unless it is empty, true or false.
    """
    if isinstance(value, Mapping):
        secret_pair = value.get("secret") is True or _is_secret_variable(str(value.get("name", "")))
        return {
            str(key): _mask(inner)
            if _is_secret(str(key)) or (key == "value" and secret_pair)
            else masked(inner)
            for key, inner in value.items()
        }
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [masked(inner) for inner in value]
    if isinstance(value, int | float | bool | None):
        return value
    # "postgres://user:password@host": whoever looks an address up needs no login.
    return _LOGIN_IN_ADDRESS.sub(rf"\1{MASK}@", str(value))


def _is_secret_variable(name: str) -> bool:
    return _is_secret(name) or _SECRET_VARIABLE.search(name) is not None


def _is_secret(name: str) -> bool:
    return name.lower() not in _HARMLESS and _SECRET.search(name) is not None


def _mask(value: Any) -> Any:
    return value if value in (None, "") or isinstance(value, bool) else MASK
