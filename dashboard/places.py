"""Where whoever asks belongs: pages ask that in many parts, and the database once."""

from django.http import HttpRequest

from teams.access import Places


def places_of(request: HttpRequest) -> Places:
    """The same one each time that it is asked of a request."""
    known: Places | None = getattr(request, "places", None)
    if known is None:
        known = Places(request.user)
        request.places = known  # type: ignore[attr-defined]
    return known
