"""What the API answers, and takes, about members, service accounts, tokens and the audit."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType

Role = Literal["viewer", "deployer", "lead"]
AccountRole = Literal["viewer", "deployer"]
Scope = Literal["read", "deploy", "admin"]


class Member(Struct, kw_only=True, frozen=True):
    """Somebody in a team. Whoever has no account yet looks no different."""

    username: str
    role: str
    links: dict[str, str]


class NewMember(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    username: str
    role: Role


class MemberChanges(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    role: Role


class ServiceAccount(Struct, kw_only=True, frozen=True):
    """A program of a team; `username` is what it is called in `created_by` and in the audit."""

    name: str
    username: str
    team: str
    role: str
    description: str
    created_by: str
    created_at: datetime
    links: dict[str, str]


class ServiceAccountChanges(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    role: AccountRole | UnsetType = UNSET
    description: str | UnsetType = UNSET


class NewServiceAccount(ServiceAccountChanges, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """`role` is deployer unless it is said."""

    name: str


class Token(Struct, kw_only=True, frozen=True):
    """A token without its text. `team` null: good for all teams of its owner.

    `owner` is a person, or a service account such as "pricing:ci". `token` is the text itself,
    told once, in the answer that made it.
    """

    id: str
    name: str
    owner: str
    scopes: Sequence[str]
    team: str | None
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    links: dict[str, str]
    token: str | UnsetType = UNSET


class NewOwnToken(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """`scopes` are at most what your role allows; `expires_at` null, or not named, is never."""

    name: str
    scopes: Sequence[Scope]
    team: str | UnsetType | None = UNSET
    expires_at: datetime | UnsetType | None = UNSET


class NewAccountToken(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """`service_account` is its name. Its tokens are good for its team alone."""

    service_account: str
    name: str
    scopes: Sequence[Literal["read", "deploy"]]
    expires_at: datetime | UnsetType | None = UNSET


class AuditEntry(Struct, kw_only=True, frozen=True):
    """Who asked for what, when and from where.

    `token` is the name of the token that was used, null for a browser; `before` and `after` hold
    what differs. Secrets are masked.
    """

    id: int
    at: datetime
    actor: str
    token: str | None
    address: str | None
    request_id: str | None
    team: str | None
    action: str
    target: str
    allowed: bool
    detail: dict[str, Any]
    before: dict[str, Any]
    after: dict[str, Any]
