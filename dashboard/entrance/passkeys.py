"""The forms that take what a passkey answers. It comes from anybody, so it is looked at strictly first."""

import re
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from allauth.mfa.webauthn import forms as webauthn_forms
from django import forms
from django.core.exceptions import ValidationError

MOST_CHARACTERS = 64_000
"""Attestations of some security keys are of several kilobytes."""
WRONG = "The passkey is not known here, or its answer was wrong."
_BASE64URL = re.compile(r"[A-Za-z0-9_-]+={0,2}")
_NEEDED = ("id", "rawId", "type")
_RESPONSE = ("clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle")
# What decoding of bytes that mean nothing may raise: the libraries raise whatever they meet.
_UNREADABLE = (KeyError, ValueError, TypeError, AttributeError, IndexError, struct.error, ArithmeticError)


class CredentialField(forms.JSONField):
    """Only what is known of a credential, all of it base64url: nothing else is decoded, or kept."""

    widget = forms.HiddenInput
    default_error_messages = {"required": WRONG, "invalid": WRONG}

    def to_python(self, value: Any) -> Any:
        if isinstance(value, str) and len(value) > MOST_CHARACTERS:
            raise ValidationError(WRONG)
        try:
            given = super().to_python(value)
        except RecursionError as exc:
            raise ValidationError(WRONG) from exc
        return _known(given)


class AddForm(webauthn_forms.AddWebAuthnForm):  # type: ignore[misc]
    name = forms.CharField(required=False, max_length=100)
    credential = CredentialField()

    def clean(self) -> dict[str, Any]:
        with _refusing():
            cleaned: dict[str, Any] = super().clean()
            return cleaned


class _Answering:
    def clean_credential(self) -> Any:
        with _refusing():
            return super().clean_credential()  # type: ignore[misc]


class LoginForm(_Answering, webauthn_forms.LoginWebAuthnForm):  # type: ignore[misc]
    credential = CredentialField()


class SecondFactorForm(_Answering, webauthn_forms.AuthenticateWebAuthnForm):  # type: ignore[misc]
    credential = CredentialField()


class ConfirmForm(_Answering, webauthn_forms.ReauthenticateWebAuthnForm):  # type: ignore[misc]
    credential = CredentialField()


@contextmanager
def _refusing() -> Iterator[None]:
    """Raises: ValidationError: instead of what the libraries raise over bytes that they cannot read."""
    try:
        yield
    except _UNREADABLE as exc:
        raise ValidationError(WRONG) from exc


def _known(given: Any) -> dict[str, Any]:
    """Raises: ValidationError: it is not in the shape of WebAuthn's JSON."""
    response = given.get("response") if isinstance(given, dict) else None
    if not isinstance(response, dict):
        raise ValidationError(WRONG)
    credential = {name: given.get(name) for name in _NEEDED}
    answered = {name: response[name] for name in _RESPONSE if response.get(name) is not None}
    texts = [credential["id"], credential["rawId"], *answered.values()]
    if credential["type"] != "public-key" or not all(_is_base64url(text) for text in texts):
        raise ValidationError(WRONG)
    extensions = given.get("clientExtensionResults")
    told = extensions.get("credProps") if isinstance(extensions, dict) else None
    resident = told.get("rk") if isinstance(told, dict) else None
    results = {"credProps": {"rk": resident}} if isinstance(resident, bool) else {}
    return {**credential, "response": answered, "clientExtensionResults": results}


def _is_base64url(text: object) -> bool:
    return isinstance(text, str) and _BASE64URL.fullmatch(text) is not None
