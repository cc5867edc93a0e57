"""What a token's scopes allow. Roles are checked by the domain, where the rule lives."""

from typing import TYPE_CHECKING

from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from deployments.errors import PermissionDenied
from teams.models import ApiToken
from teams.roles import Scope

if TYPE_CHECKING:
    # DRF loads this module, by its name in the settings, while it defines APIView.
    from rest_framework.views import APIView


class HasScope(BasePermission):
    """Somebody is signed in and, if by token, its scopes cover the method.

    Any scope reads; `deploy` and `admin` write.
    """

    def has_permission(self, request: Request, view: "APIView") -> bool:  # noqa: ARG002 - DRF's signature
        if not request.user.is_authenticated:
            return False
        if not isinstance(request.auth, ApiToken):
            return True
        scopes = set(request.auth.scopes)
        needed = set(Scope) if request.method in SAFE_METHODS else {Scope.DEPLOY, Scope.ADMIN}
        if scopes & needed:
            return True
        raise PermissionDenied(
            "This token may only read; writing needs one with the scope deploy.", code="scope_missing"
        )
