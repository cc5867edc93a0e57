"""What is changed about how somebody signs in, for the audit."""

from typing import Any

from allauth.account.signals import password_changed
from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authenticator_added, authenticator_removed, authenticator_reset
from allauth.socialaccount.models import SocialLogin
from allauth.socialaccount.signals import social_account_added
from django.contrib.auth.models import User
from django.dispatch import receiver

from teams import audit


@receiver(authenticator_added)
def factor_added(user: User, authenticator: Authenticator, **_signal: Any) -> None:
    audit.record(user.username, "add second factor", user.username, after=_described(authenticator))


@receiver(authenticator_removed)
def factor_removed(user: User, authenticator: Authenticator, **_signal: Any) -> None:
    audit.record(user.username, "remove second factor", user.username, before=_described(authenticator))


@receiver(authenticator_reset)
def codes_renewed(user: User, **_signal: Any) -> None:
    audit.record(user.username, "make recovery codes", user.username)


@receiver(password_changed)
def password_was_changed(user: User, **_signal: Any) -> None:
    audit.record(user.username, "change password", user.username)


@receiver(social_account_added)
def provider_connected(sociallogin: SocialLogin, **_signal: Any) -> None:
    user, account = sociallogin.user, sociallogin.account
    detail = {"provider": account.provider, "subject": account.uid}
    audit.record(user.username, "connect provider", user.username, detail=detail)


def _described(authenticator: Authenticator) -> dict[str, object]:
    return {"kind": str(authenticator.get_type_display()), "name": str(authenticator)}
