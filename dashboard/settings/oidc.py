"""The one OpenID Connect provider that people may sign in with, as the environment describes it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from dashboard.settings.environment import Environment
from teams.roles import Role

LONGEST_ISSUER = 200
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


@dataclass(frozen=True)
class Place:
    """What a group of the provider gives: a role in the team of this name."""

    team: str
    role: Role


@dataclass(frozen=True)
class Oidc:
    """`places` by the provider's group; `groups_claim` may be a path such as "realm_access.roles".

    Without `create_accounts` only those get in who have an account here; without
    `link_verified_email` an account is never found by its e-mail address.
    """

    issuer: str
    client_id: str
    client_secret: str
    name: str = "single sign-on"
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    groups_claim: str = "groups"
    places: Mapping[str, tuple[Place, ...]] = field(default_factory=dict)
    admin_group: str = ""
    create_accounts: bool = False
    link_verified_email: bool = False


def oidc_from(env: Environment) -> Oidc | None:
    """The provider; None when none is named.

    Raises:
        ValueError: names the variable, and says what it should be.
    """
    if not env.oidc_issuer:
        return None
    if not env.oidc_client_id or not env.oidc_client_secret:
        raise ValueError("OIDC_CLIENT_ID, OIDC_CLIENT_SECRET: both are needed with OIDC_ISSUER")
    scopes = tuple(env.oidc_scopes.split())
    if "openid" not in scopes:
        raise ValueError("OIDC_SCOPES: openid must be among them")
    return Oidc(
        issuer=_issuer(env.oidc_issuer),
        client_id=env.oidc_client_id,
        client_secret=env.oidc_client_secret,
        name=env.oidc_name.strip() or "single sign-on",
        scopes=scopes,
        groups_claim=env.oidc_groups_claim,
        places=_places(env.oidc_groups),
        admin_group=env.oidc_admin_group,
        create_accounts=env.oidc_create_accounts,
        link_verified_email=env.oidc_link_verified_email,
    )


def _issuer(text: str) -> str:
    """Without a slash at its end, by which providers and people differ."""
    issuer = text.strip().rstrip("/")
    parts = urlsplit(issuer)
    loopback = parts.scheme == "http" and parts.hostname in _LOOPBACK
    if not parts.hostname or not (parts.scheme == "https" or loopback) or parts.query or parts.fragment:
        raise ValueError("OIDC_ISSUER: an address such as https://id.example.org/realms/main")
    if len(issuer) > LONGEST_ISSUER:
        raise ValueError(f"OIDC_ISSUER: at most {LONGEST_ISSUER} characters")
    return issuer


def _places(text: str) -> dict[str, tuple[Place, ...]]:
    """From JSON: {"ml-engineers": "pricing:deployer", "leads": ["pricing:lead", "vision:viewer"]}."""
    try:
        given = json.loads(text or "{}")
    except ValueError as exc:
        raise ValueError(f"OIDC_GROUPS: not JSON ({exc})") from exc
    if not isinstance(given, dict):
        raise ValueError('OIDC_GROUPS: a JSON object such as {"ml-engineers": "pricing:deployer"}')
    return {
        group: tuple(_place(group, one) for one in (words if isinstance(words, list) else [words]))
        for group, words in given.items()
    }


def _place(group: str, words: object) -> Place:
    team, colon, role = str(words).partition(":")
    if not isinstance(words, str) or not team or not colon or role not in set(Role):
        roles = ", ".join(Role)
        raise ValueError(f"OIDC_GROUPS: {group!r} must lead to TEAM:ROLE, with a role of {roles}")
    return Place(team, Role(role))
