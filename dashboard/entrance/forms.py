"""allauth's forms that take a password or a code: wrong ones are counted, and no code is taken twice."""

from allauth.account import forms as account_forms
from allauth.account.adapter import get_adapter
from allauth.core import context
from allauth.core.internal.cryptokit import compare_user_code
from allauth.mfa.base import forms as factor_forms
from allauth.mfa.models import Authenticator
from allauth.mfa.totp import forms as totp_forms
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time
from allauth.mfa.utils import decrypt
from axes.handlers.proxy import AxesProxyHandler
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_login_failed
from django.core.exceptions import ValidationError
from django.db import transaction

from deployments import limits
from deployments.errors import DomainError
from teams import audit

# Of one account, from wherever: whoever gets this far knows its password.
CODES = limits.Limit("second-factor", 10, seconds=300)
TOO_MANY = "Too many wrong tries. Wait five minutes, then try again."


class ChangePasswordForm(account_forms.ChangePasswordForm):  # type: ignore[misc]
    """The old password is counted like one at sign-in: a browser left open must not help to guess it."""

    def clean_oldpassword(self) -> str:
        password: str = self.cleaned_data["oldpassword"]
        _confirm_password(self.user, password)
        return password


class ConfirmForm(account_forms.ReauthenticateForm):  # type: ignore[misc]
    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        _confirm_password(self.user, password)
        return password


class _Counted:
    """A form with a code in it."""

    user: User
    action = "sign in"

    def clean_code(self) -> str:
        request, credentials = context.request, {"username": self.user.get_username()}
        standing = limits.count(CODES, f"{self.user.pk}")
        if (standing is not None and standing.exceeded) or not AxesProxyHandler.is_allowed(
            request, credentials
        ):
            raise ValidationError(TOO_MANY)
        try:
            code: str = super().clean_code()  # type: ignore[misc]
            spend(getattr(self, "authenticator", None), code)
        except DomainError as unreadable:
            raise ValidationError(unreadable.detail) from unreadable
        except ValidationError:
            user_login_failed.send(sender=__name__, credentials=credentials, request=request)
            audit.refuse(self.user.username, self.action, self.user.username, why="The code was wrong.")
            raise
        return code


class CodeForm(_Counted, factor_forms.AuthenticateForm):  # type: ignore[misc]
    """At sign-in, after the password."""


class ConfirmByCodeForm(_Counted, factor_forms.ReauthenticateForm):  # type: ignore[misc]
    """Before something is changed that decides who gets in."""

    action = "confirm"


class ActivateTotpForm(_Counted, totp_forms.ActivateTOTPForm):  # type: ignore[misc]
    action = "add second factor"


def spend(authenticator: Authenticator | None, code: str) -> None:
    """Remembers the half minute whose code was used, so that it and older ones are not taken again.

    Raises:
        ValidationError: it was used already, maybe at the same moment.
    """
    if authenticator is None or authenticator.type != Authenticator.Type.TOTP:
        return
    with transaction.atomic():
        row = Authenticator.objects.select_for_update().get(pk=authenticator.pk)
        secret = decrypt(row.data["secret"])
        steps = [
            step
            for step in yield_hotp_counters_from_time()
            if compare_user_code(actual=code, expected=format_hotp_value(hotp_value(secret, step)))
        ]
        if not steps or max(steps) <= row.data.get("spent", 0):
            raise ValidationError("This code has been used. Wait for the next one.")
        row.data["spent"] = max(steps)
        row.save(update_fields=["data"])


def _confirm_password(user: User, password: str) -> None:
    """Raises: ValidationError."""
    if get_adapter().reauthenticate(user, password):
        return
    audit.refuse(user.username, "confirm", user.username, why="The password was wrong.")
    if getattr(context.request, "axes_locked_out", False):
        raise ValidationError(TOO_MANY)
    raise ValidationError("The password is wrong. It is case-sensitive.")
