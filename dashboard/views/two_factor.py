"""How somebody signs in: their password, codes of a telephone, passkeys, recovery codes.

The pages are ours, what they do is allauth's. What changes it asks first who is there.
"""

from collections.abc import Callable
from typing import Any

from allauth.account.views import PasswordChangeView, ReauthenticateView
from allauth.mfa.base.views import IndexView
from allauth.mfa.base.views import ReauthenticateView as ReauthenticateByCode
from allauth.mfa.recovery_codes.views import (
    DownloadRecoveryCodesView,
    GenerateRecoveryCodesView,
    ViewRecoveryCodesView,
)
from allauth.mfa.totp.views import ActivateTOTPView, DeactivateTOTPView
from allauth.mfa.webauthn.views import AddWebAuthnView, ReauthenticateWebAuthnView, RemoveWebAuthnView
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse, reverse_lazy
from django.views.generic import View

from dashboard.views.frame import PageRequest, page

INDEX = reverse_lazy("mfa_index")


class ChangePassword(PasswordChangeView):  # type: ignore[misc]
    """For those who have one: whoever came by the provider has none, and gets none here."""

    template_name = "two_factor/password.html"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.user.is_authenticated and not request.user.has_usable_password():
            return redirect("account")
        answer: HttpResponseBase = super().dispatch(request, *args, **kwargs)
        return answer

    def get_success_url(self) -> str:
        return reverse("account")


class AddPasskey(AddWebAuthnView):  # type: ignore[misc]
    template_name = "two_factor/add_passkey.html"

    def get_context_data(self, **more: Any) -> dict[str, Any]:
        """Browsers make passkeys for names only, and over HTTPS: on "localhost" without."""
        host = self.request.get_host().partition(":")[0]
        works = self.request.is_secure() or host == "localhost"
        # A name, not the number of a network interface: browsers know no passkeys of those.
        named = not host.replace(".", "").isdigit() and not host.startswith("[")
        context: dict[str, Any] = super().get_context_data(**more)
        return {**context, "works_here": works and named, "host": host}


class ConfirmByPasskey(ReauthenticateWebAuthnView):  # type: ignore[misc]
    template_name = "two_factor/confirm_by_passkey.html"

    def form_invalid(self, form: Any) -> HttpResponse:
        """The page again: allauth would lead to the sign-in page, where nobody has anything to do."""
        answer: HttpResponse = self.render_to_response(self.get_context_data(form=form))
        return answer


def own(view: type[View], template: str = "", **more: Any) -> Callable[..., HttpResponse]:
    """One of allauth's pages for whoever is signed in, with a template of ours and our manners."""
    shown = view.as_view(**({"template_name": f"two_factor/{template}.html"} if template else {}), **more)

    @page
    def as_page(request: PageRequest, /, **arguments: Any) -> HttpResponse:
        answer = shown(request, **arguments)
        # Some hold codes or challenges; pages of the past must not show them either.
        answer["Cache-Control"] = "no-store"
        return answer  # type: ignore[return-value]

    return as_page


index = own(IndexView, "index")
change_password = own(ChangePassword)
confirm = own(ReauthenticateView, "confirm")
confirm_by_code = own(ReauthenticateByCode, "confirm_by_code")
confirm_by_passkey = own(ConfirmByPasskey)
add_codes = own(ActivateTOTPView, "add_codes", success_url=INDEX)
remove_codes = own(DeactivateTOTPView, "remove_codes", success_url=INDEX)
recovery_codes = own(ViewRecoveryCodesView, "recovery_codes")
new_recovery_codes = own(GenerateRecoveryCodesView, "new_recovery_codes")
download_recovery_codes = own(DownloadRecoveryCodesView)
add_passkey = own(AddPasskey)
remove_passkey = own(RemoveWebAuthnView, "remove_passkey", success_url=INDEX)
