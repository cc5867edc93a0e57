"""Roles and what each may do."""

from enum import StrEnum


class Role(StrEnum):
    """A person's place in a team; a later role may do all that an earlier one may."""

    VIEWER = "viewer"
    DEPLOYER = "deployer"
    LEAD = "lead"

    @property
    def rank(self) -> int:
        return list(Role).index(self)

    def covers(self, needed: "Role") -> bool:
        return self.rank >= needed.rank


class Scope(StrEnum):
    """What a token may do, at most; its owner's roles bound it further."""

    READ = "read"
    DEPLOY = "deploy"
    ADMIN = "admin"
