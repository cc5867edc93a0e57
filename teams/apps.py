from django.apps import AppConfig
from django.conf import settings
from django.contrib.auth.signals import user_logged_in
from django.db.models.signals import post_migrate, post_save

from teams import append_only, receivers


class TeamsConfig(AppConfig):
    name = "teams"

    def ready(self) -> None:
        """Connects what happens elsewhere to what it means here."""
        post_migrate.connect(append_only.protect, sender=self)
        user_logged_in.connect(receivers.note_beginning)
        post_save.connect(receivers.take_awaited_places, sender=settings.AUTH_USER_MODEL)
