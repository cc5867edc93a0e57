"""What happens to accounts and sessions elsewhere, and what it means here. Imported before any model is."""

import uuid
from typing import Any

from django.apps import apps
from django.http import HttpRequest
from django.utils import timezone

BEGUN = "begun"
"""Where in a session's data it is kept when, from where and with what it began."""


def note_beginning(request: HttpRequest, **_signal: Any) -> None:
    """On signing in."""
    request.session[BEGUN] = {
        "id": str(uuid.uuid4()),
        "at": timezone.now().isoformat(),
        "address": request.META.get("REMOTE_ADDR", "")[:45],
        "browser": request.META.get("HTTP_USER_AGENT", "")[:200],
    }


def take_awaited_places(instance: Any, created: bool, **_signal: Any) -> None:
    """A new account takes the places in teams that were kept for its name."""
    if created:
        places = apps.get_model("teams", "Membership").objects.filter(user=None, awaited=instance.username)
        places.update(user=instance, awaited="")
