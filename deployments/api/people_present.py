"""Rows of people, tokens and the audit into the shapes of the contract."""

from collections.abc import Iterable, Sequence

from msgspec import UNSET, UnsetType

from deployments.api import people_shapes as shapes
from deployments.api.present import address
from teams.models import ApiToken, AuditEntry, Membership, ServiceAccount


def members(rows: Iterable[Membership]) -> list[shapes.Member]:
    return [member(row) for row in rows]


def member(row: Membership) -> shapes.Member:
    links = {"self": address("member", team=row.team.name, username=row.username)}
    return shapes.Member(username=row.username, role=row.role, links=links)


def service_accounts(rows: Iterable[ServiceAccount]) -> list[shapes.ServiceAccount]:
    return [service_account(row) for row in rows]


def service_account(row: ServiceAccount) -> shapes.ServiceAccount:
    return shapes.ServiceAccount(
        name=row.name,
        username=row.user.get_username(),
        team=row.team.name,
        role=row.role,
        description=row.description,
        created_by=row.created_by,
        created_at=row.created_at,
        links={"self": address("service-account", team=row.team.name, account=row.name)},
    )


def own_tokens(rows: Iterable[ApiToken]) -> list[shapes.Token]:
    return [token(row, address("my-token", token=row.pk)) for row in rows]


def account_tokens(rows: Sequence[ApiToken]) -> list[shapes.Token]:
    """Of service accounts: each has a team."""
    return [
        token(row, address("token", team=row.team.name if row.team else "", token=row.pk)) for row in rows
    ]


def token(row: ApiToken, where: str, *, text: str | UnsetType = UNSET) -> shapes.Token:
    """`text` is the token itself, told to whoever has just made it."""
    return shapes.Token(
        id=str(row.pk),
        name=row.name,
        owner=row.user.get_username(),
        scopes=row.scopes,
        team=row.team.name if row.team else None,
        created_by=row.created_by,
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
        links={"self": where},
        token=text,
    )


def audit_entries(rows: Iterable[AuditEntry]) -> list[shapes.AuditEntry]:
    return [
        shapes.AuditEntry(
            id=row.pk,
            at=row.at,
            actor=row.actor,
            token=row.token or None,
            address=row.address or None,
            request_id=row.request_id or None,
            team=row.team or None,
            action=row.action,
            target=row.target,
            allowed=row.allowed,
            detail=row.detail,
            before=row.before,
            after=row.after,
        )
        for row in rows
    ]
