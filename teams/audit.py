"""The audit: who asked for what, and whether it was allowed."""

from collections.abc import Mapping

from teams.models import AuditEntry


def record(
    actor: str,
    action: str,
    target: str,
    *,
    team: str = "",
    allowed: bool = True,
    detail: Mapping[str, object] | None = None,
) -> AuditEntry:
    """Appends one entry. `target` is a path of names such as "pricing/house-prices"."""
    return AuditEntry.objects.create(
        actor=actor, action=action, target=target[:200], team=team, allowed=allowed, detail=dict(detail or {})
    )
