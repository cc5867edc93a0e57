"""How many requests a minute one caller may make of the API."""

from django.conf import settings
from rest_framework.request import Request

from deployments.limits import Limit, Standing, count, neighbourhood_of
from teams.models import ApiToken


def counted(request: Request) -> Standing | None:
    """Counts this request of its token, its signed-in person, or else its address.

    Whoever shows a token that is none is counted by address, so that guessing is slow.
    """
    if isinstance(request.auth, ApiToken):
        return count(Limit("token", settings.REQUESTS_PER_MINUTE), str(request.auth.pk))
    if request.user.is_authenticated:
        return count(Limit("user", settings.REQUESTS_PER_MINUTE), str(request.user.pk))
    plain = request._request  # noqa: SLF001 - DRF's request is none of Django's
    return count(Limit("address", settings.REQUESTS_PER_MINUTE_ANONYMOUS), neighbourhood_of(plain))
